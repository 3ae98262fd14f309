"""One contract for every instrument: what a driver promises, whatever its card says."""

import tracemalloc
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InstrumentError
from edge.instruments import ModbusDriver, Reading, StreamDriver, make_driver
from edge.instruments.decode import decode_lines, decode_raw
from firmware_config.cards import all_cards, load_card
from firmware_config.quantities import registry
from firmware_config.station import Instrument
from tests.edge.instruments.compare import sampled, sidecar
from tests.edge.links.peers import registers, sealed

MODELS = sorted(all_cards())
PRINTING = [model for model in MODELS if all_cards()[model].modbus is None]
ASKED = [model for model in MODELS if all_cards()[model].modbus is not None]
SAMPLED = [model for model in sampled() if model in PRINTING]
CHECKED = [m for m in SAMPLED if all_cards()[m].protocol == "delimited" and all_cards()[m].text.frame != "line"]
CHECKED += [m for m in SAMPLED if all_cards()[m].binary is not None and m != "csat3_rs232_binary"]  # which has no checksum
BYTES = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from(
            [
                b"\x02Q,",
                b"\x03",
                b"$GPGGA,",
                b"*",
                b"(Data (Ndx ",
                b")",
                b"0R1,Dn=",
                b"0r2,",
                b"\r\n",
                b",",
                b"\t1",
                b"NAN",
                b"#",
                b"9" * 40,
                b"\xb4\xb4\x00\x00",
                b"\x55\xaa",
                b"\x75\x65\x80\x0e",
                b"\xcb",
                b"\xfa\x01\x29\x11",
                b"$VNERR,",
                b"\r\nChecksum\t",
                b"\r\nV\t12800",
                b":7F0ED0071\n",
                b"<li850><data>",
                b"</data></li850>",
                b"<co2>4e2</co2>",
                b"*5427",
                b":0000",
                b"MEASUREMENT\t4330\t1\t",
                b"O2Concentration[uM]\t",
                b"M:x = 1",
                b"tide: start time = ",
                b"*0001",
                b"#2026/03/04 12:00:11, M,",
            ]
        ),
    ),
    max_size=40,
).map(b"".join)


def instrument(model: str, **more) -> Instrument:
    base = {"id": "x", "model": model, "place": "mast", "serial_number": "1", "link": "l", "every": "1s", "mounting": {"height_m": 1}}
    return Instrument.model_validate({**base, **more})


def driver(model: str, **more) -> StreamDriver | ModbusDriver:
    return make_driver(instrument(model, **more), load_card(model))


def wires(samples: Path, model: str) -> list[bytes]:
    import json

    return [bytes.fromhex(record["bytes_hex"]) for record in json.loads((samples / f"{model}.json").read_text())["records"]]


def test_a_tapped_line_is_decoded_in_a_few_times_its_own_size() -> None:
    """A list of what stands at each byte would take 140 times the size."""
    exchange = sealed(bytes((7, 3, 0, 0, 0, 20))) + registers(7, list(range(20)))
    tapped, tested = exchange * 2_000, driver("kippzonen_smp_modbus")
    tracemalloc.start()
    try:
        answered = sum(1 for _ in decode_raw(tested, [tapped]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answered == 2_000
    assert peak < 5 * len(tapped)


@pytest.mark.parametrize("model", MODELS)
def test_the_quantities_are_those_of_the_card_and_the_registry_knows_them(model: str) -> None:
    names, card = driver(model).quantities, load_card(model)
    assert names
    assert set(names) == {name for name, source in card.quantities.items() if card.applies(source.when, {})}
    assert set(names) <= set(registry())


@pytest.mark.parametrize("model", PRINTING)
@settings(max_examples=60, deadline=None)
@given(stream=BYTES)
def test_any_bytes_are_survived_counted_and_give_nothing_unexplained(model: str, stream: bytes) -> None:
    tested = driver(model)
    readings = tested.feed(stream, 1.5) + tested.finish(2.5)
    for reading in readings:
        assert bool(reading.reason) is not reading.valid
        assert reading.arrival_s in {1.5, 2.5}
        assert set(reading.quantities) <= set(tested.quantities)
        assert all(value is None or isinstance(value, float) for value in tested.quantities_of(reading).values())
        msgspec.json.encode(reading.values)
    good = sum(reading.valid for reading in readings)
    assert tested.stats.good == good
    assert tested.stats.bad_total >= len(readings) - good


@pytest.mark.needs("samples")
@pytest.mark.parametrize("model", SAMPLED)
def test_nothing_of_a_rejected_record_and_nothing_spoiled_is_among_the_good_quantities(model: str, samples: Path) -> None:
    tested = driver(model)
    for wire in wires(samples, model):
        for reading in tested.feed(wire, 0.0) + tested.finish(0.0):
            if not reading.values:
                assert reading.quantities == {}
            assert not set(reading.spoiled) & {name for name, value in reading.quantities.items() if value is not None}


@pytest.mark.needs("samples")
@pytest.mark.parametrize("model", CHECKED)
def test_one_character_of_a_checked_record_changed_is_never_a_good_record_with_other_values(model: str, samples: Path) -> None:
    """Every position of every good sample, each digit replaced by another: with a checksum not one passes."""
    for wire, entry in zip(wires(samples, model), sidecar(samples / f"{model}.json"), strict=True):
        if not entry["valid"]:
            continue
        clean = driver(model).feed(wire, 0.0)[0]
        for at, byte in enumerate(wire):
            for other in (byte ^ 0x01, byte ^ 0x08, ord("7"), 0xFF):
                if other == byte:
                    continue
                tested = driver(model)
                for reading in tested.feed(wire[:at] + bytes((other,)) + wire[at + 1 :], 0.0) + tested.finish(0.0):
                    assert not reading.values or reading == clean


@pytest.mark.needs("samples")
def test_one_character_of_a_vaisala_record_with_crc_changed_is_never_a_good_record(samples: Path) -> None:
    for wire in (w for w in wires(samples, "vaisala_wxt536_ascii") if w[1:2] == b"r"):
        clean = driver("vaisala_wxt536_ascii").feed(wire, 0.0)[0]
        assert clean.valid
        for at in range(len(wire) - 2):
            for other in (wire[at] ^ 0x02, ord("7"), 0xFF):
                if other == wire[at] or (at == 1 and other in b"Rr"):  # R for r is a record without CRC
                    continue
                tested = driver("vaisala_wxt536_ascii")
                spoiled = tested.feed(wire[:at] + bytes((other,)) + wire[at + 1 :], 0.0)
                assert all(not reading.valid or reading == clean for reading in spoiled)


@pytest.mark.needs("samples")
@pytest.mark.parametrize("model", SAMPLED)
def test_each_record_is_stamped_with_the_chunk_that_completed_it(model: str, samples: Path) -> None:
    entry = next(i for i, entry in enumerate(sidecar(samples / f"{model}.json")) if entry["valid"])
    wire = wires(samples, model)[entry]
    tested = driver(model)
    assert tested.feed(wire[:4], 1.0) == []
    assert [reading.arrival_s for reading in tested.feed(wire[4:] + wire, 2.0)] == [2.0, 2.0]


@pytest.mark.parametrize("model", ASKED)
@settings(max_examples=60, deadline=None)
@given(answer=st.binary(max_size=40), request=st.binary(min_size=8, max_size=8))
def test_any_recorded_exchange_is_survived(model: str, answer: bytes, request: bytes) -> None:
    tested = driver(model)
    line = b"REQ=" + request.hex().encode() + b" RSP=" + answer.hex().encode()
    assert [result["valid"] for result in decode_lines(tested, [line])] == [False]
    list(decode_raw(driver(model), [request + answer + request]))


@pytest.mark.parametrize("model", MODELS)
def test_an_option_that_does_not_exist_is_named_with_what_there_is(model: str) -> None:
    with pytest.raises(InstrumentError, match=r"x, option colour.*allowed"):
        driver(model, options={"colour": "red"})


@pytest.mark.parametrize("model", MODELS)
def test_a_quantity_that_is_not_wanted_is_left_out(model: str) -> None:
    first = driver(model).quantities[0]
    assert first not in driver(model, options={"without": first}).quantities


@pytest.mark.parametrize("model", PRINTING)
def test_a_long_run_of_each_special_byte_ends(model: str) -> None:
    """No framer searches its buffer again and again (time would grow with the square of the length)."""
    for filler in (
        b"(",
        b"$",
        b"\x02",
        b"*",
        b"1",
        b"\r",
        b"((Data ",
        b"$A*",
        b"\x020\x03",
        b"\t",
        b"\xb4",
        b"\x55\xaa",
        b"\x75\x65",
        b"\xcb",
        b"\xfa\x01\xff",
        b":",
        b":A\n",
        b"<li850>",
        b"<",
        b"\r\nChecksum",
        b"*",
        b"?=",
    ):
        tested = driver(model)
        tested.feed(filler * (16_384 // len(filler)), 0.0)


def test_a_licor_record_of_another_form_is_refused_without_trying_every_way_to_read_it() -> None:
    """Two hundred pairs and one nested too deep: a careless pattern would try more ways than there are atoms."""
    tested = driver("licor_li7500_grammar")
    (reading,) = tested.feed(b"(Data " + b"(Abc   12)" * 190 + b"(X (Y 1)))\r\n", 0.0)
    assert not reading.values
    assert tested.stats.bad == {"not well-formed": 1}


def test_readings_are_plain_data() -> None:
    assert Reading(1.0, {}, True).quantities is not Reading(1.0, {}, True).quantities
