"""The centre's HTTP interface: answers to questions, server-sent events, metrics, and the page.

`start` is what `collector.run` calls, after the alarms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collector.centre import Centre, Part


class _Nothing:
    """Stands for a server that the configuration switched off."""

    async def stop(self) -> None:
        return


async def start(centre: Centre) -> Part:
    """Serve page and interface as the configuration's ``http`` section says. CollectorError when the port cannot be had."""
    settings = centre.config.http
    if not settings.enabled:
        return _Nothing()
    from collector.api.app import serve

    return await serve(centre, settings)
