"""A database that fails as scripted: one action per request, then it takes everything and remembers what it took."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HANG = "hang"
DROP = "drop"
Action = int | str
"""An HTTP status to answer with, HANG (no answer) or DROP (the connection breaks after the lines were taken)."""


class FaultyDatabase:
    """``script`` holds the coming actions; ``refuses`` tells bad lines (answered with ``refusal``, nothing taken)."""

    def __init__(self) -> None:
        self.script: list[Action] = []
        self.refuses: Callable[[str], bool] = lambda line: False
        self.refusal = 400
        self.lines: dict[str, str] = {}
        self.requests: list[tuple[int, str]] = []
        self.tokens: list[str] = []
        self.changed = threading.Condition()
        self.released = threading.Event()
        database = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if self.path.startswith("/query"):  # create database
                    self._answer(200)
                    return
                database.handle(self, text)

            def _answer(self, status: int) -> None:
                body = b"" if status == 204 else b'{"error":"scripted"}'
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def handle(self, handler, text: str) -> None:
        lines = text.split("\n")
        with self.changed:
            action: Action = self.script.pop(0) if self.script else self.refusal if any(map(self.refuses, lines)) else 204
            self.tokens.append(handler.headers.get("Authorization", ""))
            if action in (204, DROP):
                for line in lines:
                    series, _, rest = line.partition(" ")
                    self.lines[f"{series} {rest.rpartition(' ')[2]}"] = line
            self.requests.append((action if isinstance(action, int) else 0, text))
            self.changed.notify_all()
        if action == HANG:
            self.released.wait(30)
        elif action != DROP:
            handler._answer(action)
        handler.close_connection = True

    def until(self, condition: Callable[[], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, 40)


@contextmanager
def faulty_database() -> Iterator[FaultyDatabase]:
    database = FaultyDatabase()
    thread = threading.Thread(target=database._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield database
    finally:
        database.released.set()
        database._server.shutdown()
        database._server.server_close()
