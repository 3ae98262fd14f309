"""The outbox: every record is durable here before anyone hears of it, and stays until the centre has committed it.

Files of an outbox folder
    ``outbox.db``           SQLite (WAL, synchronous FULL): the records, see `edge.outbox.schema`
    ``numbers.a/.b``        which numbers may have been used, two checksummed copies written in turn, see `edge.outbox.numbers`
    ``outbox-damaged-*``    what a damaged outbox left behind, kept for people (the two newest)
    ``ballast``             bytes that are given up when the disk is full, so that there is room to free room
    ``lock``                held by the one agent that uses the folder

What holds, whatever is killed or torn (the tests check these by their letters)
    A  A number ``(station, stream, epoch, seq)`` is given to one record, once. Before it is given, the numbers file says that it may
       have been; when that file and the outbox are both lost, a new epoch begins.
    B  What `Outbox.commit` returned is on the device, as the bytes that were hashed, in one transaction per call.
    C  Bytes are handed out only if their hash is right; a row that fails is set aside, counted and declared lost.
    D  Every number below the next one is kept, or was committed by the centre, or is declared: ``numbers_unused`` or ``records_lost``.
    E  A record is freed only when the centre has committed it, and only for room; else by `streams.DROP_ORDER`, and declared.
    F  What the centre says replaces what was believed: what it no longer has and we still keep is sent again; what it no longer has and
       we freed is declared lost.
    G  A record stamped by an unset clock waits without number, durably, until the clock is set or its boot is over.
    H  A full disk or a full quota loses nothing of what was committed; new drafts wait in a bounded memory queue and what overflows
       is counted and declared.

What it does not promise: that a device which lies about flushing kept what it said; that a draft in the memory queue of H survives a
kill; that numbers above those the centre acknowledged are still known when both files are gone (they are of the old epoch, then).

Threads: one thread owns the connection and everything in memory; the public methods hand their work to it and wait (or can be
awaited). Readers (`edge.outbox.inspect`, the torture test's judge) open the file read-only at any time.
"""

from edge.outbox.outbox import Outbox
from edge.outbox.stats import Stats, StreamStats
from edge.outbox.store import Row

__all__ = ["Outbox", "Row", "Stats", "StreamStats"]
