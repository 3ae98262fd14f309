"""What ``haitan-edge instruments`` prints: every model with its grade and quality, or one model rule by rule, in English or Chinese.

For a station team that chooses sensors: what is exempt, and why, is as much worth knowing as what is done.
"""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from edge.instruments.quality import Exempt, Words, listed, quality_of, rules
from firmware_config.cards import Card, all_cards, load_card
from firmware_config.cards.schema import Title

HEADINGS = {
    "what": Words(en="instrument", zh="仪器"),
    "role": Words(en="role", zh="用途"),
    "grade": Words(en="grade", zh="等级"),
    "quality": Words(en="quality", zh="质量"),
    "model": Words(en="model", zh="型号"),
    "rule": Words(en="rule", zh="规则"),
    "says": Words(en="what it says", zh="内容"),
    "unsure": Words(en="to be confirmed on the unit", zh="需在实物上确认"),
}
ROLES = {
    "sonic": "超声风速",
    "gas_analyser": "气体分析",
    "sonic_gas": "风速与气体",
    "pco2": "二氧化碳分压",
    "oxygen": "溶解氧",
    "pressure": "压力",
    "weather": "气象",
    "position": "定位",
    "power": "电源",
    "co2_air": "大气二氧化碳",
    "level": "水位",
    "radiation": "辐射",
    "motion": "姿态运动",
    "water_quality": "水质",
    "current": "海流",
}


def print_instruments(console: Console, model: str | None, *, chinese: bool) -> None:
    """The overview, or one model. ContractError when there is no such card, InstrumentError when a list is not in order."""
    if model is None:
        console.print(overview(chinese=chinese))
        return
    card = load_card(model)
    console.print(of_model(card, chinese=chinese))
    if card.unsure:
        console.print(f"{_say(HEADINGS['unsure'], chinese)}:")
        for fact in card.unsure:
            console.print(f"  {fact}", markup=False)


def overview(*, chinese: bool) -> Table:
    """One row a model, by role; a card that has no quality list yet says so with a dash."""
    table = _table(["model", "what", "role", "grade", "quality"], chinese)
    for card in sorted(all_cards().values(), key=lambda card: (card.role, card.model)):
        marks = quality_of(card.model) if card.model in listed() else {}
        done = sum(mark == "done" for mark in marks.values())
        role = ROLES[card.role] if chinese else card.role.replace("_", " ")
        table.add_row(card.model, _say(card.title, chinese), role, card.grade, f"{done}/{len(marks)}" if marks else "–")
    return table


def of_model(card: Card, *, chinese: bool) -> Table:
    """One row a rule: done, or why not."""
    table = _table(["rule", "says"], chinese)
    table.title = f"{_say(card.title, chinese)} ({card.model}, {_say(HEADINGS['grade'], chinese)} {card.grade})"
    marks = quality_of(card.model)
    for rule in rules():
        mark = marks[rule.id]
        if isinstance(mark, Exempt):
            table.add_row(f"[yellow]–[/yellow] {_say(rule.title, chinese)}", _say(rule.exempt[mark.exempt], chinese))
        else:
            table.add_row(f"[green]✓[/green] {_say(rule.title, chinese)}", _say(rule.sentence, chinese))
    return table


def _table(names: list[str], chinese: bool) -> Table:
    table = Table(title_justify="left", box=box.SIMPLE_HEAD)
    for name in names:
        table.add_column(_say(HEADINGS[name], chinese), overflow="fold", no_wrap=name == "model")
    return table


def _say(words: Words | Title, chinese: bool) -> str:
    return words.zh if chinese else words.en
