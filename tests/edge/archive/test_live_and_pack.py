"""The raw archive: what was appended is read back; what a kill, a cut or a flipped bit leaves is used as far as it can be trusted."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import zipfile
import zlib

import numpy as np
import pytest

from edge.archive import live as live_module
from edge.archive.live import LiveFile, recover, slot_of
from edge.archive.pack import pack, packed_from, record_ms_from
from edge.archive.reader import read_window
from edge.errors import ArchiveError
from tests.edge.archive.files import SLOTS, START_MS, header, note, row, sample, write

COLUMN_OF = {"U (m/s)": 0, "V (m/s)": 1, "W (m/s)": 2, "Ts (C)": 3}


def check_window(window, slots):
    """The window holds exactly these slots, with the values that were written."""
    present = np.isfinite(window.columns["U (m/s)"])
    assert list(np.flatnonzero(present)) == sorted(slots)
    for slot in slots:
        sonic, gas = sample(slot)
        assert window.columns["U (m/s)"][slot] == pytest.approx(sonic["wind_u"], rel=1e-6)
        assert window.columns["V (m/s)"][slot] == pytest.approx(sonic["wind_v"], rel=1e-6)
        assert window.columns["CO2 (mmol/m^3)"][slot] == pytest.approx(gas["co2_density"], rel=1e-6)
        assert np.isnan(window.columns["T gas (C)"][slot])
        assert window.columns["Gas Diagnostic"][slot] == 254


def test_live_and_packed_file_read_the_same(tmp_path):
    path = write(tmp_path, [range(100, 400), range(400, 700), range(900, 1200)])
    packed = pack(path, tmp_path / "buoy_20261122T1100.ghg")
    live, ghg = read_window(path), read_window(packed.path)
    check_window(ghg, [*range(100, 700), *range(900, 1200)])
    assert live.columns.keys() == ghg.columns.keys()
    for name in live.columns:
        np.testing.assert_array_equal(live.columns[name], ghg.columns[name])
        assert len(ghg.columns[name]) == SLOTS
    assert (live.rate_hz, live.start_ms, live.meta) == (ghg.rate_hz, ghg.start_ms, ghg.meta)
    assert ghg.start_ms == START_MS
    assert packed.rows == ghg.meta["rows"] == 900


def test_an_invalid_sample_keeps_its_place_and_its_diagnostic(tmp_path):
    head = header()
    file = LiveFile.create(tmp_path / "a.live", head)
    bad = head.layout.row(5, ("10", head.layout.no_sonic[1]), ("129", head.layout.no_gas[1]))
    file.append(row(4) + bad + row(6, gas=False) + row(7, sonic=False), note())
    file.close()
    columns = read_window(file.path).columns
    assert columns["Sonic Diagnostic"][5] == 10
    assert columns["Gas Diagnostic"][5] == 129
    assert np.isnan(columns["U (m/s)"][5])
    assert np.isnan(columns["CO2 (mmol/m^3)"][[5, 6]]).all()
    assert np.isnan(columns["W (m/s)"][7])
    assert np.isfinite(columns["CO2 (mmol/m^3)"][7])


def test_the_inputs_and_the_clock_of_a_window_travel_with_it(tmp_path):
    notes = [note("synchronised", 1010.0), note("holdover", 1012.0), note("synchronised", 1014.0)]
    path = write(tmp_path, [range(10), range(10, 20), range(20, 30)], notes=notes)
    packed = pack(path, tmp_path / "a.ghg")
    assert packed.clock == "holdover"
    meta = read_window(packed.path).meta
    assert meta["inputs"]["air_pressure"] == {"value": 1012.0, "uncertainty": 0.5, "source": "air_pressure@mast"}
    assert packed_from(packed.path).inputs == packed.inputs


def test_packing_twice_gives_the_same_file(tmp_path):
    path = write(tmp_path, [range(300), range(300, 700)])
    first = pack(path, tmp_path / "buoy_20261122T1100.ghg")
    content = first.path.read_bytes()
    first.path.unlink()
    second = pack(path, tmp_path / "buoy_20261122T1100.ghg")
    assert second.path.read_bytes() == content
    assert second.sha256 == first.sha256 == packed_from(second.path).sha256
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.parametrize(
    ("start_ms", "year"), [(-86_400_000, 1980), (START_MS, 2026), (5_000_000_400_000, 2107), (253_402_300_200_000, 2107)]
)
def test_a_window_of_any_year_is_packed_with_its_own_time(tmp_path, start_ms, year):
    packed = pack(write(tmp_path, [range(300)], header(start_ms=start_ms)), tmp_path / "a.ghg")
    window = read_window(packed.path)
    assert (window.start_ms, window.meta["rows"]) == (start_ms, 300)
    with zipfile.ZipFile(packed.path) as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {year}


@pytest.fixture(scope="module")
def three_blocks(tmp_path_factory):
    """A live file of three blocks, its bytes, and where each member ends."""
    path = write(tmp_path_factory.mktemp("live"), [range(200), range(200, 400), range(400, 600)])
    data = path.read_bytes()
    return path, data, [block.end for block in live_module.blocks_of(data)]


def test_cut_at_any_byte_every_whole_block_is_kept_and_nothing_is_made_up(three_blocks, tmp_path):
    """Each cut lies in some class: within the header member, at a member's edge, in a gzip head, in deflate data, in the checksum."""
    _, data, ends = three_blocks
    full = {slot_of(line): line for slots in (range(600),) for line in (row(slot) for slot in slots)}
    edges = {cut + d for cut in (0, *ends) for d in range(-9, 13)}
    cuts = sorted({c for c in edges if ends[0] <= c <= len(data)} | set(range(ends[0], len(data), 37)))
    path = tmp_path / "cut.live"
    for cut in cuts:
        path.write_bytes(data[:cut])
        found = recover(path)
        rows = [line for block in found.blocks for line in block] + found.tail
        whole = sum(end <= cut for end in ends[1:])
        assert [slot_of(line) for line in rows] == list(range(len(rows)))
        assert len(rows) >= 200 * whole
        assert all(full[slot_of(line)] == line for line in rows), cut
        assert found.whole_bytes == max(end for end in ends if end <= cut)


def test_cut_inside_the_header_the_file_is_refused(three_blocks, tmp_path):
    _, data, ends = three_blocks
    path = tmp_path / "cut.live"
    for cut in range(ends[0]):
        path.write_bytes(data[:cut])
        with pytest.raises(ArchiveError):
            recover(path)


def test_most_rows_of_a_cut_block_are_saved(three_blocks, tmp_path):
    _, data, ends = three_blocks
    path = tmp_path / "cut.live"
    path.write_bytes(data[: ends[3] - 40])
    assert recover(path).last_slot > 500


def test_a_flipped_bit_costs_its_block_and_is_never_read_as_data(three_blocks, tmp_path):
    _, data, ends = three_blocks
    rng = random.Random(1)
    path = tmp_path / "flip.live"
    full = {slot: row(slot) for slot in range(600)}
    for _ in range(150):
        at = rng.randrange(ends[0], len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :])
        found = recover(path)
        rows = [line for block in found.blocks for line in block] + found.tail
        assert all(full[slot_of(line)] == line for line in rows)
        assert len(rows) >= 400


def test_zeros_after_the_end_are_no_data(three_blocks, tmp_path):
    """What a file system may leave after a power cut: the size is there, the bytes are not."""
    _, data, _ = three_blocks
    path = tmp_path / "zeros.live"
    path.write_bytes(data + bytes(4096))
    found = recover(path)
    assert found.last_slot == 599
    resumed = LiveFile.resume(path, found)
    resumed.append(row(600), note())
    resumed.close()
    assert recover(path).last_slot == 600


@pytest.mark.parametrize("lost", [1, 8, 9, 100, 700])
def test_a_window_goes_on_after_a_cut(three_blocks, tmp_path, lost):
    original, data, _ = three_blocks
    path = tmp_path / original.name
    path.write_bytes(data[:-lost])
    found = recover(path)
    saved = found.last_slot + 1
    resumed = LiveFile.resume(path, found)
    resumed.append("".join(row(slot) for slot in range(700, 900)), note())
    resumed.close()
    check_window(read_window(path), [*range(saved), *range(700, 900)])
    assert all(block.whole for block in live_module.blocks_of(path.read_bytes()))


def test_rows_out_of_order_or_beyond_the_window_are_left_out(tmp_path):
    path = write(tmp_path, [range(100), range(50, 150), range(1190, 1300)])
    assert sorted(np.flatnonzero(np.isfinite(read_window(path).columns["U (m/s)"]))) == [*range(150), *range(1190, 1200)]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = write(tmp_path, [range(100)])
    before = path.read_bytes()
    resumed = LiveFile.resume(path, recover(path))
    real = os.pwrite

    def half(handle, data, at):
        real(handle, bytes(data[: len(data) // 2]), at)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(live_module.os, "pwrite", half)
    with pytest.raises(OSError, match="No space"):
        resumed.append(row(100), note())
    monkeypatch.setattr(live_module.os, "pwrite", real)
    assert path.read_bytes() == before
    resumed.append(row(100), note())
    resumed.close()
    assert recover(path).last_slot == 100


def test_the_zip_is_as_eddypro_expects(tmp_path):
    head = header()
    path = write(tmp_path, [range(3)], head=head)
    packed = pack(path, tmp_path / "buoy_20261122T1100.ghg")
    with zipfile.ZipFile(packed.path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:2] == ["buoy_20261122T1100.data", "buoy_20261122T1100.metadata"]
        data = archive.read("buoy_20261122T1100.data").decode().splitlines()
        metadata = archive.read("buoy_20261122T1100.metadata").decode()
    columns = data[7].split("\t")
    assert [line.split("\t")[0] for line in data[:9]] == [
        *("Model:", "SN:", "Instrument:", "File Type:", "Software Version:", "Timestamp:", "Timezone:", "DATAH", "DATA")
    ]
    assert columns[1:6] == ["Seconds", "Nanoseconds", "Sequence Number", "Sonic Diagnostic", "Gas Diagnostic"]
    assert len(data) == 8 + SLOTS
    assert {line.count("\t") for line in data[8:]} == {len(columns) - 1}
    assert data[8 + 30].split("\t")[:4] == ["DATA", str(START_MS // 1000 + 1), "500000000", "30"]
    facts = dict(line.split("=", 1) for line in metadata.splitlines() if "=" in line)
    assert facts["acquisition_frequency"] == "20"
    assert facts["header_rows"] == "8"
    assert facts["instr_1_model"] == "windmaster_1"
    assert facts["instr_2_model"] == "li7500a_1"
    assert facts["instr_2_eastward_separation"] == "20.0"  # centimetres
    assert [facts[f"col_{i}_variable"] for i in range(1, len(columns))] == [
        *("ignore", "ignore", "ignore", "diag_anem", "diag_75", "u", "v", "w", "ts", "co2", "h2o", "air_t", "air_p", "ignore")
    ]


def test_an_enclosed_path_tells_its_tube(tmp_path):
    head = header(example="hangzhou-mudflat")
    packed = pack(write(tmp_path, [range(3)], head=head), tmp_path / "a.ghg")
    with zipfile.ZipFile(packed.path) as archive:
        facts = dict(line.split("=", 1) for line in archive.read("a.metadata").decode().splitlines() if "=" in line)
    assert facts["instr_2_model"] == "li7200_1"
    assert float(facts["instr_2_tube_length"]) == pytest.approx(71.1)
    assert float(facts["instr_2_tube_diameter"]) == pytest.approx(5.3)
    assert facts["col_12_variable"] == "cell_t"


def test_a_file_of_another_program_is_read_by_its_column_names(tmp_path):
    rows = "".join(f"DATA\t{1_400_000_000 + i // 10}\t{i % 10 * 100_000_000}\t{i}\t{i / 7:.4f}\n" for i in range(50))
    text = "Model:\tLI-7550\nSN:\tX\nTimezone:\tUTC\nDATAH\tSeconds\tNanoseconds\tSequence Number\tU (m/s)\n" + rows
    path = tmp_path / "other.ghg"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.data", text)
        archive.writestr("other.metadata", "[Timing]\nacquisition_frequency=10\n")
    window = read_window(path)
    assert window.rate_hz == 10
    assert window.start_ms == 1_400_000_000_000
    assert window.columns["U (m/s)"][49] == pytest.approx(7.0)


@pytest.mark.parametrize("content", [b"", b"garbage" * 100, zlib.compress(b"not gzip"), b"\x1f\x8b\x08" + bytes(50)])
def test_what_is_no_raw_file_is_refused_with_its_name(tmp_path, content):
    path = tmp_path / "x.live"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"x\.live"):
        read_window(path)


def test_a_zip_without_data_is_refused(tmp_path):
    path = tmp_path / "x.ghg"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(ArchiveError):
        read_window(path)
    shutil.rmtree(tmp_path)


def test_a_damaged_packed_file_is_refused_as_damaged_wherever_it_is_hurt(tmp_path):
    """An error of any other kind would end the work on all windows after it, and the making of room."""
    path = pack(write(tmp_path, [range(300)]), tmp_path / "buoy_20261122T1100.ghg").path
    data = path.read_bytes()
    for cut in range(0, len(data), 97):
        path.write_bytes(data[:cut])
        for read in (packed_from, record_ms_from):
            with pytest.raises(ArchiveError):
                read(path)
    for at in range(0, len(data), 31):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        with contextlib.suppress(ArchiveError):
            assert packed_from(path).rows == 300
