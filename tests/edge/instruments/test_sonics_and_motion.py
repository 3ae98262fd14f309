"""Binary records as what they stand for: wind and sonic temperature on the high-rate path whatever the maker's format, motion in the registry's
units, and what each status spoils."""

import math
import struct

import pytest

from edge.agent.acquisition import Source
from edge.agent.book import SeriesBook
from edge.agent.highrate import HighRate
from edge.agent.watch import Watch
from edge.compute.request import frame_of
from edge.instruments import Reading, StreamDriver
from firmware_config.cards import all_cards
from firmware_config.quantities import registry
from tests.edge.agent.station import example
from tests.edge.instruments.test_binary_framers import sealed
from tests.edge.instruments.test_contract import driver, instrument

GAMMA_R = {"csat3_rs232_binary": 1.4 * 287.04, "gill_windmaster_binary_m10": 403.0, "gill_windmaster_ascii": 403.0}
"""square of the speed of sound for each kelvin: the CSAT3's manual, equation 9; what published processing of the Gill takes"""
SONICS = sorted(model for model, card in all_cards().items() if card.role in {"sonic", "sonic_gas"})


def gill(u: float, v: float, w: float, sound: float, status: int = 0) -> bytes:
    words = [round(100 * x) for x in (u, v, w, sound)]
    return sealed("gill_windmaster_binary_m10", b"\xb4\xb4" + struct.pack("<HhhhH5h", status, *words, *[0] * 5))


def gill_text(u: float, v: float, w: float, sound: float, status: str = "00") -> bytes:
    text = f"Q,{u:+07.2f},{v:+07.2f},{w:+07.2f},M,{sound:+07.2f},{status},".encode()
    check = 0
    for byte in text:
        check ^= byte
    return b"\x02" + text + b"\x03%02X\r\n" % check


def csat3(u: float, v: float, w: float, sound: float, counter: int = 0, flags: int = 0) -> bytes:
    """Range code 10 for the horizontal components, 11 for the vertical one."""
    word = flags << 12 | 0b10 << 10 | 0b10 << 8 | 0b11 << 6 | counter % 64
    return struct.pack("<4hH", round(u / 0.0005), round(v / 0.0005), round(w / 0.00025), round((sound - 340) * 1000), word) + b"\x55\xaa"


def only(model: str, wire: bytes) -> Reading:
    made = driver(model)
    assert isinstance(made, StreamDriver)
    (reading,) = made.feed(wire, 0.0)
    return reading


@pytest.mark.parametrize("model", SONICS)
def test_every_sonic_gives_the_wind_and_a_temperature_of_sound(model: str) -> None:
    quantities = set(driver(model).quantities)
    assert {"wind_u", "wind_v", "wind_w"} <= quantities
    assert quantities & {"sonic_temperature", "speed_of_sound"}


def test_a_wind_along_u_comes_from_where_the_maker_points_its_axes() -> None:
    """A Campbell points into the wind of +u; on a Gill +u blows towards the north mark."""
    frames = {model: frame_of(instrument(model)) for model in SONICS}
    assert frames["csat3_rs232_binary"]["u_from_deg"] == frames["ec100_irgason_ascii"]["u_from_deg"] == 0.0
    assert frames["gill_windmaster_binary_m10"] == frames["gill_windmaster_ascii"] == {"u_from_deg": 180.0}


def test_the_same_air_gives_the_same_row_of_the_archive_from_every_format() -> None:
    """Sonic temperature where the record has it, else from the speed of sound as the maker's constant has it."""
    air = (3.25, -1.5, 0.25, 343.21)
    rows = {}
    for model, encode in (("gill_windmaster_ascii", gill_text), ("gill_windmaster_binary_m10", gill), ("csat3_rs232_binary", csat3)):
        made = driver(model, rate="20 Hz", every=None)
        assert isinstance(made, StreamDriver)
        product = next(p for p in example().station.products if p.kind == "eddy")
        source = Source(instrument(model, rate="20 Hz", every=None), made, Watch(instrument(model), made.stats, 0.0))
        line = HighRate(product, source, None, 1.0)
        line.begin(0.0)
        for n in range(200):
            for reading in made.feed(csat3(*air, counter=n) if encode is csat3 else encode(*air), n * 0.05):
                line.take(source, reading, n * 50.0)
        found, _ = line.rows(math.inf)
        assert len(found) == 200
        rows[model] = {tuple(round(float(x), 4) for x in row.sonic[1].split("\t")) for row in found if row.sonic is not None}
        assert {row.sonic[0] for row in found if row.sonic is not None} == {"0"}
    for model, seen in rows.items():
        assert len(seen) == 1, model
        assert seen.pop() == pytest.approx((*air[:3], round(343.21**2 / GAMMA_R[model] - 273.15, 4)), abs=2e-4), model


@pytest.mark.parametrize("status", range(1, 10))
def test_a_gill_sample_with_a_bad_path_has_no_values(status: int) -> None:
    reading = only("gill_windmaster_binary_m10", gill(1, 2, 0.5, 340, status))
    assert set(reading.quantities.values()) == {None}
    assert reading.spoiled["wind_u"] == pytest.approx(1.0)


@pytest.mark.parametrize(("flags", "word"), [(1, 0x1000), (2, 0x2000), (4, 0x4000), (8, 0x8000), (15, 0xF000)])
def test_any_flag_of_a_csat3_spoils_its_sample_and_reaches_the_archive(flags: int, word: int) -> None:
    made = driver("csat3_rs232_binary")
    assert isinstance(made, StreamDriver)
    (reading,) = made.feed(csat3(1, 2, 0.5, 340, flags=flags), 0.0)
    assert set(reading.quantities.values()) == {None}
    assert made.diagnostics_of(reading) == {"sonic": word}


def motion_of(model: str) -> dict[str, float | None]:
    """Acceleration (1, -2, -9.80665) m/s2, rate (10, -20, 0.5) degrees a second, roll 2, pitch -3, yaw 170 degrees."""
    accel, rate, roll, pitch, yaw = (1.0, -2.0, -9.80665), (10.0, -20.0, 0.5), 2.0, -3.0, 170.0
    g, radians = [x / 9.80665 for x in accel], [math.radians(x) for x in rate]
    angles = [math.radians(x) for x in (roll, pitch, yaw)]
    if model == "microstrain_mip":
        fields = b"".join(bytes((14, code)) + struct.pack(">3f", *values) for code, values in ((4, g), (5, radians), (12, angles)))
        return only(model, sealed(model, b"\x75\x65\x80" + bytes((len(fields),)) + fields)).quantities
    if model == "vectornav_vn300_binary":
        payload = struct.pack("<3f3f3fH", yaw, pitch, roll, *radians, *accel, 6)
        return only(model, sealed(model, b"\xfa\x01" + struct.pack("<H", 1 << 3 | 1 << 5 | 1 << 8 | 1 << 12) + payload)).quantities
    inertial = only(model, sealed(model, b"\xcb" + struct.pack(">9fI", *g, *radians, 0, 0, 0, 1))).quantities
    return {**only(model, sealed(model, b"\xcf" + struct.pack(">6fI", *angles, *radians, 1))).quantities, **inertial}


@pytest.mark.parametrize("model", ["microstrain_mip", "microstrain_3dmgx_legacy_cb", "vectornav_vn300_binary"])
def test_the_same_motion_gives_the_same_quantities_from_every_maker(model: str) -> None:
    expected = {
        "acceleration_x": 1.0,
        "acceleration_y": -2.0,
        "acceleration_z": -9.80665,
        "angular_rate_x": 10.0,
        "angular_rate_y": -20.0,
        "angular_rate_z": 0.5,
        "roll": 2.0,
        "pitch": -3.0,
        "yaw": 170.0,
    }
    assert motion_of(model) == pytest.approx(expected, rel=1e-6)
    assert {registry()[name].unit for name in expected} == {"m s-2", "degree s-1", "degree"}


def test_an_unaligned_navigation_sensor_has_rates_and_accelerations_but_no_attitude() -> None:
    model = "vectornav_vn300_binary"
    head = b"\xfa\x01" + struct.pack("<H", 1 << 3 | 1 << 5 | 1 << 7 | 1 << 12)

    def record(status: int) -> Reading:
        return only(model, sealed(model, head + struct.pack("<3f3f3fH", 170, -3, 2, 0.5, 0.25, 0, 1, 2, 3, status)))

    aligning, lost, faulty = record(1), record(3), record(0x12)
    assert aligning.quantities["yaw"] is None
    assert aligning.quantities["angular_rate_x"] == pytest.approx(math.degrees(0.5))
    assert lost.quantities["yaw"] == 170.0
    assert faulty.quantities["angular_rate_x"] is None
    assert [reading.valid for reading in (aligning, lost, faulty)] == [False] * 3


def test_lost_satellite_time_does_not_spoil_motion() -> None:
    fields = bytes((14, 4)) + struct.pack(">3f", 0, 0, -1) + bytes((14, 0x12)) + struct.pack(">dHH", 0.0, 0, 0)
    reading = only("microstrain_mip", sealed("microstrain_mip", b"\x75\x65\x80" + bytes((len(fields),)) + fields))
    assert not reading.valid
    assert reading.quantities["acceleration_z"] == pytest.approx(-9.80665)


def test_a_motion_sensor_gives_means_and_deviations_by_the_minute() -> None:
    """A swell of 10 s along x, 2 m/s2 high, sampled at 50 Hz: mean 0, standard deviation 2 over the root of two; what is not sent is missing."""
    model = "microstrain_mip"
    made, item = driver(model, rate="50 Hz", every=None), instrument(model, rate="50 Hz", every=None)
    assert isinstance(made, StreamDriver)
    source = Source(item, made, Watch(item, made.stats, 0.0))
    book = SeriesBook(example().station, [source], {})
    for n in range(3000):
        swell = 2.0 * math.sin(2 * math.pi * n / 500) / 9.80665
        wire = sealed(model, b"\x75\x65\x80\x0e\x0e\x04" + struct.pack(">3f", swell, 0, -1))
        for reading in made.feed(wire, n * 0.02):
            book.take(source, reading, n * 20.0, n * 20.0)
    minute = book.close(0)
    assert minute.values["acceleration_x@mast"] == pytest.approx(0.0, abs=1e-6)
    assert minute.values["acceleration_x:sd@mast"] == pytest.approx(math.sqrt(2), rel=1e-3)
    assert minute.values["acceleration_z@mast"] == pytest.approx(-9.80665, rel=1e-6)
    assert minute.flags["acceleration_x@mast"] == 1


def mip(*fields: tuple[int, bytes]) -> Reading:
    payload = b"".join(bytes((len(data) + 2, descriptor)) + data for descriptor, data in fields)
    packet = sealed("microstrain_mip", b"\x75\x65\x80" + bytes((len(payload),)) + payload)
    (reading,) = driver("microstrain_mip").feed(packet, 0.0)
    return reading


@pytest.mark.parametrize(
    ("status", "lost", "reason"),
    [
        (0x0000, "", ""),
        (0x0004, "acceleration", "acceleration z"),
        (0x0030, "angular_rate", "rate x, rate y"),
        (0x0700, "", "magnetic x, magnetic y, magnetic z"),
        (0x1000, "", "pressure"),
    ],
)
def test_a_motion_sensor_beyond_its_range_loses_the_triad_that_is_and_no_other(status: int, lost: str, reason: str) -> None:
    triads = struct.pack(">3f", 0.25, -0.5, -1.0), struct.pack(">3f", 0.5, 0.0, -0.25), struct.pack(">3f", 0.1, 0.2, 0.3)
    reading = mip((0x04, triads[0]), (0x05, triads[1]), (0x0C, triads[2]), (0x18, struct.pack(">H", status)))
    assert reading.valid is (status == 0)
    assert reason in reading.reason
    gone = {name for name, value in reading.quantities.items() if value is None}
    assert gone == {f"{lost}_{axis}" for axis in "xyz" if lost}
    assert reading.spoiled.keys() == gone


@pytest.mark.parametrize(("tow", "week", "flags", "valid"), [
    (302_400.5, 2408, 7, True), (302_400.5, 2408 - 1024, 7, False), (302_400.5, 0, 7, False), (604_801.0, 2408, 7, False),
    (float("nan"), 2408, 7, False), (302_400.5, 2408, 3, False),
])  # fmt: skip
def test_a_time_the_satellites_cannot_give_spoils_itself_alone(tow: float, week: int, flags: int, valid: bool) -> None:
    reading = mip((0x04, struct.pack(">3f", 0.25, -0.5, -1.0)), (0x12, struct.pack(">dHH", tow, week, flags)))
    assert reading.valid is valid
    assert reading.quantities["acceleration_x"] == pytest.approx(0.25 * 9.80665)
