"""The command line as its own process, which interrupts its whole group, as a terminal does, when its third file is done."""

from __future__ import annotations

import os
import signal

from edge.cli import main
from edge.flux import command

take, taken = command._take, []


def take_and_interrupt(outcome: command.Outcome, name: str, result: object) -> None:
    take(outcome, name, result)
    taken.append(name)
    if len(taken) == 3:
        os.killpg(os.getpgrp(), signal.SIGINT)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background hands down that it is ignored
    command._take = take_and_interrupt
    main()
