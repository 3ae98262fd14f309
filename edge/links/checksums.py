"""The checksums instruments send with their records: pure functions over bytes, any input, no state."""

from __future__ import annotations

from functools import reduce
from operator import xor


def xor_of(data: bytes) -> int:
    """XOR of all bytes (NMEA 0183, Gill, HydroC)."""
    return reduce(xor, data, 0)


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_TABLE = _crc_table()


def crc16(data: bytes, start: int = 0xFFFF) -> int:
    """CRC-16, reflected polynomial 0xA001: Modbus with start 0xFFFF, Vaisala and SDI-12 with start 0.

    >>> hex(crc16(bytes.fromhex("F00300000002")))  # frame printed by Vaisala: D1 2A, low byte first
    '0x2ad1'
    """
    crc = start
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def vaisala_crc(data: bytes) -> bytes:
    """The three characters Vaisala and SDI-12 put before the line end.

    >>> vaisala_crc(b"0r1")
    b'Goe'
    """
    crc = crc16(data, 0)
    return bytes((0x40 | crc >> 12, 0x40 | (crc >> 6) & 0x3F, 0x40 | crc & 0x3F))


def campbell_signature(data: bytes) -> int:
    """Campbell Scientific's signature, seed 0xAAAA (EC155 manual).

    >>> hex(campbell_signature(b"A"))
    '0xaa40'
    """
    high = low = 0xAA
    for byte in data:
        turned = ((low << 1) & 0xFF) + (low >> 7)
        high, low = low, (turned + high + byte) & 0xFF
    return high << 8 | low
