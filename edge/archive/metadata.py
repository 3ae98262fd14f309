"""What a ``.ghg`` says about station and instruments: EddyPro's ``.metadata``, and our own facts as JSON.

Both are made from the live file's header alone (`about`), which `describe` fills from the station file when a window opens. Lengths in
``.metadata`` are in EddyPro's units: heights m, separations and tube length cm, tube diameter mm, flow l/min.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from edge.archive.layout import TIME_COLUMNS, Header
from firmware_config import __version__
from firmware_config.station import EddyFlux, Instrument, Station


@cache
def _names() -> dict[str, Any]:
    names: dict[str, Any] = yaml.safe_load(files("edge.archive").joinpath("eddypro.yaml").read_text(encoding="utf-8"))
    return names


def describe(station: Station, product: EddyFlux, learnt: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The facts of station, product and instruments that a window's file carries; ``learnt``: what earlier windows had taught by then."""

    def instrument(item: Instrument) -> dict[str, Any]:
        return item.model_dump(mode="json", exclude={"link", "address", "calibration"})

    facts = {
        "name": station.name.en,
        "platform": station.platform,
        "surface": station.surface,
        "position": station.position.model_dump(),
        "datum": station.datum.model_dump(),
        "product": product.model_dump(mode="json"),
        "sonic": instrument(station.instrument(product.sonic)),
        "gas": instrument(station.instrument(product.gas)) if product.gas else None,
    }
    return facts if learnt is None else {**facts, "learnt": dict(learnt)}


def _analyser_key(item: dict[str, Any]) -> str:
    head = item["options"].get("analyser", "li7500") if item["model"] == "licor_li7500_grammar" else ""
    return f"{item['model']}/{head}" if head else str(item["model"])


def _instrument_lines(number: int, item: dict[str, Any], name: dict[str, str], product: dict[str, Any], *, sonic: bool) -> list[str]:
    at = item["mounting"]
    facts: dict[str, Any] = {
        "manufacturer": name["manufacturer"],
        "model": name["model"],
        "sn": item["serial_number"],
        "sw_version": item["firmware"],
        "id": item["id"],
        "height": at["height_m"],
        "northward_separation": round(at["northward_separation_m"] * 100, 3),
        "eastward_separation": round(at["eastward_separation_m"] * 100, 3),
        "vertical_separation": round(at["vertical_separation_m"] * 100, 3),
    }
    if sonic:
        facts |= {"wformat": name["format"], "wref": name["reference"], "north_offset": at["north_offset_deg"]}
    elif name["path"] == "closed":
        facts |= {
            "tube_length": round((product["tube_length_m"] or 0.0) * 100, 3),
            "tube_diameter": round((product["tube_diameter_m"] or 0.0) * 1000, 4),
            "tube_flowrate": product["flow_l_per_min"] or 0.0,
        }
    return [f"instr_{number}_{key}={value}" for key, value in facts.items()]


def _column_lines(header: Header, sonic: dict[str, str], gas: dict[str, str] | None, gas_key: str) -> list[str]:
    names, lines = _names(), []
    for number, column in enumerate((*TIME_COLUMNS, *header.layout.columns), 1):
        row = names["columns"][column]
        variable = row.get("variable") or row[gas["path"] if gas else "open"]
        if column == "Gas Diagnostic":
            variable = names["diagnostics"].get(gas_key, "ignore")
        of_sonic = variable in {"u", "v", "w", "ts", "diag_anem"}
        owner = "" if variable == "ignore" else sonic["model"] if of_sonic or gas is None else gas["model"]
        facts = {"variable": variable, "instrument": owner, "measure_type": row["measure"], "unit_in": row["unit"]}
        lines += [f"col_{number}_{key}={value}" for key, value in facts.items()]
    return lines


def metadata_text(header: Header) -> str:
    """The ``.metadata`` member."""
    about, names = header.about, _names()
    product, position = about["product"], about["position"]
    sonic = names["sonics"].get(about["sonic"]["model"], names["sonics"]["other"])
    gas_key = _analyser_key(about["gas"]) if about["gas"] else ""
    gas = names["analysers"].get(gas_key, names["analysers"]["other"]) if about["gas"] else None
    lines = [
        ";GHG_METADATA",
        *("[Project]", f"title={header.station}", f"id={header.station}", f"sw_version={__version__}"),
        *("[Files]", "saved_native=1", "timestamp=0", "tstamp_end=0", "end_of_line=lf", "enable_processing=1"),
        *("[Site]", f"site_name={about['name']}", f"site_id={header.station}", "altitude=0.0"),
        *(f"latitude={position['latitude_deg']}", f"longitude={position['longitude_deg']}"),
        f"canopy_height={product['canopy_m']}",
        *(f"displacement_height={product['displacement_m']}", f"roughness_length={product['roughness_m'] or ''}"),
        *("[Station]", f"station_name={about['name']}", f"station_id={header.station}"),
        *("[Timing]", f"acquisition_frequency={header.rate_hz:g}", f"file_duration={header.duration_ms / 60_000:g}"),
        "[Instruments]",
        *_instrument_lines(1, about["sonic"], sonic, product, sonic=True),
        *(_instrument_lines(2, about["gas"], gas, product, sonic=False) if gas else []),
        *("[FileDescription]", "separator=tab", "header_rows=8", "data_label=DATA"),
        *_column_lines(header, sonic, gas, gas_key),
    ]
    return "\n".join(lines) + "\n"


def data_head(header: Header) -> str:
    """The eight lines before the rows of the ``.data`` member."""
    about = header.about
    start = datetime.fromtimestamp(header.start_ms / 1e3, UTC)
    stamp = f"{start:%Y-%m-%d %H:%M:%S}:{header.start_ms % 1000:03d}"
    instruments = " + ".join(item["model"] for item in (about["sonic"], about["gas"]) if item)
    return "".join(
        line + "\n"
        for line in (
            "Model:\tHaitan raw archive",
            f"SN:\t{about['sonic']['serial_number']}",
            f"Instrument:\t{instruments}",
            "File Type:\t2",
            f"Software Version:\t{__version__}",
            f"Timestamp:\t{stamp}",
            "Timezone:\tUTC" if not header.boot_id else "Timezone:\tnone (seconds since boot)",
            "\t".join(("DATAH", *TIME_COLUMNS, *header.layout.columns)),
        )
    )
