"""The outbox against a model, with crashes anywhere: nothing committed is lost or altered, no number comes twice, every hole is explained.

The model is a dictionary of what commit returned. The centre of the model is a set of numbers that can also be set back to an older
state, as when it is restored from a backup.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.edge.outbox.bench import HandClock, ack, covered, crash, draft, events, open_outbox, rows

STREAMS = ("minute", "eddy", "event", "spectra")


class OutboxMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp(prefix="outbox"))
        self.clock = HandClock()
        self.outbox = open_outbox(self.folder, self.clock)
        self.committed: dict[tuple[str, int, int], bytes] = {}
        self.centre: set[tuple[str, int, int]] = set()
        self.backup: set[tuple[str, int, int]] = set()
        self.n = 0
        self.believed: set[tuple[str, int, int]] | None = set()
        """what the station believes the centre has (None: a crash may have set it back)"""

    def teardown(self):
        if hasattr(self, "outbox"):
            self.outbox.close()
            self.check_holes()
            shutil.rmtree(self.folder)

    @rule(streams=st.lists(st.sampled_from(STREAMS), min_size=1, max_size=80), size=st.sampled_from([0, 500, 5000]))
    def commit(self, streams, size):
        self.n += 1
        drafts = [draft(stream, self.n * 100 + i, size=size) for i, stream in enumerate(streams)]
        sealed = self.outbox.commit(drafts)
        assert [(s.record.stream, s.record.t, s.record.values) for s in sealed] == [(d.stream, d.t, d.values) for d in drafts]
        for s in sealed:
            key = (s.record.stream, s.record.epoch, s.record.seq)
            assert key not in self.committed, "a number was given twice"
            self.committed[key] = s.body

    @rule(share=st.floats(0, 1), retained=st.booleans(), seed=st.randoms(use_true_random=False))
    def centre_commits_some(self, share, retained, seed):
        present = list(rows(self.folder))
        self.centre |= set(seed.sample(present, int(len(present) * share)))
        self.clock.pass_s(1)
        self.outbox.apply_ack(ack(self.centre, self.clock.ms), retained=retained)
        self.believed = set(self.centre)

    @rule()
    def centre_makes_a_backup(self):
        self.backup = set(self.centre)

    @rule()
    def centre_is_restored(self):
        self.centre = set(self.backup)
        self.clock.pass_s(1)
        self.outbox.apply_ack(ack(self.centre, self.clock.ms))
        self.believed = set(self.centre)

    @rule()
    def agent_is_killed(self):
        crash(self.outbox)
        self.believed = None
        self.outbox = open_outbox(self.folder, self.clock)

    @rule()
    def agent_restarts(self):
        self.outbox.close()
        self.outbox = open_outbox(self.folder, self.clock)

    @rule(which=st.sampled_from(["numbers.a", "numbers.b"]))
    def one_copy_of_the_numbers_is_torn_by_a_kill(self, which):
        crash(self.outbox)
        self.believed = None
        path = self.folder / which
        path.write_bytes(path.read_bytes()[:100])
        self.outbox = open_outbox(self.folder, self.clock)

    @rule()
    def numbers_are_lost(self):
        crash(self.outbox)
        self.believed = None
        for which in ("numbers.a", "numbers.b"):
            (self.folder / which).unlink()
        self.outbox = open_outbox(self.folder, self.clock)

    @precondition(lambda self: self.n > 0)
    @rule()
    def tend(self):
        self.clock.pass_s(700)
        self.outbox.tend()

    @invariant()
    def everything_committed_is_there_unaltered(self):
        if not hasattr(self, "outbox"):
            return
        found = rows(self.folder)
        assert {key: found.get(key) for key in self.committed} == self.committed
        if self.believed is not None:
            assert self.outbox.stats().depth == len(found.keys() - self.believed)
        assert self.outbox.epoch == self.outbox.previous_epoch or self.outbox.previous_epoch is None, "the epoch changed without need"

    def check_holes(self):
        """D: every number below the last is kept, at the centre, or declared."""
        found = rows(self.folder)
        said = events(self.folder, "numbers_unused") + events(self.folder, "records_lost")
        for stream in STREAMS:
            for epoch in {key[1] for key in found}:
                have = {key[2] for key in found.keys() | self.centre if key[:2] == (stream, epoch)}
                if have:
                    assert set(range(max(have))) - have <= covered(said, stream, epoch)


OutboxMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
TestOutboxMachine = OutboxMachine.TestCase
