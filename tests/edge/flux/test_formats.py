"""Every format gives the same samples in the same places, and what does not fit is refused with its reason."""

from __future__ import annotations

import doctest
import gzip
import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import edge.flux.files
import edge.flux.table
import edge.flux.text
import edge.flux.tob1
from edge.flux.errors import RawFileError
from edge.flux.files import Reading, read_file
from edge.flux.tob1 import decode_fp2
from tests.edge.flux.stations import (
    COLUMNS,
    LOGGER_ZERO,
    NAMES,
    OUR_COLUMNS,
    RATE,
    SAMPLES,
    START,
    air,
    csv_file,
    csv_text,
    logger_time,
    stamps,
    station,
    toa5,
    tob1,
)

PERIOD_MS = 600_000
START_MS = 1_590_984_000_000
"""2020-06-01 12:00 at UTC+8"""


def read(path: Path, **raw: object) -> Reading:
    return read_file(path, station(path.parent, **raw), PERIOD_MS)


def write(folder: Path, data: bytes | str, name: str = "T_20200601-1200.dat") -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def table_of(window: object) -> np.ndarray:
    return np.stack([window.columns[name] for name in OUR_COLUMNS], axis=1)


@pytest.mark.parametrize("module", [edge.flux.files, edge.flux.table, edge.flux.text, edge.flux.tob1])
def test_worked_numbers_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0


def test_csv_toa5_and_tob1_of_the_same_samples_are_the_same_window(tmp_path: Path) -> None:
    table, times = air(), stamps(SAMPLES)
    table[100, 4] = np.nan
    by_format = {
        "csv": csv_text(np.where(np.isnan(table), -9999, table)),
        "csv.gz": gzip.compress(csv_text(np.where(np.isnan(table), -9999, table)).encode()),
        "bom": b"\xef\xbb\xbf" + csv_text(table).replace("\n", "\r\n").encode(),
        "toa5": toa5(table, times),
        "toa5.gz": gzip.compress(toa5(table, times)[:50_000], mtime=0) + gzip.compress(toa5(table, times)[50_000:], mtime=0),
        "tob1": tob1(table, times, "IEEE8"),
    }
    for name, data in by_format.items():
        reading = read(write(tmp_path, data, f"T_20200601-1200.{name}"))
        assert len(reading.windows) == 1, name
        window = reading.windows[0]
        assert (window.start_ms, window.rate_hz) == (START_MS, RATE), name
        np.testing.assert_allclose(table_of(window), table, rtol=1e-8, err_msg=name)


def test_the_times_decide_where_a_row_lies(tmp_path: Path) -> None:
    table = air()
    times = stamps(SAMPLES)
    kept = np.r_[0:1000, 1200:SAMPLES]
    window = read(write(tmp_path, toa5(table[kept], [times[i] for i in kept]))).windows[0]
    assert np.isnan(table_of(window)[1000:1200]).all()
    np.testing.assert_allclose(table_of(window)[kept], table[kept], rtol=1e-8)


def test_two_periods_in_one_file_are_two_windows(tmp_path: Path) -> None:
    table = np.concatenate([air(), air()[::-1]])
    windows = read(write(tmp_path, tob1(table, stamps(2 * SAMPLES), "IEEE8"))).windows
    assert [window.start_ms for window in windows] == [START_MS, START_MS + PERIOD_MS]
    np.testing.assert_array_equal(table_of(windows[0]), table[:SAMPLES])
    np.testing.assert_array_equal(table_of(windows[1]), table[SAMPLES:])


def test_a_row_over_the_edge_of_the_period_is_told_and_makes_no_window(tmp_path: Path) -> None:
    reading = read(write(tmp_path, toa5(air(), stamps(SAMPLES))), stamps="start")  # the last row's time is the next period's first
    assert len(reading.windows) == 1
    assert "1 rows belong to the period before or after" in reading.notes[0]


def test_a_csv_with_a_time_column(tmp_path: Path) -> None:
    times = stamps(SAMPLES, end=False)
    for form, spelt in (
        ("", [at.isoformat(" ") for at in times]),
        ("%d.%m.%Y %H:%M:%S.%f", [at.strftime("%d.%m.%Y %H:%M:%S.%f") for at in times]),
    ):
        reading = read(write(tmp_path, csv_text(air(), times=spelt)), time={"column": "time", "format": form})
        assert [window.start_ms for window in reading.windows] == [START_MS]
        np.testing.assert_allclose(table_of(reading.windows[0]), air(), rtol=1e-8)


def test_a_clock_that_is_off_the_grid_by_part_of_a_sample_fills_every_slot(tmp_path: Path) -> None:
    times = [at + timedelta(milliseconds=50) for at in stamps(SAMPLES, end=False)]
    reading = read(write(tmp_path, csv_text(air(), times=[at.isoformat() for at in times])), time={"column": "time"})
    filled = [np.count_nonzero(~np.isnan(window.columns["U (m/s)"])) for window in reading.windows]
    assert sum(filled) >= SAMPLES - 1


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda t: t[:3000] + t[1000:4000], "runs backwards 1 times, first at row 3001"),
        (lambda t: [START + timedelta(seconds=i / 20) for i in range(SAMPLES)], "come at 20 Hz, the station file says 10 Hz"),
        (lambda t: [at.replace(microsecond=0) for at in t], "have the time of the row before"),
    ],
)
def test_times_that_cannot_be_right_refuse_the_file(tmp_path: Path, change, word: str) -> None:
    with pytest.raises(RawFileError, match=word):
        read(write(tmp_path, toa5(air(), change(stamps(SAMPLES)))))


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [("kelvin", 293.15, 20.0), ("degF", 68.0, 20.0), ("degC", 20.0, 20.0)],
)
def test_units_are_named(tmp_path: Path, unit: str, value: float, expected: float) -> None:
    columns = {**COLUMNS, "sonic_temperature": {"column": "ts", "unit": unit}}
    table = air(100)
    table[:, 3] = value
    window = read(write(tmp_path, csv_text(table)), columns=columns).windows[0]
    np.testing.assert_allclose(window.columns["Ts (C)"], expected, atol=1e-9)


def test_diagnostics_and_densities_keep_their_names(tmp_path: Path) -> None:
    columns = {
        **{name: COLUMNS[name] for name in ("wind_u", "wind_v", "wind_w", "sonic_temperature")},
        "co2": {"column": "co2", "unit": "mg/m3"},
        "h2o": {"column": "h2o", "unit": "g/m3"},
        "gas_diagnostic": "ga",
        "sonic_diagnostic": "sa",
        "signal_strength": "rssi",
        "cell_pressure": {"column": "p", "unit": "hPa"},
    }
    path = write(tmp_path, "u,v,w,ts,co2,h2o,ga,sa,rssi,p\n" + "1,2,3,20,700,18.01528,8191,0,99.5,1013\n" * 50)
    found = {name: column[0] for name, column in read(path, columns=columns).windows[0].columns.items()}
    assert found["CO2 (mmol/m^3)"] == pytest.approx(700 / 44.0095)
    assert found["H2O (mmol/m^3)"] == pytest.approx(1000.0)
    assert found["P gas (kPa)"] == pytest.approx(101.3)
    assert [found[name] for name in ("Gas Diagnostic", "Sonic Diagnostic", "Signal Strength")] == [8191, 0, 99.5]
    columns["signal_strength"] = {"column": "rssi", "unit": "1"}  # a share, as some loggers write it
    assert read(path, columns=columns).windows[0].columns["Signal Strength"][0] == 9950.0


def test_fp2_takes_every_number_a_logger_can_write() -> None:
    words = np.arange(65536, dtype=np.uint16)
    numbers = decode_fp2(words)
    by_hand = [(-1 if w & 0x8000 else 1) * (w & 0x1FFF) / 10 ** ((w >> 13) & 3) if (w & 0x1FFF) <= 7999 else np.nan for w in range(65536)]
    np.testing.assert_array_equal(numbers, by_hand)
    assert np.isnan(decode_fp2(np.array([0x9FFE, 0x1FFF, 0x9FFF], dtype=np.uint16))).all()


def test_tob1_of_every_kind_of_number(tmp_path: Path) -> None:
    names = ["TIMESTAMP", "u", "v", "w", "ts", "co2", "h2o", "text"]
    kinds = ["SecNano", "FP2", "IEEE4B", "IEEE8", "LONG", "USHORT", "IEEE4", "ASCII(8)"]
    layout = np.dtype(
        [("t", "<u4,<u4"), ("u", ">u2"), ("v", ">f4"), ("w", "<f8"), ("ts", "<i4"), ("co2", "<u2"), ("h2o", "<f4"), ("text", "S8")]
    )
    records = np.zeros(SAMPLES, layout)
    seconds = (START - LOGGER_ZERO).days * 86400 + 12 * 3600
    tenths = np.arange(1, SAMPLES + 1)
    records["t"]["f0"], records["t"]["f1"] = seconds + tenths // 10, tenths % 10 * 100_000_000
    records["u"], records["v"], records["w"], records["ts"], records["co2"], records["h2o"] = 0x2000 + 15, -2.5, 0.125, 20, 400, 10.5
    records["u"][7] = 0x9FFE
    head = ['"TOB1","x"', ",".join(f'"{n}"' for n in names), '""', '""', ",".join(f'"{k}"' for k in kinds)]
    reading = read(write(tmp_path, "\r\n".join([*head, ""]).encode() + records.tobytes() + b"cut"))
    window = reading.windows[0]
    assert [float(window.columns[name][0]) for name in OUR_COLUMNS] == [1.5, -2.5, 0.125, 20.0, 400.0, 10.5]
    assert np.flatnonzero(np.isnan(window.columns["U (m/s)"])).tolist() == [7]
    assert reading.notes == ["the last record is cut (3 bytes)"]


GOOD_HEAD = ",".join(NAMES)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "it is empty"),
        (b"\0" * 5000, "not text"),
        (GOOD_HEAD + "\n", "no data below the header"),
        ("a,b\n1,2\n", "none of the columns .* its header names a, b"),
        ("u,u,v,w,ts,co2,h2o\n1,1,2,3,4,5,6\n", "'u' stands twice"),
        (GOOD_HEAD + "\n1,2\n3,4\n", "none of its rows has the 6 fields"),
        (csv_text(air(100)).encode("utf-16"), "none of the columns|not text"),
        (gzip.compress(csv_text(air()).encode())[:9000], "cut short"),
        (gzip.compress(csv_text(air()).encode())[:-8] + b"\0" * 8, "damaged"),
        (gzip.compress(b"x", mtime=0) + b"more", "other bytes follow"),
        (csv_text(np.concatenate([air(), air()])), "more than one period of 10 min holds"),
        (b'"TOA5","x"\r\n"TIMESTAMP","u"\r\n', "header is cut"),
        (b'"TOA5","x"\n"RECORD","u"\n""\n""\n1,2\n', "time column 'TIMESTAMP' is not there"),
        (b'"TOA5","x"\n"TIMESTAMP","u"\n""\n""\n"noon",2\n"night",3\n', "cannot be read"),
        (b'"TOB1","x"\n"u"\n""\n""\n"FP4"\n\0\0\0\0', "type 'FP4' is not known"),
        (b'"TOB1","x"\n"u","v"\n""\n""\n"FP2"\n\0\0\0\0', "2 columns and 1 types"),
        (b'"TOB1","x"\n"u"\n""\n""\n"IEEE8"\n\0\0\0\0', "no whole record"),
        (b'"TOB1","x"\n"u"\n""\n""\n"ASCII(4)"\nabcd', "not a number"),
        (b'"TOB3","x"\n', "convert it"),
        (b"PK\x03\x04 nothing", "cannot be read|no header"),
    ],
    ids=lambda part: part if isinstance(part, str) and len(part) < 80 else "",  # not the files: gzip writes the time into them
)
def test_what_is_no_raw_file_is_refused_with_the_reason(tmp_path: Path, data: bytes | str, word: str) -> None:
    with pytest.raises(Exception, match=word) as caught:
        read(write(tmp_path, data))
    assert type(caught.value).__name__ in {"RawFileError", "ArchiveError"}


def test_names_folders_and_absent_files(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "noon.csv")
    with pytest.raises(RawFileError, match="does not read as"):
        read(path)
    with pytest.raises(RawFileError, match=r"raw\.start does not say"):
        read(path, start="")
    with pytest.raises(RawFileError, match="a folder"):
        read_file(tmp_path, station(tmp_path), PERIOD_MS)
    with pytest.raises(RawFileError, match="No such file"):
        read(tmp_path / "absent.csv")
    os.mkfifo(tmp_path / "fifo.csv")
    with pytest.raises(RawFileError, match="not a regular file"):
        read_file(tmp_path / "fifo.csv", station(tmp_path), PERIOD_MS)


def test_a_file_too_large_is_refused_before_it_fills_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.flux.files.MAX_BYTES", 100_000)
    with pytest.raises(RawFileError, match="larger than 0 MB"):
        read(csv_file(tmp_path))
    with pytest.raises(RawFileError, match="when unpacked"):
        read(write(tmp_path, gzip.compress(b"0" * 200_000, mtime=0)))


def test_an_absent_column_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    reading = read(write(tmp_path, csv_text(air()).replace("co2", "carbon", 1)))
    assert reading.notes == ["no column co2"]
    assert "CO2 dry (umol/mol)" not in reading.windows[0].columns


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    order = [5, 3, 1, 0, 2, 4]
    text = csv_text(air()[:, order]).replace(GOOD_HEAD, ",".join(NAMES[i] for i in order), 1)
    np.testing.assert_allclose(table_of(read(write(tmp_path, text)).windows[0]), air(), rtol=1e-8)


def test_the_offset_of_the_files_clock(tmp_path: Path) -> None:
    assert read(csv_file(tmp_path), utc_offset="-08:00").windows[0].start_ms == START_MS + 16 * 3_600_000
    assert logger_time(START) == "2020-06-01 12:00:00"
