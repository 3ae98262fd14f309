"""The quality list: what every driver must be, and what each is. Data (``rules.yaml``, ``<model>.yaml``) and how it is read.

Promises: a model's list names every rule once, as done or as exempt for a reason that the rule knows. Does not check that it is true: the
test suite does, rule by rule and both ways, so that nothing can be ticked that is not proved.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from edge.errors import InstrumentError

_STRICT = ConfigDict(extra="forbid", frozen=True)


class Words(BaseModel):
    """One text in both languages."""

    model_config = _STRICT
    en: str
    zh: str


class Rule(BaseModel):
    """One rule. ``proved``: by what; ``exempt``: the reasons for which a model may be exempt."""

    model_config = _STRICT
    id: str
    title: Words
    sentence: Words
    proved: str
    exempt: dict[str, Words] = {}


class Exempt(BaseModel):
    """A rule that cannot hold for a model, and which of the rule's reasons that has."""

    model_config = _STRICT
    exempt: str


Mark = Literal["done"] | Exempt
_RULES: TypeAdapter[list[Rule]] = TypeAdapter(list[Rule])
_MARKS: TypeAdapter[dict[str, Mark]] = TypeAdapter(dict[str, Mark])


def _text(name: str) -> Any:
    return yaml.safe_load(files(__package__).joinpath(name).read_text(encoding="utf-8"))


@cache
def rules() -> tuple[Rule, ...]:
    """All rules in their order."""
    return tuple(_RULES.validate_python(_text("rules.yaml")))


def listed() -> list[str]:
    """Models that have a list."""
    return sorted(
        one.name.removesuffix(".yaml") for one in files(__package__).iterdir() if one.name.endswith(".yaml") and one.name != "rules.yaml"
    )


@cache
def quality_of(model: str) -> dict[str, Mark]:
    """Rule → done, or exempt with its reason. InstrumentError when there is no list or it is not in order."""
    if model not in listed():
        how = f"pytest tests/edge/instruments/test_quality.py -k 'in_order and {model}' prints what to write there"
        raise InstrumentError(f"{model} has no quality list: edge/instruments/quality/{model}.yaml is not there; {how}")
    try:
        marks = _MARKS.validate_python(_text(f"{model}.yaml"))
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, one['loc'][:1]))}: {one['msg']}" for one in error.errors())
        raise InstrumentError(f"quality/{model}.yaml: {found}") from None
    known = {rule.id: rule for rule in rules()}
    problems = [f"{name}: no such rule" for name in marks if name not in known]
    problems += [f"{name}: is not said" for name in known if name not in marks]
    problems += [
        f"{name}: {mark.exempt!r} is no reason of this rule; there are: {', '.join(known[name].exempt) or 'none'}"
        for name, mark in marks.items()
        if isinstance(mark, Exempt) and name in known and mark.exempt not in known[name].exempt
    ]
    if problems:
        raise InstrumentError(f"quality/{model}.yaml: {'; '.join(problems)}")
    return marks


def text_of(marks: dict[str, Mark]) -> str:
    """A model's list as its file has it, in the order of the rules."""
    lines = []
    for rule in rules():
        mark = marks[rule.id]
        lines.append(f"{rule.id}: {mark if isinstance(mark, str) else f'{{exempt: {mark.exempt}}}'}\n")
    return "".join(lines)
