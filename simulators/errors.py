"""One exception tree for the bench: every error says what happened, to which thing, and what to do."""

from __future__ import annotations


class SimulatorError(Exception):
    """The bench cannot do what it was asked."""


class WorldFileError(SimulatorError):
    """The world's file is wrong: it cannot be read, or a key or value in it is not known."""


class InstrumentError(SimulatorError):
    """An instrument of the station cannot be simulated as the station file describes it."""


class FaultFileError(SimulatorError):
    """The timeline of faults is wrong; at start it stops the program, later the old timeline stays in force."""


class FaultFileEditedError(FaultFileError):
    """The timeline has been edited by hand in a way that a program must not write over."""


class ReplayError(SimulatorError):
    """A recorded file cannot be played: unreadable, columns not recognised, or of another rate than the instruments."""


class PortError(SimulatorError):
    """A port (pty, TCP) cannot be opened or is not where it should be."""


class StageError(SimulatorError):
    """A program of the bench did not come up, or the bench's folder is in use."""
