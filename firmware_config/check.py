"""Reading a station file: everything wrong with it, at once, in words an engineer can act on before sailing.

Two passes: the shape (pydantic), each problem led back to its line in the YAML; then the sense (`firmware_config.sense`: does each
instrument's link exist, is an address used twice, does an input come from something that is measured). A problem reads
``FILE:LINE: KEY: VALUE: what is wrong; allowed: …; did you mean …?``.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from firmware_config.base.files import read_regular
from firmware_config.cards import readable_cards
from firmware_config.errors import StationFileError
from firmware_config.sense import Parts, check_calibrations, check_sense
from firmware_config.station import Station, Surface
from firmware_config.yaml_report import MAX_FILE_BYTES, Report, read_yaml, shape_problems

UNION_TAGS = frozenset({"serial", "tcp", "modbus_rtu", "modbus_tcp", "eddy", "air_sea", "oxygen", "tide"})


@dataclass(frozen=True)
class LoadedStation:
    """A station file that passed every check, with the site beside it and the hash that names this exact configuration."""

    station: Station
    site: dict[str, Any]
    config_hash: str
    path: Path
    warnings: tuple[str, ...] = ()
    """what is allowed and probably not meant, each with file and line"""


def _read_site(report: Report, path: Path) -> dict[str, Any]:
    """``site.geojson`` beside the station: polygons with ``surface`` and ``elevation_1985_m``."""
    site_report = Report(path)
    try:
        site = json.loads(read_regular(path, MAX_FILE_BYTES).decode())
        features = site["features"] if site["type"] == "FeatureCollection" else None
        if not isinstance(features, list):
            raise ValueError("not a GeoJSON FeatureCollection")
        for i, feature in enumerate(features):
            surface = feature["properties"]["surface"]
            if surface not in typing.get_args(Surface):
                site_report.nearest(("features", i, "properties", "surface"), "not a surface", surface, typing.get_args(Surface))
            if not isinstance(feature["properties"]["elevation_1985_m"], int | float):
                site_report.add(("features", i, "properties", "elevation_1985_m"), "a height in metres (1985 datum) is needed")
            if feature["geometry"]["type"] not in {"Polygon", "MultiPolygon"}:
                site_report.add(("features", i, "geometry"), "a surface is an area", allowed=["Polygon", "MultiPolygon"])
    except OSError as error:
        site_report.add((), f"cannot be read: {error.strerror}; a station has its surfaces beside it")
        site = {}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        site_report.add((), f"not a site file: {error!r}; see the example stations")
        site = {}
    report.problems += site_report.problems
    return typing.cast("dict[str, Any]", site)


def load_station(path: Path) -> LoadedStation:
    """Read and check a station file; StationFileError lists every problem found."""
    path = Path(path)
    report = Report(path)
    data = read_yaml(path, report, "a station file")
    if not isinstance(data, dict):
        if not report.problems:
            report.add((), "a station file is a mapping of keys to values")
        raise StationFileError(report.problems)
    parts = Parts.of(data)
    site = {} if parts.raw_only else _read_site(report, path.parent / "site.geojson")
    station: Station | None = None
    try:
        station = Station.model_validate(data)
    except ValidationError as error:
        shape_problems(report, Station, error, UNION_TAGS)
    cards, broken = readable_cards()
    wrong = sorted({instrument.model for instrument in parts.instruments.values()} & set(broken))
    for model in wrong:
        report.problems += broken[model]
    warnings = Report(path, report.root)
    if not wrong:
        check_sense(report, parts, cards)
        check_calibrations(report, warnings, parts, cards, datetime.datetime.now(datetime.UTC).date())
    if station is not None and not parts.raw_only and station.id == station.uplink.centre:
        text = f"{station.id!r}: the centre has this id (uplink.centre); their messages would be taken for each other's"
        report.add(("id",), text)
    if report.problems or station is None:
        raise StationFileError(report.problems)
    digest = hashlib.sha256(path.read_bytes() + b"\0" + json.dumps(site, sort_keys=True).encode()).hexdigest()[:16]
    return LoadedStation(station, site, digest, path, tuple(warnings.problems))
