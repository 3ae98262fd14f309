"""``haitan-edge outbox``: what an engineer sees of a healthy, a running and a damaged folder."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from edge.cli import main
from firmware_config.records import content_hash
from tests.edge.outbox.bench import HandClock, ack, crash, open_outbox, rows
from tests.edge.outbox.test_room import fill


def run(*words):
    return CliRunner().invoke(main, ["outbox", *map(str, words)])


@pytest.fixture
def folder(tmp_path):
    clock = HandClock()
    with open_outbox(tmp_path / "outbox", clock) as outbox:
        keys = fill(outbox, clock, 20)
        outbox.apply_ack(ack(keys[:30], clock.ms))
    return tmp_path / "outbox"


def test_check_of_a_healthy_folder_and_of_the_data_folder_around_it(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for directory in (folder, folder.parent):
        result = run("check", directory)
        assert (result.exit_code, "60 records, 0 problems" in result.output) == (0, True), result.output
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, "looking leaves no trace"


def test_check_while_the_agent_writes_and_after_it_was_killed(tmp_path):
    clock = HandClock()
    outbox = open_outbox(tmp_path, clock)
    for begin in range(0, 60, 20):
        fill(outbox, clock, 20, begin=begin)
        assert run("check", tmp_path).exit_code == 0
    crash(outbox)
    assert run("check", tmp_path).exit_code == 0


@pytest.mark.parametrize("damage", ["body", "page", "numbers", "truncated"])
def test_check_says_what_is_damaged_with_status_1(folder, damage):
    path = folder / ("numbers.b" if damage == "numbers" else "outbox.db")
    content = bytearray(path.read_bytes())
    if damage == "body":
        content = content.replace(b"xxxxxxxx", b"xxxyxxxx")
    elif damage == "page":
        content[4096 * 3 : 4096 * 3 + 200] = bytes(200)
    elif damage == "numbers":
        content[50] ^= 1
    else:
        del content[len(content) // 2 :]
    path.write_bytes(content)
    result = run("check", folder)
    assert result.exit_code == 1
    assert "problem:" in result.output


def test_check_tells_of_a_row_set_aside_and_of_a_kept_damaged_file(folder):
    with open_outbox(folder) as outbox:
        outbox._run(lambda: outbox._engine.store.connection.execute("update record_eddy set hash = 'no' where seq = 3"))
        for _ in range(10):
            outbox.tend()
    assert "set aside" in run("check", folder).output
    (folder / "outbox-damaged-20260101T000000Z.db").write_bytes(b"")
    result = run("check", folder)
    assert result.exit_code == 1
    assert "outbox-damaged-20260101" in result.output


def test_show_lists_streams_and_newest_records(folder):
    result = run("show", folder, "--last", 2)
    assert result.exit_code == 0, result.output
    assert "minute" in result.output
    assert "eddy" in result.output
    newest = [json.loads(line) for line in result.output.splitlines() if line.startswith("{")]
    assert [(record["stream"], record["seq"]) for record in newest] == [("health", 19), ("eddy", 19)]


def test_export_gives_every_record_as_it_was_hashed(folder, tmp_path):
    out = tmp_path / "records.jsonl"
    assert run("export", folder, "--out", out).exit_code == 0
    lines = out.read_bytes().splitlines()
    assert lines == run("export", folder).stdout_bytes.splitlines()
    found = {}
    for line in lines:
        digest = line[9:41].decode()
        body = line[line.index(b'"record":') + 9 : -1]
        assert content_hash(body) == digest
        record = json.loads(body)
        found[record["stream"], record["epoch"], record["seq"]] = body
    assert found == rows(folder)


def test_export_marks_a_damaged_row_and_goes_on(folder):
    with open_outbox(folder) as outbox:
        outbox._run(lambda: outbox._engine.store.connection.execute("update record_eddy set body = cast('{}' as blob) where seq = 3"))
    lines = [json.loads(line) for line in run("export", folder).stdout.splitlines()]
    assert [line["ok"] for line in lines].count(False) == 1
    assert len(lines) == 60
    (bad,) = [line for line in lines if not line["ok"]]
    assert bytes.fromhex(bad["body_hex"]) == b"{}"


def test_a_folder_without_outbox_is_told_apart(tmp_path):
    result = run("check", tmp_path)
    assert result.exit_code == 2
    assert "there is no outbox.db" in result.output.replace("\n", " ")
