"""A flood of small messages: memory stays bounded, the newest is what is seen."""

from __future__ import annotations

from collector.ingest.smallmail import MOST, SmallMail
from firmware_config.base.mqtt import Message


def message(n: int) -> Message:
    return Message("ht/1/st-a/live", str(n).encode(), False, n)


def test_a_flood_of_live_keeps_the_newest_of_each_station_and_calls_once() -> None:
    mail = SmallMail()
    calls = [mail.put(f"st-{n % 3}", "live", message(n)) for n in range(30_000)]
    assert sum(calls) == 1
    assert {station: m.payload for station, _, m in mail.take()} == {"st-0": b"29997", "st-1": b"29998", "st-2": b"29999"}
    assert mail.take() == []
    assert mail.put("st-0", "live", message(1)), "after it was emptied it calls again"


def test_a_flood_of_states_births_and_made_up_stations_is_bounded() -> None:
    mail = SmallMail()
    for n in range(10 * MOST):
        mail.put(f"made-up-{n}", "live", message(n))
        mail.put("st-a", "state" if n % 2 else "birth", message(n))
    found = mail.take()
    assert len(found) == 2 * MOST
    assert [m.payload for _, leaf, m in found if leaf != "live"][-1] == str(10 * MOST - 1).encode()


def test_states_keep_their_order() -> None:
    mail = SmallMail()
    for n in range(5):
        mail.put("st-a", "state", message(n))
    assert [m.mid for _, _, m in mail.take()] == [0, 1, 2, 3, 4]
