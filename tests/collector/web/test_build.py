"""The page is built from a bare machine, small, typed, without hosts; and its pure parts are true."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from collector.web import build

UNITS = Path(__file__).with_name("units.ts")


def test_new_enough_node() -> None:
    assert [build.new_enough(v) for v in ("v20.19.0", "v22.12.0", "v24.0.1")] == [True] * 3
    assert [build.new_enough(v) for v in ("v18.20.4", "v20.18.9", "v22.11.0", "v21.0.0", "nonsense", "")] == [False] * 6


@pytest.mark.needs("page")
def test_types_are_clean_and_an_unchanged_page_is_not_built_again() -> None:
    build.build(check=True)
    stamp = (build.DIST / build.STAMP).stat().st_mtime_ns
    assert build.build() is False
    assert (build.DIST / build.STAMP).stat().st_mtime_ns == stamp


@pytest.mark.needs("page")
def test_the_whole_page_is_small() -> None:
    assert 50_000 < build.page_bytes() < build.LARGEST_GZIP_BYTES


def test_the_lock_file_names_no_host() -> None:
    build.check_lock()


@pytest.mark.needs("page")
def test_the_built_page_names_no_other_host_and_carries_its_licences() -> None:
    allowed = {"http://www.w3.org", "https://leafletjs.com"}  # names of XML spaces; Leaflet's own credit, which is not shown
    for file in (f for f in build.DIST.rglob("*") if f.suffix in {".html", ".js", ".css", ".svg"}):
        assert set(re.findall(r"https?://[A-Za-z0-9.-]+", file.read_text(encoding="utf-8"))) <= allowed, file.name
    licences = (build.DIST / "licences.txt").read_text(encoding="utf-8")
    assert all(name in licences for name in ("preact", "uplot", "leaflet", "world-atlas"))


def test_data_never_become_markup() -> None:
    for file in (build.WEB / "src").rglob("*.ts*"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySet|document\.write|\beval\(|new Function", text), (
            file.name
        )


@pytest.mark.needs("page")
def test_pure_parts(tmp_path: Path) -> None:
    build.build(check=True)
    node = build.find_node()
    bundle = tmp_path / "units.mjs"
    arguments = ["node_modules/rolldown/bin/cli.mjs", str(UNITS), "-o", str(bundle), "--platform", "node"]
    made = node.node(arguments, cwd=build.WEB, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert made.returncode == 0, made.stdout
    ran = node.node(["--test", str(bundle)], cwd=build.WEB, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"pass 2[0-9]", ran.stdout), ran.stdout
