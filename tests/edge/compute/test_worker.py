"""The worker's promises: one answer a request, whatever comes in; never an end, never a stray line."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.archive.layout import Note
from edge.compute import worker as module
from edge.compute.messages import Answer, Input, Request
from edge.compute.request import build_request
from tests.edge.compute.windows import FakeRaw, columns_of, mangrove, small_world, write_ghg


def talk(lines: list[bytes], handlers: dict[str, module.Handler] | None = None) -> tuple[list[dict], module.Worker]:
    worker = module.Worker(handlers if handlers is not None else {"good": lambda request: Answer(id=request.id, ok=True)})
    out = io.BytesIO()
    module.serve(io.BytesIO(b"".join(line + b"\n" for line in lines)), out, worker)
    return [json.loads(line) for line in out.getvalue().splitlines()], worker


def test_one_answer_a_request_in_order() -> None:
    answers, worker = talk([b'{"id":1,"kind":"good"}', b'{"id":2,"kind":"good"}', b"", b'{"id":3,"kind":"good"}'])
    assert [(a["id"], a["ok"]) for a in answers] == [(1, True), (2, True), (3, True)]
    assert worker.garbage == 0


def test_an_unknown_kind_and_a_wrong_field_are_answered() -> None:
    answers, _ = talk([b'{"id":4,"kind":"horoscope"}', b'{"id":5,"kind":"good","inputs":[1]}', b'{"id":6}'])
    assert [(a["id"], a["ok"]) for a in answers] == [(4, False), (5, False), (6, False)]
    assert "horoscope" in answers[0]["error"]
    assert "good" in answers[0]["error"]


def test_garbage_is_counted_and_the_count_can_be_asked() -> None:
    noise = [b"hello", b"\xff\xfe\x00", b"[1,2]", b'{"id":"x"}', b"{" * 5000]
    answers, worker = talk([*noise, b'{"id":9,"kind":"ping"}'])
    assert worker.garbage == len(noise)
    assert answers == [{"id": 9, "ok": True, "detail": {"garbage": len(noise)}}]


@given(st.lists(st.binary(max_size=80).filter(lambda b: b"\n" not in b), max_size=8))
@settings(max_examples=60)
def test_after_any_bytes_a_request_is_still_answered(noise: list[bytes]) -> None:
    answers, _ = talk([*noise, b'{"id":99,"kind":"good"}'])
    assert answers[-1] == {"id": 99, "ok": True}


def test_a_line_beyond_the_limit_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 100)
    answers, worker = talk([b'{"id":1,"kind":"good","raw":"' + b"x" * 1000 + b'"}', b'{"id":2,"kind":"good"}'])
    assert [a["id"] for a in answers] == [2]
    assert worker.garbage == 1


def test_an_exception_in_science_costs_one_request() -> None:
    def broken(request: Request) -> Answer:
        raise ZeroDivisionError("division by zero")

    answers, _ = talk([b'{"id":1,"kind":"bad"}', b'{"id":2,"kind":"good"}'], {"bad": broken, "good": lambda r: Answer(id=r.id, ok=True)})
    assert answers[0]["ok"] is False
    assert "ZeroDivisionError" in answers[0]["error"]
    assert answers[1]["ok"] is True


def test_an_answer_that_is_no_json_costs_one_request() -> None:
    def strange(request: Request) -> Answer:
        return Answer(id=request.id, ok=True, detail={"what": object()})

    answers, _ = talk([b'{"id":1,"kind":"strange"}', b'{"id":2,"kind":"ping"}'], {"strange": strange})
    assert [(a["id"], a["ok"]) for a in answers] == [(1, False), (2, True)]


def test_eddy_reads_its_window_through_the_reader_it_is_given() -> None:
    asked = []

    def read(path: str) -> FakeRaw:
        asked.append(path)
        return FakeRaw(columns_of(small_world()))

    station, product = mangrove()
    inputs = {"air_pressure": Input(1010.0, 0.5, "air_pressure@tower")}
    request = build_request(station, product, number=3, inputs=inputs, raw="somewhere/window.ghg")
    answers, _ = talk([msgspec.json.encode(request), b'{"id":4,"kind":"eddy"}'], module.handlers(read))
    assert asked == ["somewhere/window.ghg"]
    assert answers[0]["values"]["co2_flux"] is not None
    assert (answers[1]["ok"], "raw window" in answers[1]["error"]) == (False, True)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.compute.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    yield process
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()


def ask(child: subprocess.Popen[bytes], line: bytes) -> dict:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(line + b"\n")
    child.stdin.flush()
    return json.loads(child.stdout.readline())


def test_the_real_child_on_a_real_file_survives_what_it_is_told(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    station, product = mangrove()
    air = small_world()
    path = write_ghg(tmp_path, columns_of(air, 4), Note(inputs={"air_pressure": (1010.0, 0.5, "air_pressure@tower")}))
    request = build_request(station, product, number=11, inputs={}, raw=str(path))
    request.product["processing"] = {"spectral": "none"}  # this air loses nothing in the instruments
    first = ask(child, msgspec.json.encode(request))
    assert first["values"]["co2_flux"] == pytest.approx(1e6 * air.true_flux(air.r_co2), rel=0.01)
    child.send_signal(signal.SIGINT)  # Ctrl-C reaches the whole group; the agent ends the worker by closing its input
    request.raw = str(tmp_path / "absent.ghg")
    absent = ask(child, msgspec.json.encode(request))
    assert (absent["ok"], "absent.ghg" in absent["error"]) == (False, True)
    broken = tmp_path / "broken.ghg"
    broken.write_bytes(path.read_bytes()[:2000])
    request.raw = str(broken)
    assert ask(child, msgspec.json.encode(request))["ok"] is False
    request.raw = str(path)
    assert ask(child, msgspec.json.encode(request)) == first
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(20) == 0


def test_what_a_library_prints_is_not_an_answer() -> None:
    code = (
        "import edge.compute.worker as w\n"
        "from edge.compute.messages import Answer\n"
        "def loud(r):\n    print('look at me', flush=True)\n    return Answer(id=r.id, ok=True)\n"
        "w.handlers = lambda: {'loud': loud}\n"
        "w.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=b'{"id":1,"kind":"loud"}\n', capture_output=True, check=True, env=os.environ)
    assert done.stdout == b'{"id":1,"ok":true}\n'
    assert b"look at me" in done.stderr
