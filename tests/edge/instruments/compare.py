"""How decoded records are held against what they should be."""

import json
from pathlib import Path
from typing import Any

from edge.instruments.quality import listed, quality_of

TOLERANCE = 3e-6
"""relative; of the sample sets"""


def sampled() -> list[str]:
    """Models whose quality list says that their sample set decodes. One that was added without a sample set has its own cases."""
    return sorted(model for model in listed() if quality_of(model)["decodes_samples"] == "done")


def agrees(found: Any, expected: Any) -> bool:
    """Every expected value is there, of the same kind, floats within the tolerance. More values than expected are no fault."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(name in found and agrees(found[name], value) for name, value in expected.items())
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(agrees, found, expected))
    if isinstance(expected, float):
        return isinstance(found, int | float) and abs(found - expected) <= TOLERANCE * abs(expected)
    return type(found) is type(expected) and found == expected


def sidecar(path: Path) -> list[dict[str, Any]]:
    """What each line of a sample set or case means, one entry per expected record: line_no, valid, expect."""
    entries = []
    for record in json.loads(path.read_text(encoding="utf-8"))["records"]:
        for expect in record["expect"].get("list", [record["expect"]]):
            entries.append({"line_no": record["line_no"], "valid": record["valid"], "expect": expect})
    return entries


def differences(results: list[dict[str, Any]], expected: list[dict[str, Any]]) -> list[str]:
    """Where decoding and sidecar disagree, in words; empty when they agree record by record."""
    if [result["line_no"] for result in results] != [entry["line_no"] for entry in expected]:
        return [f"records on lines {[r['line_no'] for r in results]}, expected on {[e['line_no'] for e in expected]}"]
    found = []
    for result, entry in zip(results, expected, strict=True):
        where = f"line {entry['line_no']}"
        if result["valid"] is not entry["valid"]:
            found.append(f"{where}: valid is {result['valid']} ({result['reason']}), expected {entry['valid']}")
        if bool(result["reason"]) is result["valid"]:
            found.append(f"{where}: a reason belongs to what is not valid, and only to that: {result['reason']!r}")
        if not entry["expect"] and result["values"]:
            found.append(f"{where}: must be rejected, gave {result['values']}")
        if not agrees(result["values"], entry["expect"]):
            found.append(f"{where}: gave {result['values']}, expected {entry['expect']}")
    return found
