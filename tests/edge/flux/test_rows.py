"""Delimited rows: the quick ways and the careful one give the same numbers, and nothing they meet is believed by halves."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edge.archive.rows
from edge.archive.rows import MISSING_WORDS, NUMBER, read_rows


def plainly(body: bytes, width: int, delimiter: bytes = b",") -> tuple[list[list[float]], int, int]:
    """What `read_rows` promises, field by field."""
    rows, unreadable, ragged = [], 0, 0
    for line in body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        if not line.strip():
            continue
        fields = line.split(delimiter)
        while len(fields) > width and not fields[-1].strip():
            fields.pop()
        if len(fields) != width:
            ragged += 1
            rows.append([math.nan] * width)
            continue
        row = []
        for field in (f.strip().strip(b'"').strip() for f in fields):
            number = float(field) if NUMBER.match(field) else math.nan
            unreadable += math.isnan(number) and field.lower() not in MISSING_WORDS
            row.append(number if math.isfinite(number) else math.nan)
        rows.append(row)
    return rows, unreadable, ragged


def test_worked_example() -> None:
    assert doctest.testmod(edge.archive.rows).failed == 0


FIELD = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["", " ", "NAN", '"NAN"', "nan", "-9999", "+1.5", ".5", "5.", "007", "1e5", "1e999", "x", "1_000", "0x1", "null", "true", "[1", "1]", "-", "١", "1 2"]),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(FIELD, min_size=3, max_size=3), max_size=12), st.sampled_from([",", "\t", ";"]), st.sampled_from(["\n", "\r\n"]))
def test_every_way_gives_the_numbers_of_the_careful_one(table: list[list[str]], delimiter: str, newline: str) -> None:
    body = newline.join(delimiter.join(row) for row in table).encode()
    found = read_rows(body, delimiter.encode(), 3, range(3))
    rows, unreadable, ragged = plainly(body, 3, delimiter.encode())
    np.testing.assert_array_equal(found.values, np.array(rows).reshape(-1, 3).T)
    assert (found.unreadable, found.ragged) == (unreadable, ragged)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 5))
def test_any_bytes_give_an_array(body: bytes, width: int) -> None:
    found = read_rows(body, b",", width, range(width), [0])
    assert found.values.shape[0] == width
    assert found.texts[0].size == found.values.shape[1]
    assert not np.isinf(found.values).any()


def test_one_bad_row_among_many_costs_only_itself() -> None:
    lines = [f"{i},{i}.5" for i in range(20_000)]
    lines[7_000], lines[12_345] = "7000,x", "12345"
    found = read_rows("\n".join(lines).encode(), b",", 2, [0, 1])
    assert (found.unreadable, found.ragged) == (1, 1)
    assert np.flatnonzero(np.isnan(found.values[0])).tolist() == [12_345]
    assert np.flatnonzero(np.isnan(found.values[1])).tolist() == [7_000, 12_345]
    assert found.values[1][19_999] == 19_999.5


@pytest.mark.parametrize("word", ["NAN", '"NAN"', '"INF"', "", "nan", "NaN"])
def test_words_for_missing_are_no_faults(word: str) -> None:
    found = read_rows(f"1,{word},3\n4,5,{word}\n{word},8,9".encode(), b",", 3, [0, 1, 2])
    assert found.unreadable == 0
    np.testing.assert_array_equal(found.values, [[1, 4, np.nan], [np.nan, 5, 8], [3, np.nan, 9]])


def test_a_row_that_lost_a_field_to_its_neighbour_is_not_taken_for_two_good_ones() -> None:
    found = read_rows(b"1,2,3\n4,5\n6,7,8,9\n10,11,12", b",", 3, [0, 1, 2])
    assert found.ragged == 2
    assert found.values[0].tolist()[::3] == [1.0, 10.0]
    assert np.isnan(found.values[:, 1:3]).all()


def test_columns_nobody_wants_may_hold_anything() -> None:
    body = b"\n".join(f'"2020-01-01 00:00:{i:02d}",{i}.25,{"abc" if i % 7 else ""},{i}'.encode() for i in range(60))
    found = read_rows(body, b",", 4, [1, 3], [0])
    assert found.unreadable == 0
    assert found.values.tolist() == [[i + 0.25 for i in range(60)], [float(i) for i in range(60)]]
    assert found.texts[0][59] == b"2020-01-01 00:00:59"
