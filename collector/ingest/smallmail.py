"""Where state, birth and live wait for the event loop: bounded, whatever a station sends and however busy the loop is.

Of ``live`` only the newest of each station is kept, it is for eyes; of the others the last `MOST`. Filled in the MQTT thread, emptied in
the event loop.
"""

from __future__ import annotations

import threading
from collections import deque

from firmware_config.base.mqtt import Message

MOST = 1_000


class SmallMail:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: dict[str, Message] = {}
        self._others: deque[tuple[str, str, Message]] = deque(maxlen=MOST)
        self._called = False

    def put(self, station: str, leaf: str, message: Message) -> bool:
        """Leave a message; True when whoever empties this has to be called (once until `take`)."""
        with self._lock:
            if leaf != "live":
                self._others.append((station, leaf, message))
            elif station in self._live or len(self._live) < MOST:
                self._live[station] = message
            called, self._called = self._called, True
            return not called

    def take(self) -> list[tuple[str, str, Message]]:
        """Everything that waits: ``(station, leaf, message)``, live values last."""
        with self._lock:
            found = [*self._others, *((station, "live", message) for station, message in self._live.items())]
            self._others.clear()
            self._live.clear()
            self._called = False
            return found
