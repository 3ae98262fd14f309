"""The ``decode`` command: opens the input, prints one JSON object a record."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

import msgspec
import yaml

from edge.errors import InstrumentError
from edge.instruments.decode import MAX_LINE_BYTES, bench_driver, decode_lines, decode_raw, takes_bench_coefficients
from firmware_config.cards import load_card, read_card


def parse_options(given: list[str]) -> dict[str, float | str | bool]:
    """``name=value`` pairs; values are read as in a station file."""
    options: dict[str, float | str | bool] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InstrumentError(f"option {text!r}: write it as name=value, for example analyser=li7200")
        options[name] = yaml.safe_load(value) if value else ""
    return options


def run_decode(model: str, file: str, *, raw: bool, options: list[str]) -> None:
    """Print the records of ``file`` (``-``: standard input). ``model`` is the name of a card or the path of one. ContractError,
    InstrumentError or OSError when there is nothing to decode with."""
    card = read_card(Path(model)) if model.endswith((".yaml", ".yml")) else load_card(model)
    given = parse_options(options)
    driver = bench_driver(card, given)
    if card.calibration is not None and takes_bench_coefficients(card, given):
        named = " ".join(f"{name}={value:g}" for name, value in card.calibration.bench.items())
        print(f"coefficients of the bench: {named}; give those of your unit with --option NAME=VALUE", file=sys.stderr)
    encode = msgspec.json.Encoder().encode
    with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as source:
        results = decode_raw(driver, _chunks(source)) if raw else decode_lines(driver, _lines(source))
        try:
            for result in results:
                sys.stdout.buffer.write(encode(result) + b"\n")
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            sys.stderr.close()  # the reader had enough (head); Python would complain again at exit


def _lines(source: BinaryIO) -> Iterator[bytes]:
    """Lines, none longer than just beyond the limit: the rest of a longer one is passed over."""
    while line := source.readline(MAX_LINE_BYTES + 2):
        whole = line
        while not line.endswith(b"\n") and len(line) > MAX_LINE_BYTES:
            if not (line := source.readline(MAX_LINE_BYTES + 2)):
                break
        yield whole


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while chunk := source.read(65_536):
        yield chunk
