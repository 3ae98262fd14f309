"""What the station's outbox costs: commits a second, one record a transaction and many, each on the device before it is announced.

The outbox is the one of the agent (own thread, synchronous FULL); a record has 15 values. Beside it a bare transaction of the same SQLite,
one insert of as many bytes, shows what the disk itself allows.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from edge.outbox import Outbox
from firmware_config.base.clock import open_clock
from firmware_config.base.database import open_database
from firmware_config.records import Draft
from tests.bench.load import SERIES
from tests.bench.row import Row

MEASURED_S = 1.0
ROUNDS = 3
MANY = 48
