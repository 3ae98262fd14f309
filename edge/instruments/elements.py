"""Records of elements (LI-COR's XML): ``<li850><data><co2>4.2e2</co2>…</data></li850>`` to fields by name.

The order and the letter case of the elements do not matter; what is not well-formed is refused whole. No attributes, no entities: the
instruments have none, and a general reader of XML has no place on an instrument's line.
"""

from __future__ import annotations

import re
from typing import Any

from edge.instruments.converters import converter, to_float
from edge.instruments.layouts import unreadable
from edge.instruments.reading import Decoded, Ignored, Rejected
from firmware_config.cards.schema import Card

_TOKEN = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9_]*)>|([^<>]+)")
_DEEPEST = 8

Tree = dict[str, Any]
"""lower-case name → text of a leaf, or the tree below"""


class ElementsDecoder:
    """One record to fields. The card names the elements under the root that are records; every other is an answer or a setting."""

    def __init__(self, card: Card) -> None:
        assert card.text is not None
        self._convert = {name: converter(spec) for name, spec in card.fields.items()}
        self._kinds = card.text.kinds

    def decode(self, body: bytes) -> Decoded | Rejected | Ignored:
        text = body.decode("ascii", "replace")
        tree = parse(text)
        if isinstance(tree, str):
            return Rejected("not well-formed", f"{text[:24]!r}: {tree}")
        (content,) = tree.values()
        kind = next((kind for kind in self._kinds if isinstance(content, dict) and kind in content), None)
        if kind is None:
            inside = ", ".join(content) if isinstance(content, dict) else content
            return Ignored(f"{inside[:40]!r}: an answer or a setting, not data", {})
        found = content[kind]
        if found == "?":
            return Ignored(f"the question for {kind}", {})
        if not found or (isinstance(found, str) and kind not in self._convert):
            return Rejected("layout", f"{kind} holds no values: {str(found)[:16]!r}")
        return self._fill(kind, found if isinstance(found, dict) else {kind: found})

    def _fill(self, kind: str, leaves: Tree) -> Decoded | Rejected:
        values: dict[str, Any] = {}
        for name, sent in leaves.items():
            convert = self._convert.get(name)
            try:
                values[name] = convert((sent,), 0) if convert is not None and isinstance(sent, str) else _free(sent)
            except ValueError as error:
                return unreadable(name, error)
        return Decoded(kind, values, {})


def parse(text: str) -> Tree | str:
    """The elements of a text that is one element, or what is wrong with it.

    >>> parse("<A><B>1</b><C>x</C></A>")
    {'a': {'b': '1', 'c': 'x'}}
    >>> parse("<a><b>1</a>")
    '</a> closes b'
    """
    top: Tree = {}
    open_elements: list[tuple[str, Tree, list[str]]] = [("", top, [])]
    at = 0
    for token in _TOKEN.finditer(text):
        if token.start() != at:
            break
        at = token.end()
        closes, tag, words = token.groups()
        name, tree, texts = open_elements[-1]
        if words is not None:
            texts.append(words.strip())
        elif not closes:
            open_elements.append((tag.lower(), {}, []))
            if len(open_elements) > _DEEPEST:
                return "too deep"
        elif tag.lower() != name:
            return f"</{tag[:16]}> closes {name[:16] or 'nothing'}"
        else:
            open_elements.pop()
            said = "".join(texts)
            parent = open_elements[-1][1]
            if name in parent or (tree and said):
                return f"{name[:16]} stands twice" if name in parent else f"text beside the elements of {name[:16]}"
            parent[name] = tree or said
    if at != len(text):
        return f"{text[at : at + 8]!r} is no element"
    return top if len(open_elements) == 1 and len(top) == 1 and not "".join(open_elements[0][2]) else "not one whole element"


def _free(sent: str | Tree) -> Any:
    """A value of a name the card does not know: number, text, or what is below it."""
    if isinstance(sent, dict):
        return {name: _free(below) for name, below in sent.items()}
    try:
        return to_float(sent)
    except ValueError:
        return sent
