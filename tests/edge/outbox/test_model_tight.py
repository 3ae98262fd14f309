"""The same promises with hardly any room: what is not kept was acknowledged before it was freed, or is counted as given up, nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.edge.outbox.bench import HandClock, ack, crash, draft, given_up, open_outbox, rows

STEPS = st.one_of(
    st.tuples(st.just("commit"), st.sampled_from(["minute", "health", "eddy", "spectra", "event"]), st.integers(1, 40)),
    st.tuples(st.just("ack"), st.floats(0, 1), st.randoms(use_true_random=False)),
    st.tuples(st.just("kill"), st.none(), st.none()),
    st.tuples(st.just("tend"), st.none(), st.none()),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(STEPS, min_size=5, max_size=25))
def test_under_pressure_every_number_is_accounted_for(steps):
    with tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), HandClock()
        outbox = open_outbox(folder, clock, quota=300_000)
        given_bodies: dict = {}
        centre: set = set()
        n = 0
        for kind, what, how in steps:
            if kind == "commit":
                drafts = [draft(what, n := n + 1, size=3000) for _ in range(how)]
                for s in outbox.commit(drafts):
                    key = (s.record.stream, s.record.epoch, s.record.seq)
                    assert key not in given_bodies
                    given_bodies[key] = s.body
            elif kind == "ack":
                kept = sorted(rows(folder))
                centre |= set(how.sample(kept, int(len(kept) * what)))
                clock.pass_s(1)
                outbox.apply_ack(ack(centre, clock.ms))
            elif kind == "kill":
                crash(outbox)
                outbox = open_outbox(folder, clock, quota=300_000)
            else:
                clock.pass_s(700)
                outbox.tend()
        outbox.close()  # which may have to give up more, to have room to say what is lost
        found, gone = rows(folder), given_up(folder)
        lost = {(s, e, seq) for s, e, a, b, kind in gone if kind == "records_lost" for seq in range(a, b + 1)}
        unused = {(s, e, seq) for s, e, a, b, kind in gone if kind == "numbers_unused" for seq in range(a, b + 1)}
        assert given_bodies.keys() - found.keys() <= centre | lost
        assert not unused & given_bodies.keys(), "a number that was given is never called unused"
        assert not {key for key in lost - centre if key[0] in ("eddy", "event")}, "never eddy or event"
        assert all(found[key] == given_bodies[key] for key in found.keys() & given_bodies.keys())
