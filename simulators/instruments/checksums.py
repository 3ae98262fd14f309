"""The check sums instruments use, each from its vendor's text; they share no code with the station's."""

from __future__ import annotations


def xor(data: bytes) -> int:
    """All bytes combined by exclusive or (NMEA, Gill, HydroC)."""
    folded = int.from_bytes(data, "big")
    width = 1
    while width < len(data):
        width *= 2
    while width > 1:
        width //= 2
        folded = (folded >> (8 * width)) ^ (folded & ((1 << (8 * width)) - 1))
    return folded


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_TABLE = _crc_table()


def crc16(data: bytes, start: int) -> int:
    """Reflected CRC-16, polynomial 0xA001: Modbus starts at 0xFFFF, Vaisala at 0."""
    crc = start
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def modbus_crc(data: bytes) -> bytes:
    """The two CRC bytes of an RTU frame, low byte first."""
    return crc16(data, 0xFFFF).to_bytes(2, "little")


def vaisala_crc(data: bytes) -> bytes:
    """Vaisala's three printable characters."""
    crc = crc16(data, 0)
    return bytes((0x40 | (crc >> 12), 0x40 | ((crc >> 6) & 0x3F), 0x40 | (crc & 0x3F)))


def campbell_signature(data: bytes) -> int:
    """Campbell Scientific's signature with seed 0xAAAA."""
    high = low = 0xAA
    for byte in data:
        turned = ((low << 1) & 0xFF) + (low >> 7)
        high, low = low, (turned + high + byte) & 0xFF
    return high << 8 | low


def spoiled(text: bytes, start: int, stop: int) -> bytes:
    """``text`` with other hexadecimal digits (or letters) in a span: what a wrong check sum looks like."""
    raw = bytearray(text)
    for i in range(start, stop):
        raw[i] = ord("0") if raw[i] != ord("0") else ord("1")
    return bytes(raw)


def fletcher16(data: bytes) -> bytes:
    """MicroStrain MIP: two running sums modulo 256."""
    a = b = 0
    for byte in data:
        a = (a + byte) & 0xFF
        b = (b + a) & 0xFF
    return bytes((a, b))


def crc_ccitt(data: bytes, start: int = 0) -> int:
    """CRC-CCITT, polynomial 0x1021, not reflected (VectorNav starts at 0 and sends it high byte first)."""
    crc = start
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc
