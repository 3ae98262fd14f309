"""The stations of the contract run: the bench's own made quick, and the same with a file that is wrong; and what is staged on them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import simulators
from firmware_config.cards import load_card
from simulators.world import WorldConfig
from tests.simulators.contract_record import CONTRACT

BENCH = Path(simulators.__file__).parent / "stations" / "bench"
OTHER_UNIT = "4711"


def bench_station() -> dict[str, Any]:
    """The bench's own station, made quick: short periods, a line for each Modbus unit with real limits to suit."""
    document: dict[str, Any] = yaml.safe_load((BENCH / "station.yaml").read_text(encoding="utf-8"))
    links = {link["id"]: link for link in document["links"]}
    used = []
    for entry in document["instruments"]:
        link = dict(links[entry["link"]])
        if link["kind"] == "modbus_rtu":
            link |= {"id": f"line_{entry['id']}", "port": f"/dev/tty_{entry['id']}"}
            entry["options"] = {**entry.get("options", {}), **CONTRACT["modbus_options"]}
        entry |= copy.deepcopy(CONTRACT["quick"].get(entry["id"], {}))
        if "rate" in entry:
            entry["rate"] = CONTRACT["rate"]
        entry["link"] = link["id"]
        used.append(link)
    return {**document, "links": used}


def wrong_station(what: str) -> dict[str, Any]:
    """The bench's station with a file that is wrong: ``setting`` (what ``contract.yaml`` says under ``wrong``; a Modbus unit has another
    number), ``serial number`` (of other units), or ``card`` (each instrument is called the next of its kind)."""
    document = bench_station()
    entries: list[dict[str, Any]] = document["instruments"]
    if what == "serial number":
        for entry in entries:
            entry["serial_number"] = OTHER_UNIT
        return document
    if what == "setting":
        for entry in entries:
            modbus = load_card(entry["model"]).modbus is not None
            change = {"address": entry["address"] + 1} if modbus else copy.deepcopy(CONTRACT["wrong"].get(entry["id"], {}))
            entry |= {**change, "options": {**entry.get("options", {}), **change.get("options", {})}}
        return document
    kinds = [[entry for entry in entries if (load_card(entry["model"]).modbus is None) is prints] for prints in (True, False)]
    for kind in kinds:
        borrowed = [copy.deepcopy(entry) for entry in [*kind[1:], kind[0]]]
        for entry, other in zip(kind, borrowed, strict=True):
            own = {key: entry[key] for key in ("id", "place", "serial_number", "link", "mounting")}
            if "address" in entry and load_card(other["model"]).modbus is not None:
                own["address"] = entry["address"]
            entry.clear()
            entry |= {**other, **own}
    return document


def bench_world() -> WorldConfig:
    document = yaml.safe_load((BENCH / "world.yaml").read_text(encoding="utf-8"))
    document["instruments"] = document.get("instruments", {}) | CONTRACT["world"]
    return WorldConfig.model_validate(document)


def faults_of(instrument: str, names: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every fault of an instrument as (what it is called here, entry of the timeline)."""
    modbus = "short_answer" in names
    for name in sorted(names):
        more = CONTRACT["modbus_entries" if modbus and name in CONTRACT["modbus_entries"] else "entries"].get(name, {})
        entry: dict[str, Any] = {"instrument": instrument, "fault": name, **more}
        if name == "exception":
            yield from ((f"exception {code}", {**entry, "magnitude": code}) for code in CONTRACT["exceptions"])
        else:
            yield name, entry
