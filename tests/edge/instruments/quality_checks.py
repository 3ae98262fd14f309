"""A checker for every rule of the quality list: what the evidence says of a model, whatever its list declares.

A checker returns ``DONE``, or the reason of the rule for which the model is exempt, or raises `NotProved` with what is wrong. Evidence is the
card, the sample set, the case folder, the driver under damage, the simulated instrument, and the contract run.
"""

from __future__ import annotations

import ast
import importlib
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import simulators
from edge.instruments import ModbusDriver, Reading, StreamDriver
from edge.instruments.decode import bench_driver, decode_lines
from edge.instruments.probe.finding import Finding
from edge.instruments.probe.report import block
from edge.instruments.settings import SettingsKeeper
from edge.links.framing import Request, find_rtu
from firmware_config.cards import Card
from firmware_config.cards.modbus import Read
from firmware_config.quantities import registry
from firmware_config.station import Instrument
from simulators.instruments import MODELS
from simulators.instruments.checksums import modbus_crc
from tests.bench import decode as cost
from tests.bench.fuzz import clean_records, fuzz, fuzz_modbus
from tests.edge.instruments.compare import differences, sidecar
from tests.simulators.contract_judge import told_as, untrue, verdict_of
from tests.simulators.contract_record import Recording, good_values

CASES = Path(__file__).parent / "cases"
DONE = "done"
GARBAGE_BYTES = 12_000
RECORDS = 3
"""so many clean records are put through every damage"""
ABSURD = 1e15
HIGH_RATE = {"sonic", "sonic_gas", "gas_analyser"}


class NotProved(AssertionError):
    """The rule does not hold, and no exemption of it applies."""


@dataclass(frozen=True)
class Evidence:
    """What the checkers look at. ``run``: makes the contract run when it is first needed."""

    card: Card
    samples: Path
    run: Callable[[], Recording]

    @property
    def model(self) -> str:
        return self.card.model

    @property
    def finding(self) -> Finding:
        return self.run().found[self.run().instrument_of(self.model)]


def need(holds: object, otherwise: str) -> None:
    if not holds:
        raise NotProved(otherwise)


# --- decoding


def _samples(of: Evidence) -> tuple[list[dict[str, Any]], list[dict[str, Any]]] | None:
    """Results and what they should be; None for a model that the sample sets do not hold."""
    if not (of.samples / f"{of.model}.txt").exists():
        return None
    with (of.samples / f"{of.model}.txt").open("rb") as lines:
        return list(decode_lines(bench_driver(of.card, {}), lines)), sidecar(of.samples / f"{of.model}.json")


def decodes_samples(of: Evidence) -> str:
    if (found := _samples(of)) is None:
        return "no_samples"
    results, expected = found
    wrong = differences(results, expected)
    need(any(entry["valid"] for entry in expected), "the sample set has no valid record")
    need(not wrong, wrong[0] if wrong else "")
    return DONE


def rejects_faulty_samples(of: Evidence) -> str:
    results, expected = _samples(of) or ([], [])
    found = list(zip(results, expected, strict=True))
    for folder in sorted(CASES.glob(f"{of.model}/*")):
        found += _case(of.card, folder)
    faulty = [result for result, entry in found if not entry["expect"]]
    need(faulty, "neither sample set nor cases have a faulty record")
    passed = [result for result in faulty if result["values"] or result["valid"] or not result["reason"]]
    need(not passed, f"passed: {passed[:1]}")
    return DONE


def _case(card: Card, folder: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Results of a case folder beside what they should be; NotProved when they disagree."""
    expected, options = sidecar(folder / "expected.json"), json.loads((folder / "expected.json").read_text()).get("options", {})
    with (folder / "input.txt").open("rb") as lines:
        results = list(decode_lines(bench_driver(card, options), lines))
    wrong = differences(results, expected)
    need(not wrong, f"{folder.name}: {wrong[:1]}")
    return list(zip(results, expected, strict=True))


def own_cases(of: Evidence) -> str:
    valid = [entry["valid"] for folder in sorted(CASES.glob(f"{of.model}/*")) for _, entry in _case(of.card, folder)]
    need(True in valid and False in valid, f"its cases hold {valid.count(True)} valid records and {valid.count(False)} others")
    return DONE


def units_stated(of: Evidence) -> str:
    card = of.card
    units = {name: spec.unit for name, spec in card.fields.items()}
    registers = card.modbus.all_registers if card.modbus else []
    units |= {register.field: register.unit for register in registers}
    units |= {item.field: item.unit for part in (card.binary.parts if card.binary else ()) for item in part.items if item.field}
    for name, source in card.quantities.items():
        need(name in registry(), f"{name} is not in the registry")
        coded = source.by is not None or f"{source.field.partition('.')[0]}.units" in units
        need(units.get(source.field) or coded or registry()[name].unit in {"1", "%"}, f"{name}: its field {source.field} has no unit")
    return DONE


# --- judging


def has_limits(of: Evidence) -> str:
    """An impossible number in a field that a quantity comes from, put through the card's own rules."""
    from edge.instruments.judge import Judge
    from edge.instruments.reading import Decoded

    judge = Judge(of.card, {})
    for reading in good_readings(of.card):
        for source in of.card.quantities.values():
            field, _, inner = source.field.partition(".")
            if (said := reading.values.get(field)) is None:
                continue
            changed = {**said, inner: ABSURD} if inner and isinstance(said, dict) else _absurd(said)
            if judge.verdict(Decoded("", reading.values | {field: changed}, {})).words:
                return DONE
    bounded = [name for name in of.card.quantities if all(abs(limit) < ABSURD for limit in registry()[name].plausible)]
    need(len(bounded) == len(of.card.quantities), "neither the card nor the registry limits its quantities")
    return "station_range"


def _absurd(said: Any) -> Any:
    """A number that no instrument means, written as this one writes numbers."""
    if isinstance(said, list):
        return [_absurd(one) for one in said]
    return str(int(ABSURD)) if isinstance(said, str) else ABSURD


def own_status(of: Evidence) -> str:
    run = of.run()
    if "invalid" not in run.fault_names[run.instrument_of(of.model)]:
        return "no_status"
    need(verdict_of(run, of.model, "invalid") == [], "the fault is not told")
    return DONE if told_as(of.model, "invalid") == "spoiled" else "not_of_data"


def good_readings(card: Card) -> list[Reading]:
    """Readings of clean records: printed, or answers of the cases."""
    driver = bench_driver(card, {})
    if isinstance(driver, StreamDriver):
        found = [reading for wire in clean_records(card) for reading in driver.feed(wire, 0.0) + driver.finish(0.0)]
    else:
        found = [driver.decode(read, payload) for read, payload in exchanges(card)]
    return [reading for reading in found if reading.valid and reading.quantities]


def exchanges(card: Card) -> list[tuple[Read, bytes]]:
    """Reads of the cases that were answered well."""
    driver = bench_driver(card, {})
    assert isinstance(driver, ModbusDriver)
    found = [pair for pair in map(cost._exchange, cost._lines(card)) if pair is not None]
    return [pair for pair in found if driver.decode(*pair).valid]


# --- damage


def checksum(of: Evidence) -> str:
    """A kind of record every bit of which is guarded."""
    if of.card.modbus is not None:
        read, payload = exchanges(of.card)[0]
        request = Request(1, read.function, read.address, read.count)
        body = bytes((1, read.function, len(payload))) + payload
        frame = body + modbus_crc(body)
        need(find_rtu(request, frame) is not None, "the answer itself is not taken")
        need(all(find_rtu(request, wrong) is None for wrong in flips(frame)), "an answer with a bit turned over is taken")
        return DONE
    for wire in clean_records(of.card):
        told = {_numbers(one) for one in read_alone(of.card, wire)} - {""}
        if told and all(_numbers(one) in {*told, ""} for wrong in flips(wire) for one in read_alone(of.card, wrong)):
            return DONE
    need(of.model not in MODELS or not MODELS[of.model].checksum, "its records carry a check sum, and a bit turned over passes")
    return "no_checksum"


def flips(wire: bytes) -> Iterator[bytes]:
    for place in range(8 * len(wire)):
        raw = bytearray(wire)
        raw[place // 8] ^= 1 << place % 8
        yield bytes(raw)


def read_alone(card: Card, wire: bytes) -> list[Reading]:
    """What a driver that has heard nothing before makes of it."""
    driver = bench_driver(card, {})
    assert isinstance(driver, StreamDriver)
    return [*driver.feed(wire, 0.0), *driver.finish(0.0)]


def _numbers(reading: Reading) -> str:
    """The good values of a valid reading as one text; empty when there is none."""
    good = {name: value for name, value in reading.quantities.items() if value is not None}
    return repr(sorted(good.items())) if reading.valid and good else ""


def survives_garbage(of: Evidence) -> str:
    found = fuzz_modbus(GARBAGE_BYTES, seed=5) if of.card.modbus is not None else fuzz(of.card, GARBAGE_BYTES, seed=5)
    need(found.crashes == 0, f"{found.crashes} exceptions")
    need(found.false_good == 0, f"{found.false_good} frames passed their check wrongly")
    need(found.good, "no whole record among the garbage came through")
    driver = bench_driver(of.card, {})
    if isinstance(driver, ModbusDriver):
        chance = random.Random(3)
        for read in of.card.modbus.poll if of.card.modbus else ():
            for _ in range(50):
                driver.decode(read, chance.randbytes(2 * read.count))
    return DONE


def resynchronises(of: Evidence) -> str:
    if of.card.modbus is not None:
        for fault in ("noise", "echo", "split"):
            need(verdict_of(of.run(), of.model, fault) == [], f"{fault}: the answers are not found")
        return DONE
    records = clean_records(of.card)
    for wire in records[:RECORDS]:
        for cut in range(0, len(wire), max(1, len(wire) // 40)):
            driver = bench_driver(of.card, {})
            assert isinstance(driver, StreamDriver)
            for whole in records:
                driver.feed(whole, 0.0)
            heard = driver.feed(wire[:cut] + wire + wire, 0.0) + driver.finish(0.0)
            need(any(one.valid for one in heard), f"cut at byte {cut} of {len(wire)}, neither of the next two is good")
    return DONE


def recovers_from_unplugging(of: Evidence) -> str:
    wrong = verdict_of(of.run(), of.model, "unplugged")
    need(not wrong, f"{wrong}")
    return DONE


# --- what it says of itself


def reports_serial_number(of: Evidence) -> str:
    run, wanted = of.run(), [one.name for one in of.card.settings if one.wanted == "serial_number"]
    events = [detail for _, kind, detail in run.wrong["serial number"].events if kind == "settings_differ"]
    told = [one for one in events if one["instrument"] == run.instrument_of(of.model) and one["setting"] in wanted]
    need(bool(told) == bool(wanted), f"the card compares {wanted or 'no serial number'}, told were {told}")
    return DONE if told else "not_told"


FIRMWARE = ("firmware", "software", "version", "fw")


def reports_firmware(of: Evidence) -> str:
    said = [*of.finding.identity, *(one.name for one in of.card.settings), *(good_readings(of.card)[0].values)]
    return DONE if any(name.lower().startswith(FIRMWARE) or name.lower().endswith(FIRMWARE) for name in said) else "not_told"


def diagnostic_words(of: Evidence) -> str:
    if of.card.role not in HIGH_RATE:
        need(not of.card.diagnostics, "its words are archived, though it is not fast")
        return "slow"
    if not of.card.diagnostics:
        return "no_word"
    driver = bench_driver(of.card, {})
    assert isinstance(driver, StreamDriver)
    words = [driver.diagnostics_of(reading) for reading in good_readings(of.card)]
    need(any(all(isinstance(word, int) for word in found.values()) for found in words), f"no whole numbers: {words[:1]}")
    return DONE


def answer_time(of: Evidence) -> str:
    if of.card.modbus is None:
        return "prints"
    if "answer" not in of.card.timing.model_fields_set:
        return "not_documented"
    times = of.finding.times_s
    need(len(times) >= 5, f"the probe measured {len(times)} answers")
    need(times[len(times) // 2] <= of.card.timing.answer / 1000, f"half of the answers took more than {times[len(times) // 2]:.2f} s")
    need(of.finding.proposal.keys() == {"answer", "answer_longest"}, "the probe proposes no limits")
    return DONE


def warm_up(of: Evidence) -> str:
    stated = of.card.timing.warm_up is not None or of.card.timing.stable_after is not None
    return DONE if stated else "not_documented"


def accuracy(of: Evidence) -> str:
    if not of.card.accuracy:
        return "not_documented"
    from_memory = any(one.grade == "C" for one in of.card.accuracy.values())
    need(not from_memory or any("accuracy" in fact for fact in of.card.unsure), "an accuracy of grade C is not listed for confirmation")
    need(all(one.absolute or one.relative for one in of.card.accuracy.values()), "an accuracy of nothing")
    return DONE


def doubts_marked(of: Evidence) -> str:
    card = of.card
    need(card.sources, "no source is named")
    graded = {card.grade, *(one.grade for one in card.accuracy.values())}
    need("C" not in graded or card.unsure, "a fact of grade C and nothing to be confirmed")
    said = " ".join(" ".join(block(Finding(_instrument(card), card, ""))).split())
    missing = [fact for fact in card.unsure if " ".join(fact.split()) not in said]
    need(not missing, f"the probe does not say: {missing[:1]}")
    return DONE


def _instrument(card: Card, **options: Any) -> Instrument:
    base = {
        "id": "x",
        "model": card.model,
        "place": "x",
        "serial_number": "1",
        "link": "x",
        "mounting": {"height_m": 1},
        "options": options,
    }
    rate = {"rate": "10 Hz"} if any(one.wanted == "rate" for one in card.settings) else {"every": "1s"}
    return Instrument.model_validate(base | rate)


def settings_read(of: Evidence) -> str:
    keeper = SettingsKeeper(of.card, _instrument(of.card), lambda kind, detail: None, lambda: 0.0)
    if not of.card.settings:
        return "none_documented"
    need(keeper.settings, "the card has settings and none is compared")
    return DONE


def settings_set(of: Evidence) -> str:
    written = [one for one in of.card.settings if one.write or one.write_function]
    need(
        all(
            SettingsKeeper(of.card, _instrument(of.card, settings="enforce"), lambda kind, detail: None, lambda: 0.0).enforce
            for _ in written
        ),
        "",
    )
    return DONE if written else "read_only"


def calibration(of: Evidence) -> str:
    if of.card.calibration is None:
        return "in_the_instrument"
    bench = dict(of.card.calibration.bench)
    others: dict[str, float | str | bool] = {name: 1.01 * value for name, value in bench.items()}
    readings = {}
    for name, options in (("own", {}), ("other", others)):
        driver = bench_driver(of.card, options)
        assert isinstance(driver, StreamDriver)
        heard = [one for wire in clean_records(of.card) for one in driver.feed(wire, 0.0)]
        readings[name] = [one.quantities for one in heard if one.valid]
    need(readings["own"] != readings["other"], "other coefficients change nothing")
    return DONE


# --- the bench


def faults_simulated(of: Evidence) -> str:
    run = of.run()
    cases = [case.fault for case in run.cases if case.model == of.model]
    need({case.split()[0] for case in cases} >= run.fault_names[run.instrument_of(of.model)], "a fault was not staged")
    wrong = [text for fault in cases for text in verdict_of(run, of.model, fault)]
    need(not wrong, "; ".join(wrong))
    return DONE


def simulator_independent(of: Evidence) -> str:
    found = imports_of(MODELS[of.model].__module__)
    bad = sorted(name for name in found if name.split(".")[0] in {"edge", "collector"} or name.startswith("firmware_config.cards"))
    need(not bad, f"its simulator imports {', '.join(bad)}")
    return DONE


def imports_of(module: str) -> set[str]:
    """Every module of ours that a module of the simulators stands on, directly or not."""
    found: set[str] = set()
    ahead = [module]
    while ahead:
        if (name := ahead.pop()) not in found:
            found.add(name)
            ahead += _imports(name) if name.partition(".")[0] == simulators.__name__ else []
    return found


@cache
def _imports(module: str) -> list[str]:
    path = importlib.import_module(module).__file__
    assert path is not None
    nodes = list(ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))))
    named = [one.name for node in nodes if isinstance(node, ast.Import) for one in node.names]
    return named + [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]


def truth_recovered(of: Evidence) -> str:
    run = of.run()
    wrong = untrue(run, of.model)
    need(not wrong, f"{wrong[:1]}")
    need(any(good_values(of.card, one.reading) for one in run.between(run.instrument_of(of.model), *run.quiet_ms)), "nothing was heard")
    return DONE


def cost_measured(of: Evidence) -> str:
    spent_s, records = cost._printed(of.card) if of.card.modbus is None else cost._asked(of.card)
    need(records > 0 and spent_s > 0, "the measurement finds no record")
    return DONE


CHECKS: dict[str, Callable[[Evidence], str]] = {
    check.__name__: check
    for check in (
        decodes_samples, rejects_faulty_samples, own_cases, units_stated, has_limits, own_status, checksum, survives_garbage, resynchronises,
        recovers_from_unplugging, reports_serial_number, reports_firmware, diagnostic_words, answer_time, warm_up, accuracy, doubts_marked,
        settings_read, settings_set, calibration, faults_simulated, simulator_independent, truth_recovered, cost_measured,
    )
}  # fmt: skip
"""Rule → its checker."""
BY_CONTRACT = frozenset({
    "own_status", "resynchronises", "recovers_from_unplugging", "reports_serial_number", "reports_firmware", "answer_time",
    "faults_simulated", "truth_recovered",
})  # fmt: skip
"""Rules that are proved by the contract run."""


def prove(of: Evidence, rule: str) -> str:
    """What the evidence says of a rule: `DONE`, or why the model is exempt; NotProved when neither holds."""
    on_the_bench = (
        rule in BY_CONTRACT - {"resynchronises"} or rule == "simulator_independent" or (of.card.modbus and rule == "resynchronises")
    )
    if on_the_bench and of.model not in MODELS:
        return "not_simulated"
    return CHECKS[rule](of)
