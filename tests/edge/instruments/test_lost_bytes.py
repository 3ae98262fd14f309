"""Records that lost bytes where no checksum sees it: NMEA sentences that lost two equal ones (the syntax of each column has to see it), lines
without checksum that lost their beginning or their end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.instruments import StreamDriver
from edge.instruments.decode import bench_driver
from firmware_config.cards import load_card
from simulators.instruments import gps

MINUTE_DEG = 1 / 60


@cache
def receiver() -> StreamDriver:
    driver = bench_driver(load_card("gps_nmea0183"), {})
    assert isinstance(driver, StreamDriver)
    return driver


def read(sentence: bytes) -> dict[str, Any] | None:
    """The values of a sentence that is good as a whole."""
    found = [reading.values for reading in receiver().feed(sentence, 0.0) if reading.valid]
    return found[0] if found else None


@st.composite
def sentences(draw: st.DrawFn) -> bytes:
    t = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=draw(st.integers(0, 40_000_000)))
    clock = f"{t:%H%M%S}{draw(st.sampled_from(['.00', '.000', '.11', '']))}"
    place = draw(st.floats(-89.9, 89.9)), draw(st.floats(-179.9, 179.9))
    kind = draw(st.sampled_from(["GGA", "RMC", "ZDA"]))
    if kind == "GGA":
        fix = draw(st.sampled_from([1, 2, 4, 5])), draw(st.integers(4, 33)), draw(st.floats(0.5, 9.9))
        return gps.gga(clock, place, fix, (draw(st.floats(-20, 300)), draw(st.floats(-60, 80))))
    if kind == "RMC":
        return gps.rmc(clock, f"{t:%d%m%y}", place, (draw(st.floats(0, 30)), draw(st.floats(0, 359.9))), draw(st.sampled_from("ADR")))
    return gps.zda(clock, t)


@given(sentence=sentences(), which=st.integers(0, 10_000))
@settings(max_examples=400, deadline=None)
def test_a_sentence_that_lost_two_equal_bytes_moves_nobody_and_changes_no_date(sentence: bytes, which: int) -> None:
    """What still passes can have lost decimals of the minute alone."""
    truth = read(sentence)
    assert truth is not None
    end = sentence.index(b"*")
    pairs = [(i, j) for i, j in combinations(range(1, end), 2) if sentence[i] == sentence[j]]
    i, j = pairs[which % len(pairs)]
    rest = sentence[:i] + sentence[i + 1 : j] + sentence[j + 1 :]
    found = read(rest) or {}
    for name in found.keys() & {"lat", "lon"}:
        assert abs(found[name] - truth[name]) < MINUTE_DEG, (sentence, rest)
    for name in found.keys() & {"date", "day", "month", "year"}:
        assert found[name] in {truth[name], None}, (sentence, rest)
    if found.get("time") is not None:
        assert found["time"][:8] == truth["time"][:8], (sentence, rest)


@pytest.mark.parametrize(
    ("whole", "damaged"),
    [
        (b"$GNZDA,104010.00,07,05,2027,00,00*79", b"$GNZDA,104010.0,07,05,227,00,00*79"),
        (
            b"$GNGGA,201541.83,3007.5103,N,12037.5897,E,1,18,2.6,15.4,M,-6.2,M,,*56",
            b"$GNGGA,201541.83,3007.510,N,1207.5897,E,1,18,2.6,15.4,M,-6.2,M,,*56",
        ),
        (b"$GNRMC,015646.00,A,3338.3392,N,03245.4062,E,5.34,28.3,060527,,,A*4D", b"$GNRMC,015646.00,A,3338.3392,N,03245.4062,E,5.34,8.3,06057,,,A*4D"),
        (
            b"$GNGGA,065437.00,2258.2839,S,03537.8978,E,1,14,1.1,42.1,M,23.4,M,,*5A",
            b"$GNGGA,065437.00,2258.28,S,03537.8978,E,1,14,1.1,42.1,M,2.4,M,,*5A",
        ),
    ],
)  # fmt: skip
def test_pairs_that_the_checksum_does_not_see(whole: bytes, damaged: bytes) -> None:
    whole, damaged = (gps.sentence(text[1:].partition(b"*")[0].decode()) for text in (whole, damaged))
    assert read(whole) is not None
    assert read(damaged) is None


def quantities_of(model: str, *chunks: bytes) -> list[dict[str, float]]:
    """The good values of each reading."""
    driver = bench_driver(load_card(model), {})
    assert isinstance(driver, StreamDriver)
    found = [reading for chunk in chunks for reading in driver.feed(chunk, 0.0)] + driver.finish(0.0)
    return [{name: value for name, value in one.quantities.items() if one.valid and value is not None} for one in found]


def test_the_rest_of_a_cut_tide_line_is_no_pressure_of_a_burst() -> None:
    burst = quantities_of("seabird_sbe26plus_ascii", b"wave: start time = 05 Jan 2014 00:15:00\r\n", b"  29.8438\r\n")
    assert burst[-1]["water_pressure_burst"] == pytest.approx(29.8438 * 0.0689475729)
    assert quantities_of("seabird_sbe26plus_ascii", b" 13.8633\r\n") == [{}]


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("metek_usonic3_ascii", b"M:x =    10 y =    -3 z =    -1 t =  2203"),
        ("prooceanus_co2pro_atmosphere", b"#2026/03/04 12:00:11, M,43032,40423,397.04,40.1,21.221,28.480,1026,39.9,40.4,W"),
        ("paroscientific_digiquartz", b"*000114.5834"),
        ("vaisala_wxt536_ascii", b"0R1,Dn=236D,Dm=283D,Dx=031D,Sn=0.0M,Sm=1.0M,Sx=2.2M"),
    ],
)
def test_a_line_whose_end_did_not_come_is_none(model: str, line: bytes) -> None:
    """The line is interrupted within its last number, or just after it: nobody can tell."""
    whole = quantities_of(model, line + b"\r\n")
    assert len(whole) == 1
    assert whole[0]
    for cut in range(len(line) - 12, len(line) + 1):
        assert not any(quantities_of(model, line[:cut])), line[:cut]
