"""Names of windows: they begin with the station and the window's start, so that they sort by time."""

from __future__ import annotations

from datetime import UTC, datetime


def window_name(station: str, start_ms: int, boot_id: str = "") -> str:
    """``STATION_YYYYMMDDTHHMM``, with seconds where the window does not begin on a minute; of a window without UTC the boot and the time
    since it in seconds."""
    if boot_id:
        return f"{station}_boot{boot_id[:8]}_{start_ms // 1000:09d}"
    start = datetime.fromtimestamp(start_ms / 1e3, UTC)
    return f"{station}_{start:%Y%m%dT%H%M}" + (f"{start:%S}" if start.second else "")
