"""The timeline of faults: what is written begins and ends when it says, wrong entries are named, and it may change while the world runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulators.errors import FaultFileError
from simulators.faults.catalogue import FAULTS
from simulators.faults.effects import Effects
from simulators.faults.timeline import Timeline

NOW = 1_790_000_000_000.0
TARGETS = {
    "oxygen": {"silence", "stuck", "spike", "drift", "exception"},
    "sonic": {"silence", "garbage", "wrong_checksum", "missing_bytes"},
}
LINKS = {"oxygen": "water", "sonic": "sonic"}


@pytest.fixture
def write(tmp_path: Path):
    file = tmp_path / "faults.yaml"

    def write(*entries: str, now: float = NOW) -> Timeline:
        file.write_text("faults:\n" + "".join(f"  - {entry}\n" for entry in entries) if entries else "faults: []\n")
        return Timeline(file, TARGETS, LINKS, now)

    write.file = file
    return write


def active(timeline: Timeline, instrument: str, t_ms: float) -> list[str]:
    return [fault.name for fault in timeline.for_instrument(instrument, t_ms, t_ms) if fault.on(t_ms)]


class TestWhatNothingCanShow:
    @pytest.mark.parametrize("magnitude", [".nan", ".inf", "-.inf", "1e308", "-2e6"])
    def test_a_magnitude_without_bounds_is_refused_and_the_old_timeline_stays(self, write, magnitude: str):
        timeline = write("{instrument: oxygen, fault: stuck}")
        write.file.write_text(f"faults: [{{instrument: oxygen, fault: drift, magnitude: {magnitude}}}]\n")
        assert not timeline.refresh(NOW + 1e3)
        assert active(timeline, "oxygen", NOW + 1e3) == ["stuck"]

    def test_a_clock_may_be_off_by_decades(self, write):
        assert write("{fault: bad_clock, magnitude: -1.8e+9}").faults[0].magnitude == -1.8e9

    @pytest.mark.parametrize(
        ("entry", "says"),
        [
            ("{instrument: oxygen, fault: exception, magnitude: 256}", "1 to 255 exception code"),
            ("{instrument: oxygen, fault: exception, magnitude: 0}", "1 to 255 exception code"),
            ("{instrument: sonic, fault: garbage, magnitude: 1.5}", "0 to 1 share of bytes"),
            ("{link: water, fault: noise, magnitude: 1000000}", "1 to 256 bytes"),
            ("{link: sonic, fault: second_client, magnitude: 17}", "1 to 16 clients"),
            ("{fault: slow_network, magnitude: 0}", "bytes/s"),
        ],
    )
    def test_a_magnitude_out_of_its_fault_s_bounds_is_refused_with_them(self, write, entry: str, says: str):
        with pytest.raises(FaultFileError, match=says):
            write(entry)

    def test_every_fault_s_own_magnitude_is_within_its_bounds(self):
        assert [fault.name for fault in FAULTS.values() if not fault.least <= fault.magnitude <= fault.most] == []

    @pytest.mark.parametrize("text", ["faults: [{at: 2026-13-41, fault: no_network}]", "faults: " + "[" * 5000, "x: " + "9" * 5000])
    def test_what_is_no_document_is_refused_and_the_old_timeline_stays(self, write, text: str):
        timeline = write("{instrument: oxygen, fault: stuck}")
        write.file.write_text(text)
        assert not timeline.refresh(NOW + 1e3)
        assert active(timeline, "oxygen", NOW + 1e3) == ["stuck"]


class TestTimes:
    def test_after_and_for_count_from_the_first_reading(self, write):
        timeline = write("{after: 10min, for: 5min, instrument: oxygen, fault: silence}")
        assert active(timeline, "oxygen", NOW + 599_999) == []
        assert active(timeline, "oxygen", NOW + 600_000) == ["silence"]
        assert active(timeline, "oxygen", NOW + 899_999) == ["silence"]
        assert active(timeline, "oxygen", NOW + 900_000) == []
        assert active(timeline, "sonic", NOW + 700_000) == []

    def test_at_and_until_are_utc(self, write):
        timeline = write("{at: 2026-09-21T14:00:00Z, until: 2026-09-21 15:00:00, instrument: oxygen, fault: stuck}")
        fault = timeline.faults[0]
        assert (fault.begin_ms, fault.end_ms) == (1_789_999_200_000, 1_790_002_800_000)

    def test_without_an_end_it_lasts(self, write):
        assert active(write("{after: 0s, instrument: oxygen, fault: silence}"), "oxygen", NOW + 1e12) == ["silence"]

    def test_a_link_hits_every_instrument_on_it(self, write):
        timeline = write("{link: water, fault: silence}")
        assert active(timeline, "oxygen", NOW) == ["silence"]
        assert active(timeline, "sonic", NOW) == []

    def test_magnitude_not_given_is_the_catalogue_s(self, write):
        assert write("{instrument: sonic, fault: garbage}").faults[0].magnitude == FAULTS["garbage"].magnitude

    def test_an_empty_file_is_a_quiet_world(self, write):
        assert write().faults == ()
        write.file.write_text("")
        assert Timeline(write.file, TARGETS, LINKS, NOW).faults == ()


class TestWrong:
    @pytest.mark.parametrize(
        ("entry", "says"),
        [
            ("{instrument: oxygen, fault: fire}", "fire.*known are silence"),
            ("{instrument: sonar, fault: silence}", "sonar.*oxygen, sonic"),
            ("{instrument: oxygen, fault: garbage}", "oxygen cannot show garbage.*exception"),
            ("{link: air, fault: unplugged}", "air"),
            ("{instrument: oxygen, fault: unplugged}", "name the link"),
            ("{instrument: oxygen, fault: no_network}", "whole station"),
            ("{fault: silence}", "name the instrument"),
            ("{instrument: oxygen, fault: silence, after: 10}", "10"),
            ("{instrument: oxygen, fault: silence, for: 1min, until: 2026-01-01}", "not both"),
            ("{instrument: oxygen, fault: silence, colour: red}", "colour"),
            ("silence", "entry 1"),
            ("{instrument: oxygen, fault: silence, at: 2026-01-02, until: 2026-01-01T23:00:00Z}", "until.*is before at"),
        ],
    )
    def test_entry_is_refused_with_the_reason(self, write, entry, says):
        with pytest.raises(FaultFileError, match=says):
            write(entry)

    def test_a_key_that_is_not_faults_is_refused_by_name(self, write):
        write.file.write_text("fault: [{instrument: oxygen, fault: stuck}]")
        with pytest.raises(FaultFileError, match=r"faults\.yaml: fault: not known here"):
            Timeline(write.file, TARGETS, LINKS, NOW)

    def test_not_yaml(self, tmp_path):
        file = tmp_path / "faults.yaml"
        file.write_text("faults: [")
        with pytest.raises(FaultFileError, match=r"faults\.yaml"):
            Timeline(file, TARGETS, LINKS, NOW)


class TestLive:
    def test_an_appended_entry_begins_from_then(self, write):
        timeline = write("{instrument: oxygen, fault: stuck}")
        with write.file.open("a") as file:
            file.write("  - {after: 1min, instrument: sonic, fault: silence}\n")
        assert timeline.refresh(NOW + 500_000)
        assert active(timeline, "sonic", NOW + 559_000) == []
        assert active(timeline, "sonic", NOW + 560_000) == ["silence"]
        assert active(timeline, "oxygen", NOW + 560_000) == ["stuck"]

    def test_the_first_entry_keeps_its_time_when_others_come(self, write):
        timeline = write("{after: 1min, for: 1min, instrument: oxygen, fault: stuck}")
        write.file.write_text(write.file.read_text() + "  - {instrument: sonic, fault: silence}\n")
        timeline.refresh(NOW + 90_000)
        assert active(timeline, "oxygen", NOW + 119_000) == ["stuck"]
        assert active(timeline, "oxygen", NOW + 120_000) == []

    def test_an_entry_taken_out_ends(self, write):
        timeline = write("{instrument: oxygen, fault: stuck}")
        write.file.write_text("faults: []\n")
        timeline.refresh(NOW + 1000)
        assert active(timeline, "oxygen", NOW + 2000) == []

    def test_a_broken_file_leaves_the_old_timeline_in_force(self, write):
        timeline = write("{instrument: oxygen, fault: stuck}")
        write.file.write_text("faults: [{fault: fire}]")
        assert not timeline.refresh(NOW)
        assert active(timeline, "oxygen", NOW) == ["stuck"]


class TestEffects:
    @pytest.fixture
    def effects(self):
        return Effects(5, "oxygen", ("oxygen", "temperature"))

    @staticmethod
    def columns(n: int) -> dict[str, np.ndarray]:
        return {"oxygen": np.linspace(5, 6, n), "temperature": np.linspace(10, 11, n), "status": np.zeros(n)}

    def test_stuck_values_stay_as_they_were_until_the_end(self, write, effects):
        faults = write("{after: 2s, for: 5s, instrument: oxygen, fault: stuck}").faults
        times = NOW + 1000.0 * np.arange(10)
        columns, before = self.columns(10), self.columns(10)
        effects.on_values(columns, times, faults)
        assert np.all(columns["oxygen"][2:7] == before["oxygen"][2])
        assert np.array_equal(columns["oxygen"][7:], before["oxygen"][7:])
        later = self.columns(10)
        effects.on_values(later, times + 3000, faults)  # a later batch of the same fault
        assert np.all(later["oxygen"][:4] == before["oxygen"][2])

    def test_spikes_hit_their_share_and_nothing_else(self, write, effects):
        faults = write("{instrument: oxygen, fault: spike, magnitude: 4, share: 0.05}").faults
        n = 20_000
        columns, before = self.columns(n), self.columns(n)
        effects.on_values(columns, NOW + 1000.0 * np.arange(n), faults)
        off = columns["oxygen"] - before["oxygen"]
        hit = off != 0
        assert np.allclose(np.abs(off[hit]), 4)
        assert abs(hit.mean() - 0.05) < 4 * np.sqrt(0.05 * 0.95 / n)
        assert abs((off[hit] > 0).mean() - 0.5) < 0.1
        assert np.array_equal(columns["temperature"], before["temperature"])

    def test_drift_grows_by_its_magnitude_each_hour(self, write, effects):
        faults = write("{instrument: oxygen, fault: drift, magnitude: 0.4, field: temperature}").faults
        columns, before = self.columns(3), self.columns(3)
        effects.on_values(columns, NOW + 3_600_000.0 * np.arange(3), faults)
        assert columns["temperature"] - before["temperature"] == pytest.approx([0, 0.4, 0.8])

    def test_records_fall_silent_lose_bytes_and_are_garbled(self, write, effects):
        record = bytes(range(48, 148)) * 10

        def spoil(x: bytes) -> bytes:
            return x[:-1] + b"?"

        def through(fault: str, share: float) -> bytes:
            faults = write(f"{{instrument: sonic, fault: {fault}, magnitude: {share}}}").faults
            return effects.on_record(record, NOW, faults, spoil)

        assert through("silence", 1) == b""
        assert through("wrong_checksum", 1) == spoil(record)
        assert through("wrong_checksum", 0) == record
        missing = through("missing_bytes", 0.2)
        assert 700 < len(missing) < 900
        assert set(missing) <= set(record)
        garbled = through("garbage", 0.2)
        assert len(garbled) == len(record)
        assert 130 < sum(a != b for a, b in zip(garbled, record, strict=True)) < 260
        assert through("garbage", 0.2) == garbled, "the same fault does the same"
