"""Recorded half-hours: rows come out of the wire as they went in, on the grid, in their own window."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from simulators.errors import ReplayError
from simulators.faults.effects import Effects
from simulators.faults.timeline import Timeline
from simulators.replay import Player, ReplayMeta, load_meta, load_recorded
from simulators.serve.lines import Speaker, StreamLine
from tests.simulators.conftest import T0_MS, FakePort, gill_rows, licor_rows

HALF_HOUR_MS = 1_800_000
SHORT_MS = 300_000
"""a window of the tests with made-up rows: what is told of windows holds for short ones too"""
ROWS = SHORT_MS // 100


def write_csv(path: Path, rows: int = ROWS, header: str = "u,v,w,ts_degC,co2_ppm,h2o_ppt", seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(rows, 6)) * [1.2, 1.0, 0.3, 0.4, 1.5, 0.4] + [3.0, -1.0, 0.05, 16.0, 372.0, 13.0]
    text = header + "\n" + "\n".join(",".join(f"{v:.6g}" for v in row) for row in table) + "\n"
    path.write_bytes(gzip.compress(text.encode(), 1) if path.suffix == ".gz" else text.encode())
    return np.array([[float(f"{v:.6g}") for v in row] for row in table])


def dry_fractions(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """CO2 (ppm) and H2O (mmol/mol) of dry air from CO2D, H2OD, Temp and Pres of analyser records, by the gas law alone."""
    co2, h2o, t, p = rows[:, 2], rows[:, 3], rows[:, 4], rows[:, 5]
    dry = p * 1e3 / (8.314462618 * (t + 273.15)) - h2o * 1e-3
    return co2 / dry * 1e3, h2o / dry


@pytest.fixture
def play(instrument, tmp_path):
    """Play files through the station's sonic and analyser; returns what their lines carried from a minute before the first window."""

    def run(files: list[Path], windows: int, *, meta: ReplayMeta | None = None, window_ms: int = SHORT_MS, **options):
        start_ms, end_ms = T0_MS - 60_000.0, T0_MS + windows * window_ms
        recordings = [load_recorded(file, meta) for file in files]
        player = Player(recordings, window_ms=window_ms, rates_hz=[10, 10], now_ms=start_ms, **options)
        timeline = Timeline(None, {}, {}, start_ms)
        out = {}
        for key in ("sonic", "irga"):
            talker = instrument(key, player)
            line = StreamLine([Speaker(talker, Effects(1, key, talker.fields), int(start_ms // 100))], timeline, None, float)
            line.port = FakePort()
            for at in np.arange(start_ms, end_ms, 1700.0):
                line.step(float(at))
            line.step(end_ms - 1.0)
            out[key] = line.port.data
        return out

    return run


class TestRows:
    def test_come_out_as_they_went_in(self, play, tmp_path):
        table = write_csv(tmp_path / "a.csv")
        out = play([tmp_path / "a.csv"], 1, meta=ReplayMeta(pressure_hpa=874.0))
        wind = gill_rows(out["sonic"])[-ROWS:]
        assert np.abs(wind[:, :3] - table[:, :3]).max() <= 0.005 + 1e-9
        assert np.abs(wind[:, 4] - table[:, 3]).max() <= 0.005 + 1e-9
        gas = licor_rows(out["irga"])[-ROWS:]
        co2, h2o = dry_fractions(gas)
        assert np.abs(co2 / table[:, 4] - 1).max() < 1e-6
        assert np.abs(h2o / table[:, 5] - 1).max() < 1e-6
        assert np.all(gas[:, 5] == 87.4)

    def test_before_their_window_the_world_blows(self, play, tmp_path):
        table = write_csv(tmp_path / "a.csv")
        out = play([tmp_path / "a.csv"], 1)
        wind = gill_rows(out["sonic"])
        assert len(wind) == ROWS + 600
        assert np.abs(wind[600, :3] - table[0, :3]).max() <= 0.005 + 1e-9
        assert abs(wind[:600, 4].mean() - table[:, 3].mean()) > 0.5

    def test_one_file_a_window_then_the_world_again(self, play, tmp_path):
        first, second = write_csv(tmp_path / "a.csv"), write_csv(tmp_path / "b.csv.gz", seed=2)
        wind = gill_rows(play([tmp_path / "a.csv", tmp_path / "b.csv.gz"], 3)["sonic"])
        assert np.abs(wind[600 : ROWS + 600, 2] - first[:, 2]).max() <= 0.005 + 1e-9
        assert np.abs(wind[ROWS + 600 : 2 * ROWS + 600, 2] - second[:, 2]).max() <= 0.005 + 1e-9
        assert abs(wind[2 * ROWS + 600 :, 4].mean() - 16.0) > 0.5

    def test_loop_begins_again(self, play, tmp_path):
        table = write_csv(tmp_path / "a.csv")
        wind = gill_rows(play([tmp_path / "a.csv"], 2, loop=True)["sonic"])
        assert np.abs(wind[ROWS + 600 : 2 * ROWS + 600, 2] - table[:, 2]).max() <= 0.005 + 1e-9

    def test_waits_for_a_window_in_which_someone_reads(self, play, tmp_path):
        write_csv(tmp_path / "a.csv")
        asked = []
        told = []
        play([tmp_path / "a.csv"], 3, ready=lambda: asked.append(1) or len(asked) > 1, told=lambda t, r: told.append((t, r.name)))
        assert told == [(T0_MS + SHORT_MS, "a.csv")]

    def test_missing_values_and_a_short_file_are_data_the_instruments_call_bad(self, play, tmp_path):
        write_csv(tmp_path / "a.csv", rows=ROWS // 2)
        lines = (tmp_path / "a.csv").read_text().splitlines()
        lines[5] = "-9999,-9999,-9999,-9999,-9999,-9999"
        (tmp_path / "a.csv").write_text("\n".join(lines))
        out = play([tmp_path / "a.csv"], 1)
        assert out["sonic"].count(b",,,,M,,,07,") == ROWS // 2 + 1
        diagnostics = licor_rows(out["irga"])[600:, 1]
        assert np.sum(diagnostics != 8190) == ROWS // 2 + 1
        assert diagnostics[4] != 8190

    def test_the_weather_station_shows_the_recorded_air(self, instrument, tmp_path):
        write_csv(tmp_path / "a.csv")
        recorded = load_recorded(tmp_path / "a.csv", ReplayMeta(pressure_hpa=874.0))
        player = Player([recorded], window_ms=SHORT_MS, rates_hz=[10], now_ms=T0_MS - 1.0)
        weather, sonic = instrument("weather", player), instrument("sonic", player)
        sonic.values(T0_MS // 100, 1)
        values = weather.values(T0_MS // 1000 + 5, 1)
        assert values["air_pressure"][0] == pytest.approx(874.0, abs=0.2)
        assert values["air_temperature"][0] == pytest.approx(16.0 - 1.15, abs=0.3)
        assert weather.values(T0_MS // 1000 - 5, 1)["air_pressure"][0] > 980


@pytest.mark.needs("refdata")
class TestPublicData:
    def test_closed_path_mole_fractions_of_finse(self, play, refdata):
        file = refdata / "ec/finse/FIN_20180720-1600.csv.gz"
        table = np.loadtxt(file, delimiter=",", skiprows=1)
        out = play([file], 1, window_ms=HALF_HOUR_MS)
        wind = gill_rows(out["sonic"])[-18_000:]
        assert np.abs(wind[:, [0, 1, 2, 4]] - table[:, :4]).max() <= 0.005 + 1e-9
        co2, h2o = dry_fractions(licor_rows(out["irga"])[-18_000:])
        assert np.abs(co2 / table[:, 4] - 1).max() < 1e-6
        assert np.abs(h2o / table[:, 5] - 1).max() < 1e-6

    def test_cell_temperature_and_pressure_of_hohes_holz(self, refdata):
        file = refdata / "ec/dehoh/HOH_20190730-1130.csv.gz"
        table = np.loadtxt(file, delimiter=",", skiprows=1)
        recorded = load_recorded(file)
        assert np.array_equal(recorded.gas.temperature, table[:, 8])
        assert np.array_equal(recorded.gas.pressure, table[:, 11])
        dry = table[:, 11] * 1e3 / (8.314462618 * (table[:, 8] + 273.15)) - recorded.gas.h2o * 1e-3
        assert np.allclose(recorded.gas.co2 / dry * 1e3, table[:, 4], rtol=1e-9)
        assert np.allclose(recorded.wind.ts + 273.15, table[:, 3])

    def test_open_path_densities_of_the_orchard(self, refdata):
        file = refdata / "ec/usda/USD_20120607-1245.csv.gz"
        table = np.loadtxt(file, delimiter=",", skiprows=1)
        recorded = load_recorded(file)
        assert np.allclose(recorded.gas.co2 * 44.0095, table[:, 3])
        assert np.allclose(recorded.gas.h2o * 0.01801528, table[:, 4])
        assert np.array_equal(recorded.gas.pressure, table[:, 6])


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "no rows"),
            (b"u,v,w\n1,2,x\n", "CSV"),
            (b"u,v,w,ts_degC,co2_ppm,h2o_ppt\n1,2,3\n", "3 columns under 6 names"),
            (b"u,v,w,co2_ppm,h2o_ppt\n1,2,3,4,5\n", "sonic temperature"),
            (b"u,v,w,ts_degC\n1,2,3,4\n", "CO2 and H2O"),
            (b"\x1f\x8bnot gzip", "CSV"),
        ],
    )
    def test_unreadable_file_is_named_with_the_reason(self, tmp_path, content, says):
        (tmp_path / "bad.csv").write_bytes(content)
        with pytest.raises(ReplayError, match=rf"bad\.csv.*({says})"):
            load_recorded(tmp_path / "bad.csv")

    def test_file_of_another_rate(self, tmp_path):
        write_csv(tmp_path / "a.csv", rows=100)
        recorded = load_recorded(tmp_path / "a.csv", ReplayMeta(rate_hz=20))
        with pytest.raises(ReplayError, match=r"recorded at 20 Hz.*run at 10 Hz"):
            Player([recorded], window_ms=HALF_HOUR_MS, rates_hz=[10], now_ms=T0_MS)

    def test_file_longer_than_the_window(self, tmp_path):
        write_csv(tmp_path / "a.csv", rows=18_100)
        with pytest.raises(ReplayError, match="18100 rows"):
            Player([load_recorded(tmp_path / "a.csv")], window_ms=HALF_HOUR_MS, rates_hz=[10], now_ms=T0_MS)

    def test_note_beside_the_file_names_columns(self, tmp_path):
        table = write_csv(tmp_path / "a.csv", rows=50, header="x,y,z,T,C,Q")
        (tmp_path / "replay.yaml").write_text(
            "columns: {u: x, v: y, w: z, ts_c: T, co2_dry_ppm: C, h2o_dry_ppt: Q}\nrate_hz: 10\npressure_hpa: 950\n"
        )
        recorded = load_recorded(tmp_path / "a.csv")
        assert np.array_equal(recorded.wind.w, table[:, 2])
        assert recorded.rate_hz == 10
        assert recorded.mean_air["air_pressure"] == pytest.approx(950)
        (tmp_path / "replay.yaml").write_text("colums: {}\n")
        with pytest.raises(ReplayError, match="colums"):
            load_meta(tmp_path / "replay.yaml")
