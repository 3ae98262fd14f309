"""One exception tree for the station: every error says what happened, to which thing, and what to do."""


class EdgeError(Exception):
    """Something at the station went wrong; the text names the thing and the remedy."""


class LinkError(EdgeError):
    """A serial port or a connection cannot be opened, set, read or written."""


class LinkDown(LinkError):
    """The link is not there right now; it is being opened again, ask later."""


class ModbusError(EdgeError):
    """A Modbus request brought no usable answer; ``reason`` is a short stable word for counting."""

    reason = "modbus"


class ModbusTimeout(ModbusError):
    """Nothing usable came within the device's time limit."""

    reason = "timeout"


class ModbusBadAnswer(ModbusError):
    """Something came, but not the answer to this request (checksum, length, other unit, other function)."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class ModbusRefused(ModbusError):
    """The device answered with an exception code: it lives, and says no."""

    reason = "exception"

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class InstrumentError(EdgeError):
    """An instrument's card and its entry in the station file do not fit together."""


class OutboxError(EdgeError):
    """The outbox cannot be used as it stands (another agent has it, it belongs to another station, its folder cannot be written)."""


class ArchiveError(EdgeError):
    """A file of the raw archive cannot be read or written as it stands."""


class ScienceError(EdgeError):
    """A product could not be computed; it costs this one result."""


class AgentError(EdgeError):
    """The agent cannot run as it is asked to (its data folder is in use, or cannot be written)."""


class UplinkError(EdgeError):
    """The uplink cannot be set up as the station file or the environment says."""
