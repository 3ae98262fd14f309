"""Problems of a YAML document, each led back to its file, line and key, with what is allowed and what was probably meant.

Used for station files and instrument cards: read the document, let pydantic judge its shape, let the caller judge its sense, and hand all
problems over at once. A problem reads ``FILE:LINE: KEY: VALUE: what is wrong; allowed: …; did you mean …?``.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from firmware_config.base.files import read_regular

KeyPath = tuple[str | int, ...]
MAX_FILE_BYTES = 1_000_000
MOST_DIGITS = 100
"""characters of a number in a document. Python writes no integer of more than 4300 digits, which hexadecimal gets past its reader."""
MOST_SHOWN = 200
"""characters of a wrong value that a problem repeats"""


@dataclass
class Report:
    """Collects problems of one YAML document and knows the line of each key."""

    path: Path
    root: yaml.Node | None = None
    problems: list[str] = field(default_factory=list)

    def add(self, where: KeyPath, text: str, *, allowed: Iterable[str] = (), meant: str | None = None) -> None:
        allowed = list(allowed)
        parts = [text]
        if allowed:
            parts.append("allowed: " + ", ".join(allowed))
        if meant:
            parts.append(f"did you mean {meant!r}?")
        self.problems.append(f"{self.path}:{self.line(where)}: {spell(where)}: " + "; ".join(parts))

    def line(self, where: KeyPath) -> int:
        """The line of the deepest part of ``where`` that the file has (1-based)."""
        node, line = self.root, 1
        for step in where:
            if isinstance(node, yaml.MappingNode):
                for key, value in node.value:
                    if key.value == str(step):
                        node, line = value, key.start_mark.line + 1
                        break
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line + 1
        return line

    def nearest(self, where: KeyPath, text: str, value: object, choices: Iterable[str]) -> None:
        """A value that names nothing: say which there are and which was probably meant."""
        choices = sorted(choices)
        word = value[:MOST_SHOWN] if isinstance(value, str) else show(value)
        self.add(where, f"{show(value)}: {text}", allowed=choices, meant=closest(word, choices))


def show(value: object) -> str:
    """A wrong value as a problem repeats it, short enough to read."""
    try:
        text = repr(value)
    except ValueError:  # an integer that Python writes out for nobody
        return "a number of thousands of digits"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}… ({len(text)} characters)"


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like ``word``, if any is."""
    found = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return found[0] if found else None


def spell(where: KeyPath) -> str:
    """A place in the document as a person writes it: ``links[0].port``."""
    text = ""
    for step in where:
        text += f"[{step}]" if isinstance(step, int) else (f".{step}" if text else step)
    return text or "(file)"


def _models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model class that may stand at an annotation (through unions, lists, optionals)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif typing.get_origin(annotation) in {typing.Union, types.UnionType, list, dict, typing.Annotated, tuple}:
        for inner in typing.get_args(annotation):
            yield from _models_of(inner)


def _known_keys(root: type[BaseModel], where: KeyPath, node: yaml.Node | None) -> set[str]:
    """The keys allowed in the mapping at ``where``; for a union, those of the branch its ``kind`` names."""
    models: list[type[BaseModel]] = [root]
    for step in where:
        kind = None
        if isinstance(node, yaml.MappingNode):
            node = next((v for k, v in node.value if k.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
        if isinstance(node, yaml.MappingNode):
            kind = next((v.value for k, v in node.value if k.value == "kind"), None)
        if isinstance(step, str):
            fields = [f for m in models for n, f in m.model_fields.items() if step in {n, f.alias}]
            models = [inner for f in fields for inner in _models_of(f.annotation)] or models
        if kind is not None:
            branches = [m for m in models if "kind" in m.model_fields]
            models = [m for m in branches if kind in typing.get_args(m.model_fields["kind"].annotation)] or models
    return {f.alias or n for m in models for n, f in m.model_fields.items()}


def shape_problems(report: Report, root: type[BaseModel], error: ValidationError, tags: Iterable[str] = ()) -> None:
    """Put pydantic's findings into the report. ``tags``: names of union branches, which pydantic inserts after a list index."""
    hidden = {*tags, "float", "str", "bool", "int"}
    for problem in error.errors(include_url=False):
        loc = problem["loc"]
        where = tuple(step for i, step in enumerate(loc) if not (step in hidden and i and isinstance(loc[i - 1], int)))
        shown = problem.get("input")
        value = f"{show(shown)}: " if not isinstance(shown, dict | list) else ""
        kind = problem["type"]
        if kind == "extra_forbidden":
            report.nearest(where, "no such key here", where[-1], _known_keys(root, where[:-1], report.root))
        elif kind == "missing":
            report.add(where, "this key is missing; add it")
        elif kind == "literal_error":
            choices = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
            report.nearest(where, "not one of the allowed values", shown, choices)
        elif kind == "union_tag_invalid":
            choices = re.findall(r"'([^']*)'", problem["ctx"]["expected_tags"])
            report.nearest((*where, "kind"), "not a known kind", problem["ctx"]["tag"], choices)
        else:
            limits = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
            context = problem.get("ctx", {})
            allowed = [f"{limits[k]} {v}" for k, v in context.items() if k in limits]
            if kind == "string_pattern_mismatch":
                allowed = [f"text matching {context['pattern']}"]
            message = str(context["error"]) if "error" in context else problem["msg"]
            report.add(where, value + message, allowed=allowed)


class _PlainLoader(yaml.SafeLoader):
    """Refuses aliases: a few lines of them can stand for more data than fits in memory."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, "aliases (*name) are not used in these files; write the value out", event.start_mark
            )
        return super().compose_node(parent, index)


def read_yaml(path: Path, report: Report, what: str, *, aliases: bool = False) -> Any:
    """The document, or None with the reason in the report. A key that stands twice is a problem, reported, and its last value is read, so
    that the rest can be judged too; an alias is refused unless ``aliases``."""
    try:
        text = read_regular(path, MAX_FILE_BYTES).decode()
        report.root = yaml.compose(text, Loader=yaml.SafeLoader if aliases else _PlainLoader)
        _look_at_keys(report, report.root, (), set())
        return _loaded(text)
    except OSError as error:
        report.add((), f"cannot be read as {what}: {error.strerror}")
    except UnicodeDecodeError as error:
        report.add((), f"is not UTF-8 text: {error}")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f":{mark.line + 1}" if mark else ""
        report.problems.append(f"{path}{at}: not valid YAML: {getattr(error, 'problem', None) or error}")
    return None


def _loaded(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (LookupError, AttributeError, ArithmeticError) as error:  # what PyYAML's constructors meet in `!!int ""` or `!!bool maybe`
        raise ValueError("a value is not of the type that its tag (!!…) names; leave the tag out") from error


def _look_at_keys(report: Report, node: yaml.Node | None, where: KeyPath, seen_nodes: set[int]) -> None:
    """YAML lets a later key silently win, and takes a list for a key; here both are errors. A part that aliases share is looked at once.
    A number too long to be one ends the reading."""
    if node is None or id(node) in seen_nodes:
        return
    seen_nodes.add(id(node))
    _look_at_number(node)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                report.problems.append(f"{report.path}:{key.start_mark.line + 1}: {spell(where)}: a key is a word, not a list or a mapping")
                continue
            if key.value in seen:
                report.problems.append(f"{report.path}:{key.start_mark.line + 1}: {spell((*where, key.value))}: this key stands twice")
            seen.add(key.value)
            _look_at_number(key)
            _look_at_keys(report, value, (*where, key.value), seen_nodes)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            _look_at_keys(report, value, (*where, i), seen_nodes)


def _look_at_number(node: yaml.Node) -> None:
    if node.tag in {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"} and len(node.value) > MOST_DIGITS:
        problem = f"a number of {len(node.value)} characters; write at most {MOST_DIGITS}"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
