"""Ten devices on one line at 9600 Bd, two dead and one slow: the others keep their turns. The long form is in the performance table."""

import statistics
from pathlib import Path

from tests.bench.bus import DEAD, EVERY_S, SLOW, arrivals, intervals

SECONDS = 16.0


async def test_two_dead_devices_and_a_slow_one_do_not_move_the_others_from_their_schedule(tmp_path: Path) -> None:
    """Intervals against the period, both of the world; the median of each device."""
    found = await arrivals(tmp_path, SECONDS, answer="450ms", answer_longest="600ms")
    assert [device for device, times in found.items() if not times] == list(DEAD)
    assert found[SLOW]
    ratios = {device: statistics.median(intervals(times)) / EVERY_S for device, times in found.items() if device not in {*DEAD, SLOW}}
    assert len(ratios) == 7
    assert {device: ratio for device, ratio in ratios.items() if not 0.9 < ratio < 1.1} == {}
