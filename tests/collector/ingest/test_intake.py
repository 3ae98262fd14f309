"""The intake: whatever bytes come on whatever topic, each record is accepted or parked, and nothing is raised."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.ingest.intake import Intake
from firmware_config.base.mqtt import Message
from firmware_config.records import content_hash, encode_batch
from tests.collector.making import T0, made

NOW = T0 + 10**9


def intake(**rules) -> Intake:
    return Intake(**{"centre": "centre", "accept_simulated": True, "future_ms": 300_000, "stations": None, "max_stations": 10, **rules})


def sort(payload: bytes, topic: str = "ht/1/st-a/data", **rules):
    return intake(**rules).sort([Message(topic, payload, False, 1, 1)], NOW, clock_is_set=True)


def altered(**other) -> tuple[str, bytes]:
    body = json.dumps({**msgspec.json.decode(made(1).body), **other}).encode()
    return content_hash(body), body


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@given(payload=st.binary(max_size=300), topic=st.sampled_from(["ht/1/st-a/data", "ht/1/centre/data", "ht/2/x", "", "ht/1//data"]))
def test_garbage_is_parked(payload: bytes, topic: str) -> None:
    batch = sort(payload, topic)
    assert batch.accepted == []
    assert len(batch.parked) == 1
    assert batch.parked[0].size == len(payload)


@given(
    other=st.dictionaries(
        st.sampled_from(sorted(msgspec.json.decode(made(1).body))) | st.text(max_size=5), anything, min_size=1, max_size=3
    )
)
def test_a_record_of_any_shape_is_accepted_or_parked_beside_good_neighbours(other: dict) -> None:
    pairs = [(made(1).hash, made(1).body), altered(**other), (made(3).hash, made(3).body)]
    batch = sort(encode_batch(pairs))
    if batch.parked and batch.parked[0].reason == "not_ours":  # not JSON: nothing of the message can be told apart
        assert batch.accepted == []
        return
    assert len(batch.accepted) + len(batch.parked) == 3
    assert {1, 3} <= {sealed.record.seq for sealed in batch.accepted}
    assert {sealed.record.station for sealed in batch.accepted} == {"st-a"}


@pytest.mark.parametrize(
    "other",
    [
        {"seq": -1}, {"seq": 2**60}, {"epoch": -1}, {"t": 2**60}, {"dt": -5}, {"version": 2**70}, {"version": -1}, {"replaces": [2**70, 1]},
        {"values": {"a@b": 2**63}}, {"flags": {"a@b": 77}}, {"flags": {"a@b": -1}}, {"classes": {"a@b": 2**40}}, {"clock": "wrong"}, {"stream": 5},
    ],
)  # fmt: skip
def test_a_number_that_makes_no_sense_makes_no_record(other: dict) -> None:
    batch = sort(encode_batch([altered(**other)]))
    assert [parked.reason for parked in batch.parked] == ["bad_record"]


def test_the_centres_own_name_and_too_many_stations_are_refused() -> None:
    assert sort(encode_batch([]), "ht/1/centre/data").parked[0].reason == "unknown_station"
    rules = intake(max_stations=2)
    messages = [Message(f"ht/1/st-{i}/data", encode_batch([]), False, 1, 1) for i in range(4)]
    assert [p.station for p in rules.sort(messages, NOW, clock_is_set=True).parked] == ["st-2", "st-3"]


def test_unknown_fields_survive_untouched() -> None:
    digest, body = altered(something_new={"deep": [1, 2]})
    (sealed,) = sort(encode_batch([(digest, body)])).accepted
    assert (sealed.body, sealed.hash) == (body, digest)
