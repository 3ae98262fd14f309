from __future__ import annotations

import pytest

from tests.edge.outbox.bench import HandClock, open_outbox


@pytest.fixture
def outbox(tmp_path):
    with open_outbox(tmp_path / "outbox", HandClock()) as outbox:
        yield outbox
