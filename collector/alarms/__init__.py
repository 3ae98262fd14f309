"""Alarms of the centre: rules that are data, a pure life cycle, a journal that survives a kill, and the engine that joins them.

`start` is what `collector.run` calls; ``centre.alarms.book`` is what the API reads and acknowledges through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collector.alarms.engine import AlarmEngine
    from collector.centre import Centre


async def start(centre: Centre) -> AlarmEngine:
    """Restore the open alarms and begin to watch. AlarmRuleError when a rule of the configuration is wrong."""
    from collector.alarms.engine import AlarmEngine

    engine = AlarmEngine(
        hub=centre.hub, clock=centre.clock, data=centre.data, settings=centre.config.alarms, reader=centre.reader, status=centre.status
    )
    await engine.start()
    centre.alarms = engine
    return engine
