"""What every driver promises, held against its simulator through a real pseudo-terminal or TCP connection: it starts, gives the truth,
tells of each documented fault, hands on nothing wrong and comes back; through unplugging, a wrong file, and the card of another model.

All assertions look at one recording (``contract.py``); what each fault must look like stands in ``contract.yaml``.
"""

from __future__ import annotations

from functools import cache

import pytest

from firmware_config.cards import all_cards, load_card
from firmware_config.station import Station
from simulators.faults.catalogue import FAULTS
from simulators.instruments import MODELS, Setting, make_instrument
from simulators.instruments.feed import AirFeed
from simulators.world import Site, World
from tests.simulators.contract import recording
from tests.simulators.contract_judge import told_as, untrue, verdict_of
from tests.simulators.contract_record import CONTRACT, Recording, good_values
from tests.simulators.contract_stations import OTHER_UNIT, bench_station, bench_world, faults_of

pytestmark = [pytest.mark.xdist_group("contract"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def run() -> Recording:
    return recording()


@cache
def staged() -> list[tuple[str, str]]:
    """Model and fault of everything that is staged."""
    station = Station.model_validate(bench_station())
    world = World(bench_world(), Site.of(station), 20)
    found = []
    for item in station.instruments:
        one = make_instrument(Setting(item, station, world, AirFeed(world), world.config.of(item.id)))
        found += [(item.model, label) for label, _ in faults_of(item.id, one.fault_names())]
    return found


def test_every_simulated_instrument_is_on_the_bench_and_has_a_card() -> None:
    assert sorted(MODELS) == sorted({model for model, _ in staged()})
    assert set(MODELS) <= set(all_cards())


def test_every_fault_of_an_instrument_is_staged_and_said_how_it_looks() -> None:
    named = {fault.name for fault in FAULTS.values() if fault.scope in {"instrument", "modbus", "own"}}
    assert {label.split(maxsplit=1)[0] for _, label in staged()} == named
    assert all(told_as(model, fault) for model, fault in staged())
    known = set(staged())
    spare = [(model, fault) for model, faults in CONTRACT["models"].items() for fault in faults if (model, fault) not in known]
    assert spare == [], "what contract.yaml says of a fault nobody shows"


@pytest.mark.parametrize("model", sorted(MODELS))
def test_a_driver_starts_and_gives_what_the_instrument_measures(run: Recording, model: str) -> None:
    """With nothing wrong: every record is valid and says, within the accuracy, what the instrument had to say just before."""
    key, card = run.instrument_of(model), load_card(model)
    heard = run.between(key, *run.quiet_ms)
    assert len(heard) >= (0.15 if card.modbus is not None else 0.8) * run.due(key, *run.quiet_ms)
    assert [one.reading.reason for one in heard if not one.reading.valid] == []
    wrong = [one for one in heard if not run.is_true(key, card, one.at_ms, good_values(card, one.reading))]
    assert wrong == []
    assert untrue(run, model) == []


@pytest.mark.parametrize(("model", "fault"), staged())
def test_a_fault_is_told_passes_nothing_wrong_and_leaves_nothing_behind(run: Recording, model: str, fault: str) -> None:
    assert verdict_of(run, model, fault) == []


@pytest.mark.parametrize("model", sorted(MODELS))
def test_a_plug_pulled_and_put_back(run: Recording, model: str) -> None:
    """The link tells both, nothing good comes in between, and the values after are true."""
    assert verdict_of(run, model, "unplugged") == []
    item = run.station.instrument(run.instrument_of(model))
    pulled_ms = next(case.begin_ms for case in run.cases if (case.model, case.fault) == (model, "unplugged"))
    told = [kind for at_ms, kind, detail in run.events if at_ms >= pulled_ms and detail.get("link") == item.link]
    assert told == ["link_lost", "link_back"]


@pytest.mark.parametrize("model", sorted(MODELS))
def test_a_wrong_setting_in_the_station_file_is_told_or_nothing_is_good(run: Recording, model: str) -> None:
    wrong = run.wrong["setting"]
    key, card = run.instrument_of(model), load_card(model)
    if card.modbus is None and key not in CONTRACT["wrong"]:
        pytest.skip("its file holds nothing that it could contradict")
    told = [detail["setting"] for _, kind, detail in wrong.events if kind == "settings_differ" and detail["instrument"] == key]
    if key in CONTRACT["wrong_told"]:
        assert told == [CONTRACT["wrong_told"][key]]
        return
    assert [values for one in wrong.heard[key] if (values := good_values(card, one.reading))] == []


@pytest.mark.parametrize("model", sorted(MODELS))
def test_another_unit_than_the_file_says_is_told_where_the_instrument_tells_its_serial_number(run: Recording, model: str) -> None:
    settings = [one for one in load_card(model).settings if one.wanted == "serial_number" or "serial" in one.name]
    told = [detail for _, kind, detail in run.wrong["serial number"].events if kind == "settings_differ" and "serial" in detail["setting"]]
    mine = [detail for detail in told if detail["instrument"] == run.instrument_of(model)]
    assert len(mine) == (1 if any(one.wanted == "serial_number" for one in settings) else 0)
    assert all(detail["wanted"] == OTHER_UNIT for detail in mine)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_a_card_takes_nothing_good_from_an_instrument_of_another_model(run: Recording, model: str) -> None:
    """Each driver listens to, or asks, the next instrument of its kind."""
    wrong = run.wrong["card"]
    key, card = wrong.instrument_of(model), load_card(model)
    assert [values for one in wrong.heard[key] if (values := good_values(card, one.reading))] == []
    counts = wrong.counts[key][-1][1]
    speaks = run.station.instrument(key).options.get("mode") != "polled"
    assert counts.bad.total() + counts.discarded + counts.ignored > 0 or not speaks, "what the stranger says is counted"
