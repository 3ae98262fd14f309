"""Real SIGKILLs of a writing process, in the middle of whatever it does: what it was told is durable is there, and no number comes twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.edge.outbox.bench import open_outbox, rows

WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from tests.edge.outbox.bench import ack, draft, open_outbox
    outbox = open_outbox(Path(sys.argv[1]), quota=int(sys.argv[2]))
    print("open", flush=True)
    n = 0
    while True:
        n += 1
        kinds = ["minute"] * (1 + n % 7) + (["eddy"] if n % 5 == 0 else []) + (["spectra"] if n % 3 == 0 else [])
        sealed = outbox.commit([draft(kind, n, size=n * 37 % 6000) for kind in kinds])
        for s in sealed:
            print(s.record.stream, s.record.epoch, s.record.seq, s.hash, flush=True)
    """
)


def test_sigkill_of_a_writer_loses_nothing_that_was_promised(tmp_path):
    lucky = random.Random(7)
    root = Path(__file__).resolve().parents[3]
    promised: dict[tuple[str, int, int], str] = {}
    for cycle in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), "50000000"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        enough = lucky.randrange(1, 400)
        lines = [writer.stdout.readline() for _ in range(enough)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.read().splitlines(keepends=True)
        writer.wait()
        for line in lines:
            if line.endswith("\n"):
                stream, epoch, seq, digest = line.split()
                key = (stream, int(epoch), int(seq))
                assert key not in promised, f"cycle {cycle}: number {key} was given twice"
                promised[key] = digest
    with open_outbox(tmp_path, quota=50_000_000):
        pass
    found = rows(tmp_path)
    assert promised.keys() <= found.keys()
    assert len(promised) > 500
    assert len({epoch for _, epoch, _ in promised}) == 1
    assert not list(tmp_path.glob("outbox-damaged*")), "a kill is not damage"
