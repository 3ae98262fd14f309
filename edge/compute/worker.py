"""The child process that computes: JSON lines in on standard input, answers out on standard output, until the input ends.

Promises: every line that can be told to be a request gets exactly one answer, in order; a bad request or a failure inside science is
answered with ``ok: false`` and the reason and never ends the loop; standard output carries answers only. Raw windows are read through
`edge.archive.reader` alone. Not
here: deciding what to compute when, time limits, restarting (see the agent's client).
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from edge.compute.columns import Raw
from edge.compute.messages import MAX_LINE_BYTES, Answer, Request

Handler = Callable[[Request], Answer]
ReadWindow = Callable[[str], Raw]


def read_archive(path: str) -> Raw:
    """The raw window of a ``.ghg`` or an open live file."""
    from pathlib import Path

    from edge.archive.reader import read_window

    window: Raw = read_window(Path(path))
    return window


def handlers(read_window: ReadWindow = read_archive) -> dict[str, Handler]:
    """Kind of request → what answers it. Science is imported at its first use, so that a worker is ready at once."""

    def eddy(request: Request) -> Answer:
        from edge.compute import eddy as module

        if not request.raw:
            raise ValueError("an eddy request needs the path of its raw window in 'raw'")
        return module.compute(request, read_window(request.raw))

    def air_sea(request: Request) -> Answer:
        from edge.compute import air_sea as module

        return module.answer(request)

    def oxygen(request: Request) -> Answer:
        from edge.compute import oxygen as module

        return module.answer(request)

    def learn(request: Request) -> Answer:
        from edge.compute import learning as module

        if not request.raw:
            raise ValueError("a learn request needs the path of the history file in 'raw'")
        return module.answer(request)

    def tide(request: Request) -> Answer:
        from edge.compute import tide as module

        return module.answer(request)

    return {"eddy": eddy, "air_sea": air_sea, "oxygen": oxygen, "tide": tide, "learn": learn}


class _OnlyId(msgspec.Struct):
    id: int


class Worker:
    """Answers one line after the other. ``garbage`` counts lines that were no requests at all; kind ``ping`` asks for it."""

    def __init__(self, by_kind: dict[str, Handler]) -> None:
        self._by_kind = {**by_kind, "ping": self._ping}
        self._decoder = msgspec.json.Decoder(Request)
        self._encoder = msgspec.json.Encoder()
        self.garbage = 0

    def answer(self, line: bytes) -> Answer | None:
        """The answer to one line; None for a line without a request (it is counted)."""
        try:
            request = self._decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            return self._refuse(line, error)
        handler = self._by_kind.get(request.kind)
        if handler is None:
            known = ", ".join(sorted(self._by_kind))
            return Answer(id=request.id, ok=False, error=f"kind {request.kind[:80]!r} is not one of {known}")
        try:
            return handler(request)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{os.path.basename(place.filename)}:{place.lineno}"  # noqa: PTH119
            return Answer(id=request.id, ok=False, error=f"{request.kind}: {type(error).__name__}: {str(error)[:500]} ({where})")

    def reply(self, line: bytes) -> bytes | None:
        """The answer to one line as it is sent; an answer that cannot be written down is a failure like any other."""
        found = self.answer(line)
        if found is None:
            return None
        try:
            return self._encoder.encode(found)
        except (TypeError, ValueError, OverflowError) as error:
            return self._encoder.encode(Answer(id=found.id, ok=False, error=f"the answer cannot be written as JSON: {error}"))

    def _ping(self, request: Request) -> Answer:
        return Answer(id=request.id, ok=True, detail={"garbage": self.garbage})

    def _refuse(self, line: bytes, error: Exception) -> Answer | None:
        try:
            number = msgspec.json.decode(line, type=_OnlyId).id
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            self.garbage += 1
            return None
        return Answer(id=number, ok=False, error=f"not a request: {str(error)[:500]}")


def serve(source: BinaryIO, sink: BinaryIO, worker: Worker) -> None:
    """Answer every line of ``source`` until it ends or nobody listens. A line beyond the limit is skipped as garbage."""
    while line := source.readline(MAX_LINE_BYTES):
        if not line.endswith(b"\n") and len(line) >= MAX_LINE_BYTES:
            worker.garbage += 1
            while line and not line.endswith(b"\n"):
                line = source.readline(MAX_LINE_BYTES)
            continue
        if not line.strip():
            continue
        reply = worker.reply(line)
        if reply is not None:
            sink.write(reply + b"\n")
            sink.flush()


def main() -> None:
    """Run as ``python -m edge.compute.worker``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the agent; it ends this process by closing its input
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints must not look like an answer
    try:
        serve(sys.stdin.buffer, answers, Worker(handlers()))
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
