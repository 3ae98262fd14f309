"""Random numbers that are a function of place in time: the same seed, name and index give the same number, for ever.

Nothing here has state, so a simulator that restarts continues the world it left. The generator is SplitMix64 (Steele et al. 2014)
used as a hash of the index; it is for scenery, not for secrets.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_ALL = 0xFFFFFFFFFFFFFFFF
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_SECOND = np.uint64(0x5DEECE66D)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)


def key(seed: int, name: str) -> int:
    """A 64-bit key for one named source of randomness of one world."""
    return int.from_bytes(blake2b(f"{seed}/{name}".encode(), digest_size=8).digest(), "little")


Source = int | NDArray[np.uint64]
"""The key of a source, or several beside the indices (shapes broadcast)."""


def uniform(source: Source, index: NDArray[np.int64]) -> Array:
    """Uniform numbers in (0, 1), one for each index."""
    keys = np.uint64(source & _ALL) if isinstance(source, int) else source
    z = np.atleast_1d(index).astype(np.int64).view(np.uint64) * _GOLDEN + keys
    z = (z ^ (z >> np.uint64(30))) * _MIX1
    z = (z ^ (z >> np.uint64(27))) * _MIX2
    z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def normal(source: Source, index: NDArray[np.int64]) -> Array:
    """Standard normal numbers, one for each index (Box-Muller)."""
    first = uniform(source, index)
    second = uniform(source ^ 0x5DEECE66D if isinstance(source, int) else source ^ _SECOND, index)
    return np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second)


def smooth(source: int, t_s: Array, period_s: float) -> Array:
    """A smooth random function of time, standard normal at every instant, that forgets itself after about ``period_s`` seconds.

    Independent normals at the multiples of the period, blended by cosine and sine of one angle so that the variance stays 1.
    """
    return np.asarray(_smooth([source], t_s, [period_s])[0])


def wander(source: int, t_s: Array, period_s: float, octaves: int = 3) -> Array:
    """`smooth` with finer and smaller movements on top (each octave half the period and half the size); standard normal in sum."""
    sizes = [0.5**octave for octave in range(octaves)]
    rows = _smooth([source + octave for octave in range(octaves)], t_s, [period_s * size for size in sizes])
    total = sum((size * row for size, row in zip(sizes, rows, strict=True)), start=np.zeros(rows.shape[1]))
    return np.asarray(total / np.sqrt(sum(size * size for size in sizes)))


def _smooth(sources: list[int], t_s: Array, periods_s: list[float]) -> Array:
    """`smooth` of several sources at once; shape (sources, n)."""
    position = np.atleast_1d(np.asarray(t_s, dtype=np.float64)) / np.array(periods_s)[:, None]
    node = np.floor(position)
    part = position - node
    angle = 0.5 * np.pi * part * part * (3.0 - 2.0 * part)
    index = node.astype(np.int64)
    keys = np.array([source & _ALL for source in sources], dtype=np.uint64)[:, None]
    here, there = normal(keys, np.stack([index, index + 1]))
    return np.asarray(here * np.cos(angle) + there * np.sin(angle))
