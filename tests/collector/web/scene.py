"""A plausible evening on the coast for the page to show: three stations, their series, alarms and holes. Data for `standin.py`; no server here."""

from __future__ import annotations

import json
import math
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import yaml

import firmware_config
from firmware_config.quantities import registry
from firmware_config.streams import STREAMS

STATIONS = Path(firmware_config.__file__).parent / "stations"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

# quantity: middle, tidal swing, daily swing, scatter
SHAPES: dict[str, tuple[float, float, float, float]] = {
    "wind_speed": (6.5, 0.6, 1.8, 0.5),
    "wind_from_direction": (95.0, 15.0, 20.0, 6.0),
    "air_temperature": (21.5, 0.2, 2.6, 0.1),
    "relative_humidity": (79.0, 1.0, -9.0, 0.8),
    "air_pressure": (1016.2, 0.0, 1.1, 0.05),
    "water_temperature": (22.4, 0.5, 0.6, 0.02),
    "salinity": (27.8, 1.6, 0.0, 0.03),
    "dissolved_oxygen": (7.1, 0.4, 0.9, 0.04),
    "oxygen_saturation": (94.0, 4.0, 9.0, 0.6),
    "pco2_water": (452.0, 38.0, -24.0, 2.0),
    "water_level": (2.1, 2.2, 0.0, 0.01),
    "battery_voltage": (12.9, 0.0, 0.5, 0.02),
    "co2_flux": (-1.2, 0.6, -4.2, 0.5),
    "air_sea_co2_flux": (2.4, 0.7, 0.5, 0.2),
    "latent_heat_flux": (72.0, 4.0, 58.0, 9.0),
    "sensible_heat_flux": (11.0, 2.0, 26.0, 5.0),
    "momentum_flux": (0.09, 0.01, 0.05, 0.02),
    "friction_velocity": (0.27, 0.02, 0.06, 0.02),
    "water_pressure": (0.41, 0.2, 0.0, 0.001),
}
PLACES = {  # station → place of each quantity, by stream
    "zhoushan-buoy": {
        "minute": [
            *("wind_speed@mast", "wind_from_direction@mast", "air_temperature@mast", "relative_humidity@mast", "air_pressure@mast"),
            *("water_temperature@surface", "water_temperature@bottom", "salinity@surface", "dissolved_oxygen@surface"),
            *("dissolved_oxygen@bottom", "battery_voltage@mast"),
        ],
        "gas": ["pco2_water@surface", "air_sea_co2_flux@surface"],
        "eddy": ["co2_flux@mast", "latent_heat_flux@mast", "sensible_heat_flux@mast", "momentum_flux@mast", "friction_velocity@mast"],
    },
    "yueqing-mangrove": {
        "minute": [
            "wind_speed@tower",
            "air_temperature@tower",
            "relative_humidity@tower",
            "dissolved_oxygen@creek",
            "water_temperature@creek",
        ],
        "tide": ["water_level@creek"],
        "eddy": ["co2_flux@tower", "latent_heat_flux@tower", "sensible_heat_flux@tower", "momentum_flux@tower"],
    },
    "hangzhou-mudflat": {
        "minute": ["wind_speed@mast", "air_temperature@mast", "water_pressure@bottom"],
        "tide": ["water_level@bottom"],
        "eddy": ["co2_flux@mast", "latent_heat_flux@mast"],
    },
}
BEGAN = 1_795_927_200_000
"""2026-11-29 at 12:40 of the stations' day: a page must not look otherwise because the tests run at another hour.
The holes lie hours before this."""
PERIOD = {"minute": MINUTE, "tide": 6 * MINUTE, "gas": 30 * MINUTE, "eddy": 30 * MINUTE}


def scatter(series: str, t: int) -> float:
    """A number in -1 … 1 that is always the same for the same series and time."""
    return int.from_bytes(blake2b(f"{series} {t}".encode(), digest_size=4).digest()) / 2**31 - 1


def value_at(series: str, t: int) -> float:
    middle, tide, daily, noise = SHAPES[series.split("@", maxsplit=1)[0].split(":", maxsplit=1)[0]]
    offset = 0.0 if series.endswith(("surface", "mast", "tower")) else -0.06 * middle
    angle = 2 * math.pi * t
    found = middle + offset + tide * math.sin(angle / (12.42 * HOUR)) + daily * math.sin(angle / DAY) + noise * scatter(series, t)
    return float(f"{found:.6g}")


def point(series: str, stream: str, t: int) -> tuple[float | None, int, int | None, bool]:
    """Value, flag, class of one record and whether the record is there at all."""
    ago = BEGAN // (30 * MINUTE) * 30 * MINUTE - t
    if (stream == "minute" and 140 * MINUTE < ago % (6 * HOUR) < 157 * MINUTE) or (stream == "eddy" and ago % DAY == 9 * HOUR):
        return None, 9, None, False
    value = value_at(series, t)
    roll = (scatter(series, t + 1) + 1) / 2
    grade = None if stream != "eddy" else (0 if roll < 0.6 else 1 if roll < 0.85 else 2)
    if stream == "minute" and roll > 0.995:
        return value * 4, 4, grade, True
    if stream == "minute" and roll > 0.98:
        return value * 1.02, 3, grade, True
    return value, 3 if grade == 2 else 1, grade, True


def label(series: str) -> dict[str, str]:
    quantity = registry()[series.split("@", maxsplit=1)[0]]
    return {"en": quantity.label_en, "zh": quantity.label_zh}


def series_of(station: str) -> dict[str, str]:
    """Series → stream."""
    return {series: stream for stream, names in PLACES[station].items() for series in names}


@cache
def station_file(station: str) -> dict[str, Any]:
    return yaml.safe_load((STATIONS / station / "station.yaml").read_text(encoding="utf-8"))


def birth(station: str) -> dict[str, Any]:
    file = station_file(station)
    series = {
        name: {
            "unit": registry()[name.split("@")[0]].unit,
            "label": label(name),
            "instrument": "",
            "tests": ["gross_range"],
            "stream": stream,
        }
        for name, stream in series_of(station).items()
    }
    instruments = [{key: item[key] for key in ("id", "model", "place", "serial_number", "link")} for item in file["instruments"]]
    instruments[-1] |= {"calibrated": "2026-09-14", "corrections": {"water_pressure": {"slope": 1.0021, "offset": -0.013}}}
    site = json.loads((STATIONS / station / "site.geojson").read_text(encoding="utf-8"))
    return {"series": series, "streams": {name: PERIOD[name] for name in PLACES[station]}, "instruments": instruments, "site": site}


def newest(station: str, now: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for series, stream in series_of(station).items():
        t = now // PERIOD[stream] * PERIOD[stream] - PERIOD[stream]
        value, flag, _, there = point(series, stream, t)
        found[series] = {"t": t, "value": value, "flag": flag if there else 9, "stream": stream}
    return found


def health(station: str, now: int, depth: int) -> dict[str, Any]:
    instruments = {}
    for i, item in enumerate(station_file(station)["instruments"]):
        broken = station == "zhoushan-buoy" and item["id"] == "oxygen"
        instruments[item["id"]] = {
            "good": 0 if broken else 1200 - 37 * i,
            "bad": 3 if i == 2 else 0,
            "timeouts": 6 if broken else 0,
            "skipped": 0,
            "last_age_s": 1840.0 if broken else 0.4 + i,
            "reasons": {"checksum": 3} if i == 2 else {},
            "state": "silent" if broken else "ok",
        }
    values = {
        "outbox_depth@station": depth,
        "outbox_share@station": 0.004,
        "disk_free@station": 0.62,
        "cpu_load@station": 0.031,
        "memory_rss@station": 71.4,
        "clock_offset@station": 0.0021,
    }
    return {"values": values, "detail": {"instruments": instruments}, "t": now // MINUTE * MINUTE, "clock": "synchronised"}


def ledger(station: str, start: int, now: int) -> list[dict[str, Any]]:
    """Ribbons with a hole of every kind somewhere."""
    streams = []
    for stream in [*PLACES[station], "health", "event"]:
        period = PERIOD.get(stream, MINUTE if stream == "health" else 0)
        span = now - start
        ribbon: list[list[Any]] = []
        holes: list[list[Any]] = []
        if stream == "minute":
            cuts = [
                (0.22, "got"),
                (0.25, "lost"),
                (0.61, "got"),
                (0.64, "fetching"),
                (0.8, "got"),
                (0.83, "late"),
                (0.985, "got"),
                (1.0, "expected"),
            ]
            holes = [[4100, 4142, "lost", "no room: the outbox was full"], [4630, 4671, "fetching", ""], [4890, 4933, "late", ""]]
        elif stream == "event":
            cuts = []
        else:
            cuts = [(0.5, "got"), (0.503, "unused"), (0.97, "got"), (1.0, "expected")]
        at = float(start)
        for share, state in cuts:
            ribbon.append([int(at), int(start + share * span), state, "no room: the outbox was full" if state == "lost" else ""])
            at = start + share * span
        label_of = STREAMS[stream]
        streams.append(
            {
                "stream": stream,
                "label": {"en": label_of.title_en, "zh": label_of.title_zh},
                "period_ms": period,
                "committed": 5012 if period == MINUTE else 167,
                "epochs": [{"epoch": 1, "top": 5012, "holes": holes}],
                "ribbon": ribbon,
            }
        )
    return streams


def alarm(**fields: Any) -> dict[str, Any]:
    empty = {"series": "", "value": None, "limit": None, "unit": "", "returned_ms": None, "cleared_ms": None, "acknowledged": None}
    more = {"condition": "active", "rule": "limit", "source_bad": False, "children": [], "count": 1, "severity_now": fields["severity"]}
    about = [fields.get("series", ""), *fields.get("children", [])]
    return {**empty, **more, "names": {name: label(name) for name in about if name.partition("@")[0] in registry()}, **fields}


def alarms(now: int) -> list[dict[str, Any]]:
    """Open and past alarms, each in a different state."""
    return [
        alarm(
            id=41,
            key="offline/hangzhou-mudflat",
            station="hangzhou-mudflat",
            severity="high",
            title={"en": "Station offline", "zh": "站点离线"},
            message={
                "en": "The station closed its connection without saying goodbye and has not come back.",
                "zh": "站点异常断开,至今未恢复连接。",
            },
            guidance={
                "en": "1. Look at the operator's page of the SIM card: is there traffic?\n2. Records are kept at the station and follow by themselves.\n3. After 6 hours without contact plan a visit with a battery.",
                "zh": "1. 查看 SIM 卡运营商页面是否有流量。\n2. 记录保存在站上,恢复后自动补传。\n3. 超过 6 小时无联系,安排携带电池的现场检修。",
            },
            raised_ms=now - 47 * MINUTE,
        ),
        alarm(
            id=40,
            key="limit/zhoushan-buoy/dissolved_oxygen@bottom",
            station="zhoushan-buoy",
            series="dissolved_oxygen@bottom",
            severity="medium",
            title={"en": "Dissolved oxygen too low", "zh": "溶解氧过低"},
            message={"en": "Bottom water has been below the limit for 10 minutes.", "zh": "底层水溶解氧低于限值已 10 分钟。"},
            guidance={
                "en": "Compare with the surface sensor; if both fall, inform the aquaculture office.",
                "zh": "与表层传感器比较;若两者均下降,通知养殖主管部门。",
            },
            value=1.84,
            limit=2.0,
            unit="mg L-1",
            raised_ms=now - 12 * MINUTE,
        ),
        alarm(
            id=38,
            key="no_data/zhoushan-buoy/battery_voltage@mast",
            station="zhoushan-buoy",
            series="battery_voltage@mast",
            severity="low",
            title={"en": "Supply voltage low", "zh": "供电电压偏低"},
            message={"en": "Voltage fell below the limit and has recovered.", "zh": "电压曾低于限值,现已恢复。"},
            children=["water_temperature@surface", "salinity@surface"],
            guidance={"en": "Check the solar panel at the next visit.", "zh": "下次巡检时检查太阳能板。"},
            value=12.6,
            limit=11.8,
            unit="V",
            condition="returned",
            raised_ms=now - 5 * HOUR,
            returned_ms=now - 2 * HOUR,
        ),
        alarm(
            id=35,
            key="buffer/hangzhou-mudflat",
            station="hangzhou-mudflat",
            series="outbox_depth@station",
            severity="medium",
            title={"en": "Buffer filling", "zh": "缓存积压"},
            message={"en": "More than 300 records wait at the station.", "zh": "站上待发记录超过 300 条。"},
            guidance={"en": "It empties by itself once the link is back.", "zh": "通信恢复后自动清空。"},
            value=412,
            limit=300,
            unit="1",
            raised_ms=now - 40 * MINUTE,
            acknowledged={"who": "值班员甲", "when_ms": now - 31 * MINUTE, "comment": "已联系运营商,等待恢复"},
        ),
        alarm(
            id=30,
            key="limit/yueqing-mangrove/relative_humidity@tower",
            station="yueqing-mangrove",
            series="relative_humidity@tower",
            severity="low",
            title={"en": "Humidity sensor suspect", "zh": "湿度传感器可疑"},
            message={"en": "Value above 102 %.", "zh": "数值高于 102 %。"},
            guidance={"en": "", "zh": ""},
            value=103.1,
            limit=102,
            unit="%",
            condition="cleared",
            raised_ms=now - 30 * HOUR,
            returned_ms=now - 28 * HOUR,
            cleared_ms=now - 27 * HOUR,
            acknowledged={"who": "duty officer", "when_ms": now - 27 * HOUR, "comment": "fog"},
        ),
    ]
