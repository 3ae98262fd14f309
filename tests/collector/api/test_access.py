"""Who may look, who may act, and what is refused: logins, sessions, origins, hosts, sizes, tries."""

from __future__ import annotations

import asyncio
import os
import stat

import pytest
from typer.testing import CliRunner

from collector.api.ended import EndedSessions
from collector.api.limiter import Limiter
from collector.api.users import Users, session_key
from collector.cli import main
from collector.errors import UserError
from tests.collector.alarms.bench import MINUTE, T0
from tests.collector.api.conftest import get, post

PASSWORD = "correct horse battery"
FULL = {"outbox_share@station": 0.97}
CLOSED = {"view": "login", "operators": "login"}


async def an_alarm(bench):
    bench.born()
    queue = bench.hub.subscribe()
    bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
    return (await bench.told(queue))["id"]


async def test_where_a_login_is_needed_nothing_is_shown_without_one(centre, tmp_path):
    async with centre(**CLOSED) as (bench, client):
        bench.born()
        for path in ("/api/stations", "/api/stations/buoy", "/api/series", "/api/ledger", "/api/alarms", "/api/alarms/1", "/api/live"):
            assert "log in" in (await get(client, path, status=401))["error"]
        await post(client, "/api/alarms/1/acknowledge", {"who": "me"}, status=401)
        assert await get(client, "/api/me") == {"name": None, "may_acknowledge": False, "login_required": True}
        assert (await get(client, "/healthz"))["ok"] is True


async def test_login_acknowledge_under_ones_own_name_and_logout(centre, tmp_path):
    Users(tmp_path / "users.json").add("李工", PASSWORD)
    async with centre(**CLOSED) as (bench, client):
        alarm = await an_alarm(bench)
        await post(client, "/api/login", {"name": "李工", "password": "wrong password"}, status=401)
        await post(client, "/api/login", {"name": "nobody", "password": PASSWORD}, status=401)
        me = await post(client, "/api/login", {"name": "李工", "password": PASSWORD})
        assert me == {"name": "李工", "may_acknowledge": True, "login_required": True}
        done = await post(client, f"/api/alarms/{alarm}/acknowledge", {"who": "someone else", "comment": ""})
        assert done["acknowledged"]["who"] == "李工"
        assert len((await get(client, "/api/stations"))["stations"]) == 1
        assert (await post(client, "/api/logout", {}))["name"] is None
        await get(client, "/api/stations", status=401)


async def test_anyone_may_look_but_only_operators_act(centre, tmp_path):
    Users(tmp_path / "users.json").add("li", PASSWORD)
    async with centre(view="open", operators="login") as (bench, client):
        alarm = await an_alarm(bench)
        assert len((await get(client, "/api/alarms"))["alarms"]) == 1
        await post(client, f"/api/alarms/{alarm}/acknowledge", {"who": "li"}, status=401)


async def test_the_session_cookie_is_sealed_from_scripts_and_other_sites(centre, tmp_path):
    Users(tmp_path / "users.json").add("li", PASSWORD)
    async with centre(**CLOSED) as (_, client), client.post("/api/login", json={"name": "li", "password": PASSWORD}) as answer:
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Secure" not in cookie
        assert "li" not in cookie.split(";")[0]
    async with (
        centre(tls_proxy=True, **CLOSED) as (_, client),
        client.post("/api/login", json={"name": "li", "password": PASSWORD}) as answer,
    ):
        assert "Secure" in answer.headers["Set-Cookie"]
        assert "Strict-Transport-Security" in answer.headers


async def test_a_session_ends_with_the_user_and_with_the_password_and_lives_over_a_restart(centre, tmp_path):
    users = Users(tmp_path / "users.json")
    users.add("li", PASSWORD)
    async with centre(**CLOSED) as (_, client), client.post("/api/login", json={"name": "li", "password": PASSWORD}) as answer:
        cookie = answer.headers["Set-Cookie"].split(";")[0]
    async with centre(headers={"Cookie": cookie}, **CLOSED) as (_, client):
        await get(client, "/api/stations")
        users.add("li", PASSWORD + "2")
        await get(client, "/api/stations", status=401)
        await post(client, "/api/login", {"name": "li", "password": PASSWORD + "2"})
    users.remove("li")
    async with centre(headers={"Cookie": cookie}, **CLOSED) as (_, client):
        await get(client, "/api/stations", status=401)


async def test_a_session_that_was_logged_out_opens_nothing_any_more_even_from_a_copy_of_its_cookie(centre, tmp_path):
    Users(tmp_path / "users.json").add("li", PASSWORD)
    async with centre(**CLOSED) as (_, client):
        async with client.post("/api/login", json={"name": "li", "password": PASSWORD}) as answer:
            copy = {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}
        await post(client, "/api/logout", {})
        client.cookie_jar.clear()
        async with client.get("/api/stations", headers=copy) as answer:
            assert answer.status == 401
    async with centre(headers=copy, **CLOSED) as (_, client):  # also after a restart
        await get(client, "/api/stations", status=401)


async def test_logging_out_ends_one_session_and_not_the_user_s_others(centre, tmp_path):
    Users(tmp_path / "users.json").add("li", PASSWORD)
    async with centre(**CLOSED) as (_, client):
        await post(client, "/api/login", {"name": "li", "password": PASSWORD})
        client.cookie_jar.clear()
        await post(client, "/api/login", {"name": "li", "password": PASSWORD})
        await post(client, "/api/logout", {})
        await post(client, "/api/login", {"name": "li", "password": PASSWORD})
        await get(client, "/api/stations")


def test_ended_sessions_are_forgotten_when_their_cookie_has_run_out_and_a_spoilt_file_is_no_reason_not_to_start(tmp_path):
    now = [1000.0]
    path = tmp_path / "ended.json"
    path.write_text("[1, 2")
    ended = EndedSessions(path, 60.0, lambda: now[0])
    ended.end("a")
    assert "a" in EndedSessions(path, 60.0, lambda: now[0])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    now[0] += 61.0
    ended.end("b")
    assert "a" not in ended
    assert "b" in ended


async def test_strange_cookies_and_broken_requests_do_not_fill_the_log(centre, caplog):
    async with centre(headers={"Cookie": "haitan=gAAAAABforged"}, **CLOSED) as (_, client):
        await get(client, "/api/stations", status=401)
        reader, writer = await asyncio.open_connection("127.0.0.1", client._base_url.port)
        writer.write(b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
    assert caplog.records == []


async def test_a_forged_cookie_is_no_session(centre, tmp_path):
    async with centre(headers={"Cookie": "haitan=gAAAAABforged"}, **CLOSED) as (_, client):
        await get(client, "/api/stations", status=401)


async def test_guessing_passwords_is_slowed_down(centre, tmp_path):
    Users(tmp_path / "users.json").add("li", PASSWORD)
    async with centre(**CLOSED) as (_, client):
        for _ in range(5):
            await post(client, "/api/login", {"name": "li", "password": "wrong password"}, status=401)
        async with client.post("/api/login", json={"name": "li", "password": PASSWORD}) as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) > 10


def test_the_limiter_gives_a_burst_then_one_at_a_time_and_forgets_the_oldest():
    now = [0.0]
    limiter = Limiter(2, 10.0, keys=2, clock=lambda: now[0])
    assert [limiter.wait_s("a") for _ in range(3)] == [0.0, 0.0, 10.0]
    now[0] = 10.0
    assert [limiter.wait_s("a") for _ in range(2)] == [0.0, 10.0]
    limiter.forget("a")
    assert limiter.wait_s("a") == 0.0
    for i in range(100):
        limiter.wait_s(f"k{i}")
    assert len(limiter._buckets) == 2


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=utf-7"}, 415),
        ({}, 200),
    ],
)
async def test_a_post_must_be_json_from_our_own_page(centre, headers, status):
    async with centre() as (bench, client):
        alarm = await an_alarm(bench)
        given = {"Content-Type": "application/json", "Origin": bench.url, **headers}
        async with client.post(f"/api/alarms/{alarm}/acknowledge", data=b'{"who":"Li"}', headers=given) as answer:
            assert answer.status == status
            assert ("error" in await answer.json()) is (status != 200)
        assert (bench.engine.book.of_station("buoy")[0].acknowledged is not None) is (status == 200)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'"x"', 400),
        (b"\xff\xfe", 400),
        (b"[" * 10_000, 400),
        (b'{"who":"' + b"x" * 20_000 + b'"}', 413),
        (b'{"who":1}', 400),
        (b'{"who":{"a":1}}', 400),
    ],
)
async def test_bodies_that_are_not_what_is_asked_for_are_refused_in_words(centre, body, status):
    async with centre() as (_, client):
        async with client.post("/api/alarms/1/acknowledge", data=body, headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == status
            assert (await answer.json())["error"]
        assert (await get(client, "/healthz"))["ok"]


@pytest.mark.parametrize(
    ("path", "status"), [("/api/nothing", 404), ("/api/alarms/x", 400), ("/api/alarms/0", 400), ("/api/stations/a%2Fb", 400)]
)
async def test_addresses_that_lead_nowhere(centre, path, status):
    async with centre() as (_, client):
        await get(client, path, status=status)
        async with client.delete("/api/stations", headers={"Content-Type": "application/json"}) as answer:
            assert answer.status in (404, 405)


async def test_a_failing_handler_answers_500_without_its_secrets_and_the_next_request_is_served(centre):
    async with centre() as (bench, client):
        bench.born()
        bench.hub.stations["buoy"].newest = None  # what no code of ours would do
        assert await get(client, "/api/stations/buoy", status=500) == {"error": "the centre failed to answer this; it is in its log"}
        await get(client, "/api/stations")


async def test_every_answer_carries_the_security_headers(centre):
    async with centre() as (_, client):
        for path in ("/", "/api/stations", "/api/nothing", "/metrics", "/healthz"):
            async with client.get(path) as answer:
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert answer.headers["Server"] == "haitan"
                if path != "/":
                    assert answer.headers["Cache-Control"] == "no-store"


async def test_metrics_are_for_this_machine_or_for_whoever_may_view(centre):
    async with centre(**CLOSED) as (_, client):
        async with client.get("/metrics") as answer:
            assert answer.status == 200
        async with client.get("/metrics", headers={"X-Forwarded-For": "10.1.2.3"}) as answer:
            assert answer.status == 401


def test_users_are_kept_with_argon2_readable_by_their_owner_only(tmp_path):
    path = tmp_path / "users.json"
    users = Users(path)
    assert users.add("li", PASSWORD) is True
    assert users.add("li", PASSWORD + "!") is False
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "$argon2id$" in path.read_text()
    assert PASSWORD not in path.read_text()
    again = Users(path)
    assert (again.check("li", PASSWORD + "!"), again.check("li", PASSWORD), again.check("wang", PASSWORD)) == (True, False, False)
    again.remove("li")
    assert users.names() == []
    for name, password in (("li", "short"), ("a b", PASSWORD), ("", PASSWORD), ("li", "x" * 201)):
        with pytest.raises(UserError):
            users.add(name, password)
    path.write_text("{")
    with pytest.raises(UserError, match=r"users\.json"):
        users.names()


def test_the_session_key_is_made_once_and_must_stay_private(tmp_path):
    path = tmp_path / "session.key"
    key = session_key(path)
    assert len(key) == 32
    assert session_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(UserError, match="chmod 600"):
        session_key(path)
    path.chmod(0o600)
    path.write_bytes(os.urandom(5))
    with pytest.raises(UserError, match="32 bytes"):
        session_key(path)


def test_the_door_asks_for_the_password_and_never_takes_it_from_the_command_line(tmp_path):
    runner = CliRunner()
    data = ["--data", str(tmp_path)]
    added = runner.invoke(main, ["user", "add", "li", *data], input=f"{PASSWORD}\n{PASSWORD}\n")
    assert added.exit_code == 0
    assert PASSWORD not in added.output
    assert Users(tmp_path / "users.json").check("li", PASSWORD)
    assert runner.invoke(main, ["user", "list", *data]).output == "li\n"
    short = runner.invoke(main, ["user", "add", "wang", *data], input="abc\nabc\n")
    assert short.exit_code == 1
    assert runner.invoke(main, ["user", "remove", "li", *data]).exit_code == 0
    assert runner.invoke(main, ["user", "remove", "li", *data]).exit_code == 1
    assert runner.invoke(main, ["user", "add", "li", PASSWORD, *data]).exit_code == 2
