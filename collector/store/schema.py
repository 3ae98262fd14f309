"""The tables of the store.

One file, ``store.db``. A record's row keeps the bytes it arrived as (``body``) with their hash; nothing ever changes them. ``id`` grows in
the order of commitment and is what the sink's cursor counts. ``standing`` says how the row stands on the time axis, see `Standing`.
The view ``records`` is for people and for checks with any SQLite tool.
"""

from __future__ import annotations

from enum import IntEnum

VERSION = 1
PAGE_BYTES = 8_192
"""Large enough that most bodies lie in one page: quicker to write, and they can be found in the raw bytes of a damaged file."""
BUCKET_MS = 1_800_000
"""Length of a rollup bucket."""


class Standing(IntEnum):
    """How a record's row stands among the rows of its station, stream and time."""

    SUPERSEDED = 0
    """another row (higher version, or newer) holds this time; this one is kept but not shown"""
    ALONE = 1
    WINNER = 2
    """others of the same time are superseded by this row"""
    OFF_AXIS = 3
    """stamped by an unset clock: kept and exported, but it has no place on a time axis"""


SCHEMA = """
create table if not exists meta(key text primary key, value text not null) without rowid;
create table if not exists station(id integer primary key, name text not null unique, birth blob, birth_ms integer, heard_ms integer);
create table if not exists stream(id integer primary key, name text not null unique);
create table if not exists record(
  id integer primary key,
  station_id integer not null, stream_id integer not null, epoch integer not null, seq integer not null,
  t integer not null, dt integer not null, version integer not null, standing integer not null,
  received_ms integer not null, hash text not null, body blob not null);
create unique index if not exists record_number on record(station_id, stream_id, epoch, seq);
create index if not exists record_time on record(station_id, stream_id, t);
create table if not exists series(
  station_id integer not null, stream_id integer not null, name text not null, primary key(station_id, stream_id, name)) without rowid;
create table if not exists rollup(
  station_id integer not null, stream_id integer not null, bucket integer not null, data blob not null,
  primary key(station_id, stream_id, bucket)) without rowid;
create table if not exists ledger(
  station_id integer not null, stream_id integer not null, epoch integer not null, committed blob not null,
  primary key(station_id, stream_id, epoch)) without rowid;
create table if not exists declared(
  station_id integer not null, stream_id integer not null, epoch integer not null, first integer not null, last integer not null,
  kind text not null, reason text not null, t integer not null,
  primary key(station_id, stream_id, epoch, first, last, kind)) without rowid;
create table if not exists replaced(
  station_id integer not null, stream_id integer not null, epoch integer not null, seq integer not null, version integer not null,
  primary key(station_id, stream_id, epoch, seq)) without rowid;
create table if not exists conflict(
  id integer primary key, station_id integer not null, stream_id integer not null, epoch integer not null, seq integer not null,
  hash text not null, body blob not null, first_ms integer not null, last_ms integer not null, count integer not null,
  unique(station_id, stream_id, epoch, seq, hash));
create table if not exists parked(
  id integer primary key, station text not null, reason text not null, topic text not null, digest text not null,
  explanation text not null, payload blob not null, size integer not null,
  first_ms integer not null, last_ms integer not null, count integer not null, unique(topic, reason, digest));
create table if not exists sink(name text primary key, cursor integer not null) without rowid;
create table if not exists sink_parked(
  id integer primary key, sink text not null, record integer not null, line text not null, reason text not null, t_ms integer not null,
  unique(sink, record));
create view if not exists records as
  select record.id as id, station.name as station, stream.name as stream, epoch, seq, t, dt, version, standing, hash, body
  from record join station on station.id = record.station_id join stream on stream.id = record.stream_id;
"""
