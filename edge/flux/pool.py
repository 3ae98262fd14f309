"""One function over many files, spread over processes.

Results come as they are ready, each with its file. A file that fails gives its reason; a process that dies (memory) costs the one file it
held, which is found by computing alone what was under way. Ctrl-C ends after the files that are under way: workers do not hear it.
Workers come from a fork server that has imported what they need, so that each is there in milliseconds, whatever threads the caller has.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from edge.errors import EdgeError

Result = TypeVar("Result")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
FEW_FILES = 3
"""so many are computed at once where they are: a pool would take longer to start"""


@dataclass(frozen=True)
class Failure:
    """Why a file gave no result."""

    reason: str


@dataclass(frozen=True)
class Done(Generic[Result]):
    """One file's outcome."""

    path: Path
    result: Result | Failure


def cores() -> int:
    """How many processes can work at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def over_files(work: Callable[[Path], Result], files: Sequence[Path], jobs: int) -> Iterator[Done[Result]]:
    """``work(path)`` for every file, in any order; ``work`` can be pickled (a `functools.partial` of a module's function)."""
    jobs = min(jobs, len(files))
    if jobs <= 1 or len(files) <= FEW_FILES:
        for path in files:
            yield Done(path, guarded(work, path))
        return
    for name in THREADS:
        os.environ.setdefault(name, "1")
    finished: set[Path] = set()
    try:
        for done in _in_pool(work, files, jobs):
            finished.add(done.path)
            yield done
    except BrokenProcessPool:
        yield from _one_by_one(work, [path for path in files if path not in finished])


def guarded(work: Callable[[Path], Result], path: Path) -> Result | Failure:
    """The result of one file, or why there is none: one file must not cost the others."""
    try:
        return work(path)
    except EdgeError as error:
        return Failure(str(error))
    except MemoryError:
        return Failure("there is not enough memory for it")
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}")


def _quiet() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _pool(jobs: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "edge.flux.work"])
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_quiet)


def _in_pool(work: Callable[[Path], Result], files: Sequence[Path], jobs: int) -> Iterator[Done[Result]]:
    pool = _pool(jobs)
    try:
        under_way: dict[Future[Result | Failure], Path] = {pool.submit(partial(guarded, work), path): path for path in files}
        for future in as_completed(under_way):
            yield Done(under_way[future], future.result())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _one_by_one(work: Callable[[Path], Result], files: Sequence[Path]) -> Iterator[Done[Result]]:
    """One file after the other in a process of its own, so that it is known which one ends it."""
    pool = _pool(1)
    try:
        for path in files:
            try:
                yield Done(path, pool.submit(guarded, work, path).result())
            except BrokenProcessPool:
                yield Done(path, Failure("the process that computed it died, perhaps for want of memory"))
                pool.shutdown(wait=True)
                pool = _pool(1)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
