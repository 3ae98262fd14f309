"""What can be wrong with a raw file or with the station file it is computed by."""

from __future__ import annotations

from edge.errors import EdgeError


class FluxError(EdgeError):
    """The station file cannot be used to compute fluxes."""


class RawFileError(EdgeError):
    """A raw file cannot be used; the text says why."""
