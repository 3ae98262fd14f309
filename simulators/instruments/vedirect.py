"""Victron VE.Direct text: a block of labels and values each period. After many public programs.

Lines CR LF label TAB value; the block ends with ``Checksum`` TAB and one raw byte that makes the sum of all bytes 0 modulo 256 (it may be
any byte). V, VPV in mV, I, IL in mA, PPV in W, CS 0 off, 2 fault, 3 bulk, 4 absorption, 5 float, ERR 0 none. HEX messages ``:…`` LF may
come between blocks and do not count.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Suffered, Talker, column, marked

PRODUCT, FIRMWARE = "0xA053", "159"
FAULT, BATTERY_TOO_HIGH = 2, 2
HEX_MESSAGE = b":7F0ED0071\n"
CHECKED = "Checksum"
_NUMBERS = [f"{first}{last}{'9' * nines}" for first in range(1, 10) for last in range(10) for nines in range(4)]
"""yields of two to five figures, of every sum of figures"""


def block(labels: Mapping[str, str]) -> bytes:
    """One block with its check byte."""
    body = "".join(f"\r\n{label}\t{value}" for label, value in labels.items()).encode() + f"\r\n{CHECKED}\t".encode()
    return body + bytes((-sum(body) & 0xFF,))


class VeDirect(Talker):
    """A solar charger's text output."""

    fields = ("voltage", "current", "panel_voltage", "panel_power")
    checksum = True
    own_faults = frozenset({"hex_interleaved", "checksum_line_feed", "battery_low"})

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        power = self.setting.world.power.at(times / 1e3)
        index = np.arange(first, first + count, dtype=np.float64)
        return {
            "voltage": power["voltage"] + self.jitter(0, index, 0.004), "current": power["current"] + self.jitter(1, index, 0.01),
            "panel_voltage": power["panel_voltage"], "panel_power": power["panel_power"], "load": power["load_current"],
            "state": power["charger_state"], "error": np.zeros(count),
        }  # fmt: skip

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """It reports a fault: the error of the code, or battery voltage too high."""
        columns["error"][row], columns["state"][row] = float(code or BATTERY_TOO_HIGH), float(FAULT)

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        if fault.name == "battery_low":
            columns["voltage"] = np.where(fault.hit, fault.magnitude, columns["voltage"])
        else:
            super().suffer(columns, fault)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        out = []
        for row in range(len(columns["voltage"])):
            text = block(self._labels(columns, row))
            if marked(columns, "checksum_line_feed", row):
                text = self._ending_with(0x0A, columns, row)
            out.append(text + HEX_MESSAGE if marked(columns, "hex_interleaved", row) else text)
        return out

    def _labels(self, columns: Columns, row: int, yields: tuple[str, str] = ("0", "0")) -> dict[str, str]:
        milli = {name: round(1e3 * column(columns, name, row)) for name in ("voltage", "current", "panel_voltage", "load")}
        return {
            "PID": PRODUCT, "FW": FIRMWARE, "SER#": self.setting.serial_number, "V": str(milli["voltage"]),
            "I": str(milli["current"]), "VPV": str(milli["panel_voltage"]), "PPV": str(round(column(columns, "panel_power", row))),
            "CS": str(int(column(columns, "state", row))), "ERR": str(int(column(columns, "error", row))), "LOAD": "ON",
            "IL": str(milli["load"]), "H20": yields[0], "H22": yields[1],
        }  # fmt: skip

    def _ending_with(self, byte: int, columns: Columns, row: int) -> bytes:
        """The block whose yields of today and yesterday (H20, H22; 0.01 kWh) happen to give this check byte."""
        wanted = (block(self._labels(columns, row))[-1] + 2 * ord("0") - byte) % 256
        pairs = ((a, b) for a in _NUMBERS for b in _NUMBERS if sum(f"{a}{b}".encode()) % 256 == wanted)
        return block(self._labels(columns, row, next(pairs)))

    def spoil(self, record: bytes) -> bytes:
        """Another check byte; HEX messages after the block stay."""
        start = record.find(CHECKED.encode()) + len(CHECKED) + 1
        return record[:start] + bytes((record[start] ^ 0x5A,)) + record[start + 1 :] if 0 < start < len(record) else record
