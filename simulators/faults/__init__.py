"""What may go wrong on the bench: which faults there are, when they happen, and what they do to values and bytes."""

from simulators.faults.catalogue import FAULTS, Fault
from simulators.faults.timeline import ActiveFault, Timeline

__all__ = ["FAULTS", "ActiveFault", "Fault", "Timeline"]
