"""Covariances of series with each other at many lags: what integral scales, random errors and detection limits are made of.

The series are cut into blocks of B samples and each block is transformed once, padded with zeros to 2 B. The sum of products at the lags m
B to (m + 1) B is then the inverse transform of one sum over the blocks,

    sum over k of conj(A_k) (B_(k+m) + (-1)^f B_(k+m+1)),

for a shift by half the transform's length is a change of sign of every other frequency. Short transforms stay in the processor's cache,
and inverse ones are made once a pair, not once a block. Not here: the search for the time lag of a gas (`lag.search`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.science.arrays import BoolArray, FloatArray

ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True)
class Blocks:
    """Transforms of the blocks of a series, each alone and joined with the one after it (K, B + 1)."""

    alone: ComplexArray
    joined: ComplexArray

    @classmethod
    def of(cls, x: FloatArray, block: int) -> Blocks:
        count = -(-x.size // block)
        padded = np.zeros((count, 2 * block))
        whole = x.size // block
        padded[:whole, :block] = x[: whole * block].reshape(whole, block)
        if whole < count:
            padded[whole, : x.size - whole * block] = x[whole * block :]
        alone = np.fft.rfft(padded, axis=1)
        joined = alone.copy()
        joined[:-1] += alone[1:] * np.where(np.arange(block + 1) % 2, -1.0, 1.0)
        return cls(alone, joined)


@dataclass(frozen=True)
class Lagged:
    """Transformed series, ready for `covariance` at any lag."""

    block: int
    blocks: Mapping[str, Blocks]
    ends: Mapping[str, tuple[int, int]]
    """First and last sample present, by series."""
    samples: Mapping[str, int]
    """Samples present, by series."""
    holes: Mapping[str, Blocks] = field(default_factory=dict)
    """Blocks of 1 where a sample is present, of all series when the samples of one are not in one piece."""

    def covariance(self, a: str, b: str, *, segment: int = 0) -> FloatArray:
        """Covariance of ``a[i]`` with ``b[i + p]`` for the B lags p from ``segment * B`` on, B = ``block``.

        Each series is taken as deviation from its own mean; the divisor is the number of pairs at that lag. Returns (B,); NaN where a lag
        has no pair.
        """
        sums, counts = self._sums(self.blocks[a], self.blocks[b], segment), self.pairs(a, b, segment=segment)
        return np.asarray(np.divide(sums, counts, out=np.full(sums.size, np.nan), where=counts > 0))

    def pairs(self, a: str, b: str, *, segment: int = 0) -> FloatArray:
        """How many pairs ``a[i]``, ``b[i + p]`` are present at the same lags (B,)."""
        if self.holes:
            return np.round(self._sums(self.holes[a], self.holes[b], segment))
        (first_a, last_a), (first_b, last_b) = self.ends[a], self.ends[b]
        lags = np.arange(segment * self.block, (segment + 1) * self.block)
        return np.asarray(np.maximum(0.0, 1.0 + np.minimum(last_a, last_b - lags) - np.maximum(first_a, first_b - lags)))

    def _sums(self, a: Blocks, b: Blocks, segment: int) -> FloatArray:
        both = max(0, len(a.alone) - segment)
        total = (np.conj(a.alone[:both]) * b.joined[segment:]).sum(axis=0)
        return np.asarray(np.fft.irfft(total, 2 * self.block)[: self.block])


def lagged(series: Mapping[str, FloatArray], longest: int) -> Lagged:
    """Transform ``series`` for covariances in segments of more than ``longest`` lags.

    Parameters: ``series`` name → (n,), any units, all of one length; NaN samples are left out; ``longest`` in samples.

    >>> x = np.array([0.0, 0.0, 3.0, 0.0]); y = np.array([0.0, 0.0, 0.0, 3.0])
    >>> lagged({"x": x, "y": y}, 1).covariance("x", "y").round(4)
    array([-0.5625,  2.0625])
    """
    block = 2
    while block <= longest:
        block *= 2
    present = {name: np.isfinite(x) for name, x in series.items()}
    ends = {name: _ends(there) for name, there in present.items()}
    samples = {name: int(np.count_nonzero(there)) for name, there in present.items()}
    pieces = all(samples[name] == ends[name][1] - ends[name][0] + 1 for name in present)
    return Lagged(
        block=block,
        blocks={name: Blocks.of(_deviations(x, present[name]), block) for name, x in series.items()},
        ends=ends,
        samples=samples,
        holes={} if pieces else {name: Blocks.of(there.astype(np.float64), block) for name, there in present.items()},
    )


def _ends(present: BoolArray) -> tuple[int, int]:
    if not present.any():
        return 0, -1
    return int(np.argmax(present)), present.size - 1 - int(np.argmax(present[::-1]))


def _deviations(x: FloatArray, present: BoolArray) -> FloatArray:
    if present.all():
        return np.asarray(x - x.mean()) if x.size else x
    return np.where(present, x - (x[present].mean() if present.any() else 0.0), 0.0)
