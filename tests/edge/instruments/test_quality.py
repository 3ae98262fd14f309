"""The quality list is true: for every model and rule the evidence says what its list declares, done or exempt for that reason.

Cards broken on purpose show that the checkers see it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from edge.cli import main
from edge.errors import InstrumentError
from edge.instruments import quality
from edge.instruments.quality import Exempt, Mark, listed, quality_of, rules, text_of
from edge.instruments.quality.table import ROLES
from firmware_config.cards import Card, all_cards, load_card
from firmware_config.cards.schema import Role
from simulators.instruments import MODELS as SIMULATED
from tests.bench import decode as cost
from tests.conftest import SAMPLES
from tests.edge.instruments.quality_checks import BY_CONTRACT, CHECKS, DONE, Evidence, NotProved, prove
from tests.simulators.contract import recording

MODELS = sorted(all_cards())


BY_SAMPLES = ("decodes_samples", "rejects_faulty_samples")
"""The rules whose evidence may lie outside the repository."""


def _claims_samples(model: str) -> bool:
    """Its list says that the sample sets hold it: without them that cannot be looked at. Any other rule is proved everywhere."""
    try:
        return model in listed() and quality_of(model)[BY_SAMPLES[0]] == "done"
    except (InstrumentError, KeyError):
        return False


def every_rule() -> Iterator[Any]:
    """Model and rule; those that the contract run proves stay with it."""
    for model in MODELS:
        for rule in rules():
            marks = [pytest.mark.xdist_group("contract"), pytest.mark.timeout(400)] if rule.id in BY_CONTRACT else []
            if rule.id in BY_SAMPLES and _claims_samples(model):
                marks.append(pytest.mark.needs("samples"))
            yield pytest.param(model, rule.id, marks=marks, id=f"{model}-{rule.id}")


@pytest.fixture(autouse=True)
def short_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "MEASURED_S", 0.003)


def found_of(card: Card, rule: str) -> Mark:
    """What the evidence says; NotProved when it says neither done nor exempt."""
    found = prove(Evidence(card, SAMPLES, recording), rule)
    return "done" if found == DONE else Exempt(exempt=found)


def test_every_role_has_its_chinese() -> None:
    assert set(ROLES) == set(get_args(Role))


def test_every_rule_has_its_checker() -> None:
    assert [rule.id for rule in rules()] == list(CHECKS)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_list_in_order(model: str) -> None:
    if model not in listed():
        marks: dict[str, Mark] = {}
        for rule in rules():
            by_contract = rule.id in BY_CONTRACT and model in SIMULATED
            marks[rule.id] = "done" if by_contract else found_of(load_card(model), rule.id)
        said = f"write edge/instruments/quality/{model}.yaml; what the contract run proves is said to be done, see whether it is:\n{text_of(marks)}"
        pytest.fail(said, pytrace=False)
    assert quality_of(model).keys() == CHECKS.keys()


def test_no_list_is_without_its_card() -> None:
    assert set(listed()) <= set(MODELS)


@pytest.mark.parametrize(("model", "rule"), list(every_rule()))
def test_what_is_declared_is_what_is_proved(model: str, rule: str) -> None:
    assert found_of(load_card(model), rule) == quality_of(model)[rule]


class TestTheCheckersSee:
    """Each a card with one thing broken, or a declaration that is not true."""

    def broken(self, named: str, /, **changes: Any) -> Card:
        return load_card(named).model_copy(update=changes)

    @pytest.mark.needs("samples")
    def test_a_wrong_scale(self) -> None:
        card = load_card("keller_series30_modbus")
        assert card.modbus is not None
        registers = [one.model_copy(update={"scale": 1.001}) if one.field == "p1_bar" else one for one in card.modbus.registers]
        broken = self.broken("keller_series30_modbus", modbus=card.modbus.model_copy(update={"registers": registers}))
        with pytest.raises(NotProved, match="gave"):
            found_of(broken, "decodes_samples")

    def test_a_record_whose_check_sum_is_no_longer_looked_at(self) -> None:
        card = load_card("ec100_irgason_ascii")
        assert card.text is not None
        layouts = [layout.model_copy(update={"count": 14, "or_more": True}) for layout in card.text.layouts]
        broken = self.broken("ec100_irgason_ascii", text=card.text.model_copy(update={"frame": "line", "layouts": layouts}))
        with pytest.raises(NotProved, match="a bit turned over passes"):
            found_of(broken, "checksum")

    def test_a_model_that_neither_sample_sets_nor_bench_hold(self) -> None:
        """What whoever adds an instrument begins with: nothing is done that only a sample set or a simulated instrument proves."""
        card = self.broken("metek_usonic3_ascii", model="nobody_has_it")
        assert found_of(card, "decodes_samples") == Exempt(exempt="no_samples")
        assert found_of(card, "own_status") == Exempt(exempt="not_simulated")
        with pytest.raises(NotProved, match="neither sample set nor cases"):
            found_of(card, "rejects_faulty_samples")

    def test_limits_that_are_gone(self) -> None:
        assert found_of(load_card("metek_usonic3_ascii"), "has_limits") == "done"
        assert found_of(self.broken("metek_usonic3_ascii", rules=[]), "has_limits") == Exempt(exempt="station_range")

    @pytest.mark.parametrize(
        ("model", "key", "value", "rule"),
        [
            ("gill_windmaster_ascii", "unsure", [], "accuracy"),
            ("gps_nmea0183", "sources", [], "doubts_marked"),
            ("csat3_rs232_binary", "diagnostics", {}, "diagnostic_words"),
            ("metek_usonic3_ascii", "settings", [], "settings_read"),
            ("gill_windmaster_ascii", "settings", [], "settings_set"),
            ("sunburst_sami2_pco2", "calibration", None, "calibration"),
            ("vaisala_wxt536_ascii", "accuracy", {}, "accuracy"),
        ],
    )
    def test_what_a_card_no_longer_says(self, model: str, key: str, value: Any, rule: str) -> None:
        """A declaration that holds for the card as it is does not hold for the card without it: it cannot be ticked by name."""
        assert quality_of(model)[rule] == "done"
        try:
            assert found_of(self.broken(model, **{key: value}), rule) != "done"
        except NotProved:
            return

    def test_an_instrument_that_the_bench_does_not_have(self) -> None:
        """A card and its cases are enough to begin with; what only a simulated instrument can prove is then not claimed."""
        card = self.broken("keller_series30_modbus", model="new_probe_modbus")
        assert found_of(card, "faults_simulated") == found_of(card, "truth_recovered") == Exempt(exempt="not_simulated")

    def test_a_unit_that_is_gone(self) -> None:
        card = load_card("metek_usonic3_ascii")
        fields = {name: spec.model_copy(update={"unit": ""}) for name, spec in card.fields.items()}
        with pytest.raises(NotProved, match="has no unit"):
            found_of(self.broken("metek_usonic3_ascii", fields=fields), "units_stated")

    @pytest.mark.xdist_group("contract")
    @pytest.mark.timeout(400)
    def test_a_fault_that_was_not_staged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run = recording()
        monkeypatch.setattr(run, "cases", [case for case in run.cases if (case.model, case.fault) != ("gps_nmea0183", "flip")])
        with pytest.raises(NotProved, match="not staged"):
            found_of(load_card("gps_nmea0183"), "faults_simulated")

    @pytest.mark.xdist_group("contract")
    @pytest.mark.timeout(400)
    def test_a_value_that_is_not_what_was_measured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run = recording()
        key = run.instrument_of("keller_series30_modbus")
        other = [(t_ms, row | {"pressure": row["pressure"] + 0.01}) for t_ms, row in run.measured[key]]
        monkeypatch.setitem(run.measured, key, other)
        with pytest.raises(NotProved, match="measured"):
            found_of(load_card("keller_series30_modbus"), "truth_recovered")


class TestAList:
    @pytest.fixture
    def of(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Read a list with one entry changed."""
        real = quality._text

        def read(**changes: Any) -> dict[str, Mark]:
            monkeypatch.setattr(quality, "_text", lambda name: real(name) | changes if name.startswith("gill_windmaster_a") else real(name))
            quality_of.cache_clear()
            return quality_of("gill_windmaster_ascii")

        yield read
        quality_of.cache_clear()

    def test_a_reason_that_the_rule_does_not_know_is_refused(self, of: Any) -> None:
        with pytest.raises(InstrumentError, match=r"checksum: 'too_hard' is no reason of this rule; there are: no_checksum"):
            of(checksum={"exempt": "too_hard"})

    def test_a_rule_that_cannot_be_escaped_is_refused(self, of: Any) -> None:
        with pytest.raises(InstrumentError, match="there are: none"):
            of(survives_garbage={"exempt": "too_hard"})

    def test_a_rule_that_does_not_exist_is_refused(self, of: Any) -> None:
        with pytest.raises(InstrumentError, match="is_blue: no such rule"):
            of(is_blue="done")

    def test_it_is_written_as_it_is_read(self) -> None:
        path = Path(quality.__file__).parent / "gill_windmaster_ascii.yaml"
        assert text_of(quality_of("gill_windmaster_ascii")) in path.read_text(encoding="utf-8")


class TestTheCommand:
    def test_every_model_with_what_it_reaches(self) -> None:
        said = CliRunner().invoke(main, ["instruments"], env={"COLUMNS": "220"}).stdout
        assert all(model in said for model in MODELS)
        marks = quality_of("metek_usonic3_ascii")
        assert f"{sum(mark == 'done' for mark in marks.values())}/{len(marks)}" in said

    @pytest.mark.parametrize(
        ("language", "title", "reason"), [((), "METEK", "its records carry none"), (("--zh",), "METEK", "记录不带校验和")]
    )
    def test_one_model_with_its_reasons(self, language: tuple[str, ...], title: str, reason: str) -> None:
        said = CliRunner().invoke(main, ["instruments", "metek_usonic3_ascii", *language], env={"COLUMNS": "200"}).stdout
        assert title in said
        assert reason in said

    def test_a_model_that_does_not_exist_is_named_with_the_nearest(self) -> None:
        result = CliRunner().invoke(main, ["instruments", "metek_usonic"])
        assert result.exit_code == 2
        assert "metek_usonic3_ascii" in result.stderr
