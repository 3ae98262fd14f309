"""Ten devices on one line at 9600 Bd, two dead and one slow: the others keep their turns. The long form is in the performance table."""

import statistics
from pathlib import Path

from tests.bench.bus import DEAD, EVERY_S, SLOW, arrivals, intervals

SECONDS = 22.0
START_TURNS = 3
"""The first turns teach which devices are dead."""


async def test_two_dead_devices_and_a_slow_one_do_not_move_the_others_from_their_schedule(tmp_path: Path) -> None:
    """The seven good ones together, after the start: the median interval against the period, and how many turns they had."""
    found = await arrivals(tmp_path, SECONDS, answer="450ms", answer_longest="600ms")
    assert [device for device, times in found.items() if not times] == list(DEAD)
    assert found[SLOW]
    begin = int(min(times[0] for times in found.values() if times) // EVERY_S) + START_TURNS
    end = int(max(times[-1] for times in found.values() if times) // EVERY_S)
    good = [[at_s for at_s in times if begin <= at_s // EVERY_S < end] for device, times in found.items() if device not in {*DEAD, SLOW}]
    assert len(good) == 7
    assert end - begin >= 5
    had = sum(len({at_s // EVERY_S for at_s in times}) for times in good)
    assert had >= 0.9 * len(good) * (end - begin)
    assert 0.9 < statistics.median(span for times in good for span in intervals(times)) / EVERY_S < 1.1
