"""Recorded half-hours played through the simulated sonic and analyser of a station."""

from simulators.replay.files import Recorded, ReplayMeta, load_meta, load_recorded
from simulators.replay.player import Player

__all__ = ["Player", "Recorded", "ReplayMeta", "load_meta", "load_recorded"]
