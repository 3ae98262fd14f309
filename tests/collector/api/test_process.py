"""The program itself, with a real broker: an alarm and its acknowledgement are there again after SIGKILL."""

from __future__ import annotations

import json
import time
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from tests.collector.making import made
from tests.collector.running import program
from tests.collector.station import station
from tests.servers import free_port

MINUTE = 60_000


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=10) as answer:
        return json.loads(answer.read())


def until(url, condition, within_s=40.0):
    """What the centre answers once it is there and the answer fits."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            found = ask(url)
            if condition(found):
                return found
        except (URLError, HTTPError, ConnectionError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} did not answer as expected")


def health(seq, share, now):
    values = {"outbox_share@station": share}
    return made(seq, stream="health", t=now - MINUTE, dt=0, values=values, flags={"outbox_share@station": 1})


@pytest.mark.needs("mosquitto")
def test_alarm_acknowledgement_and_return_over_two_kills(tmp_path, mosquitto):
    port, now = free_port(), int(time.time() * 1000)
    base = f"http://127.0.0.1:{port}"
    http = {"enabled": True, "port": port, "view": "open", "operators": "open"}
    with program(tmp_path, mosquitto.broker, http=http) as centre, station(mosquitto.broker) as sender:
        sender.listening()
        sender.send([health(0, 0.97, now)])
        opened = until(f"{base}/api/alarms", lambda found: any(a["rule"] == "outbox-filling" for a in found["alarms"]))
        alarm = next(a for a in opened["alarms"] if a["rule"] == "outbox-filling")
        assert alarm["severity"] == "high"
        centre.end()
        centre.start()
        again = until(f"{base}/api/alarms", lambda found: True)
        assert alarm in again["alarms"]
        acknowledged = ask(f"{base}/api/alarms/{alarm['id']}/acknowledge", {"who": "Li", "comment": "on my way"})
        centre.end()
        centre.start()
        again = until(f"{base}/api/alarms", lambda found: True)
        assert acknowledged in again["alarms"]
        sender.send([health(1, 0.05, now + 1)])
        history = until(f"{base}/api/alarms/{alarm['id']}", lambda found: found["alarm"]["condition"] == "cleared")
        assert [row["name"] for row in history["transitions"]] == ["raised", "acknowledged", "returned", "cleared"]
        assert until(f"{base}/healthz", lambda found: found["ok"])["broker"] is True
