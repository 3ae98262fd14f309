"""Quality tests for the running station, value by value, in pure Python: the agent's process never imports NumPy.

The forms for whole series are in `edge.science.quality`; the tests of this package hold both to each other.
"""

from edge.quality.checks import FlatLine, GrossRange, RateOfChange, Spike
from edge.quality.series import Judged, SeriesQuality

__all__ = ["FlatLine", "GrossRange", "Judged", "RateOfChange", "SeriesQuality", "Spike"]
