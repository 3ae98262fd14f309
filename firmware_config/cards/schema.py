"""The shape of an instrument card: what may stand in ``cards/<model>.yaml``.

A card is data. It names the link settings, how a record is cut out of the bytes and split (text, binary) or which registers are read
(Modbus), which decoded field is which quantity in which unit, and when a value is not valid. `firmware_config.cards` reads and checks
cards; `edge.instruments` executes them. Nothing here touches an instrument.

Attribute names are the YAML keys; unknown keys are refused. Modbus and binary records have modules of their own beside this one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from firmware_config.cards.base import STRICT, FieldName, Scalar, When
from firmware_config.cards.binary import BinaryFormat
from firmware_config.cards.modbus import ModbusMap
from firmware_config.cards.settings import CardSetting
from firmware_config.cards.sums import LineSum
from firmware_config.units import DurationMs

Role = Literal[
    "sonic",
    "gas_analyser",
    "sonic_gas",
    "pco2",
    "oxygen",
    "pressure",
    "weather",
    "position",
    "power",
    "co2_air",
    "level",
    "radiation",
    "motion",
    "water_quality",
    "current",
]
Protocol = Literal["delimited", "licor", "vaisala", "modbus", "elements", "sunburst", "binary"]
Frame = Literal["line", "line_sum", "line_signature", "stx_etx_xor", "nmea_xor", "vedirect"]
Grade = Literal["A", "B", "C"]
FieldKind = Literal["text", "int", "float", "number", "bool", "nmea_time", "nmea_latitude", "nmea_longitude"]


class CardModel(BaseModel):
    model_config = STRICT


class Title(CardModel):
    en: str
    zh: str


class LinkSettings(CardModel):
    """How the instrument leaves the factory; ``bauds`` are the speeds ``haitan-edge probe --search`` tries."""

    baud: int | None = Field(None, ge=300, le=921_600)
    format: Annotated[str, Field(pattern=r"^[78][NEO][12]$")] = "8N1"
    bauds: list[Annotated[int, Field(ge=300, le=921_600)]] = []
    tcp_port: int | None = Field(None, ge=1, le=65_535)
    record_bytes: int | None = Field(None, ge=1, le=8192)
    """of an instrument that may stream many records a second: bytes of the shortest record with what it measures"""


class Timing(CardModel):
    """Real time. ``answer``: wait this long for the first byte of an answer; ``answer_longest``: no answer has ever come later."""

    warm_up: DurationMs | None = None
    stable_after: DurationMs | None = None
    reading: DurationMs | None = None
    answer: DurationMs = 500
    answer_longest: DurationMs = 2_000


class Accuracy(CardModel):
    """Standard accuracy of a quantity: ``absolute`` in the registry's unit, ``relative`` as a share of the value."""

    absolute: float | None = Field(None, ge=0)
    relative: float | None = Field(None, ge=0)
    grade: Grade
    note: str = ""


class FieldSpec(CardModel):
    """One decoded field: its kind, unit, and what stands for "not available" (beside an empty text and NaN).

    Kind ``number`` is whole when it is printed whole, else a float. A field printed with its unit has it in ``unit`` or ``units``.
    """

    kind: FieldKind = "float"
    unit: str = ""
    scale: float = 1.0
    missing: str | None = None
    """pattern of a text that means: not available"""
    words: dict[str, Scalar] = {}
    """text → value; any other text does not read as this field"""
    units: dict[str, float | tuple[float, float]] = {}
    """unit as printed → factor (and what is added) to the field's own unit"""


class Pairs(CardModel):
    """Names with values: ``T=21.4`` in one column, or a name and its value in columns by turns."""

    begin: int = Field(0, ge=0, le=100)
    """the first column with a name; those before are taken by ``columns``"""
    assign: str = ""
    """what stands between name and value within a column; empty: the next column holds the value"""
    unit: Literal["none", "after_name", "after_value"] = "none"
    """``after_name``: Temperature[Deg.C] or Temperature(Deg.C); ``after_value``: 21.4 degC"""
    mark: str = Field("", max_length=1)
    """before a name: this value is in error (it is kept and not used; its name is listed under ``flagged``)"""
    names: dict[str, FieldName] = {}
    """name as printed → field, where they differ"""
    required: list[FieldName] = []
    """a record without one of these is not whole"""
    others: Literal["refuse", "keep", "skip"] = "refuse"
    """a name that is no field of the card: refuse the record, keep the value as text under the printed name, or pass over it"""


class Layout(CardModel):
    """One way a record is split; the first layout that fits a record is taken.

    One of: ``count`` and ``columns`` (between separators), ``spans`` (fixed columns), ``pattern`` (named groups are fields) or ``pairs``
    (names and values, with ``columns`` for what stands before them).
    """

    name: str
    separator: str | None = Field(None, min_length=1)
    count: int | None = Field(None, ge=1, le=500)
    or_more: bool = False
    match: dict[int, str] = {}
    """column → pattern its whole text must match"""
    alike: list[int] = []
    """columns that are printed with the same number of decimals, or none of them at all"""
    when: When = {}
    after: list[str] = []
    """taken only when the last record had one of these layouts"""
    columns: dict[str, int] = {}
    """field → column, counted from 0"""
    spans: dict[str, tuple[int, int]] = {}
    """field → characters [begin, end), counted from 0"""
    length: tuple[int, int] | None = None
    """of ``spans``: shortest and longest record in characters; none given: exactly to the last span's end"""
    pattern: str | None = None
    pairs: Pairs | None = None
    scales: dict[str, float] = {}
    """field → factor in this layout, where it differs from the field's own"""
    constants: dict[str, Scalar] = {}
    any_address: bool = False
    """not compared with the station file's address (what others say on the line)"""

    @model_validator(mode="after")
    def _one_way(self) -> Layout:
        ways = [bool(self.spans), self.pattern is not None, self.pairs is not None, bool(self.columns) and self.pairs is None]
        if sum(ways) != 1:
            raise ValueError("give one way to split a record: columns, spans, pattern or pairs (pairs may have columns before them)")
        if self.count is None and ways[3]:
            raise ValueError("columns go with count, the number of columns a record has")
        return self


class Derived(CardModel):
    """A field that the document computes from others: their product times ``scale``, rounded to ``digits`` decimals."""

    of: list[FieldName] = Field(min_length=1)
    scale: float = 1.0
    digits: int | None = Field(None, ge=0, le=12)


class TextFormat(CardModel):
    """Records of text. ``frame`` says how a record is found in the bytes and checked."""

    frame: Frame | None = None
    sum: LineSum | None = None
    """frame line_sum: what its checksum is"""
    separator: str = Field(",", min_length=1)
    """``blanks`` stands for any run of blanks"""
    lead: str | None = None
    """pattern of what stands before a record and is taken off (prompts, another device's time stamp); a record must begin so"""
    max_bytes: int = Field(512, ge=16, le=8192)
    flow_control: bool = False
    """frame line: XON and XOFF between the bytes are the port's talk, not the record's"""
    root: str = ""
    """protocol elements: pattern of the outermost element's name, in any case"""
    kinds: list[str] = []
    """protocol elements: elements directly under the root that are records, lower case; every other is an answer or a setting"""
    layouts: list[Layout] = []
    ignore: list[str] = []
    """patterns of intact records that are of no interest (other sentences, banners)"""
    address_field: FieldName | None = None
    """field that says who speaks; a record of another address than the station file gives is rejected"""
    default_address: str = ""
    only_address: bool = False
    """without an address in the station file only the default one is listened to"""
    request: str = ""
    """what to send for one record when option ``mode`` is ``polled``; ``{address}`` is filled in, ``{crc}`` is Vaisala's of that"""
    ask: dict[str, str] = {}
    """name → text that only asks (writes nothing), for ``haitan-edge probe``"""
    ask_ends_output: bool = False
    """any question ends what it prints by itself: it is asked nothing unless the station file says polled"""

    @model_validator(mode="after")
    def _sum_of_its_frame(self) -> TextFormat:
        if (self.frame == "line_sum") != (self.sum is not None):
            raise ValueError("frame line_sum and the key sum go together: without a sum nothing is checked")
        return self


class ProductOf(CardModel):
    """The field equals the product of ``of`` times ``scale``, within ``tolerance`` (relative) and ``absolute``, the last printed digit."""

    of: list[FieldName] = Field(min_length=1)
    scale: float = 1.0
    tolerance: float = Field(gt=0)
    absolute: float = Field(0.0, ge=0)


class SumOf(CardModel):
    """The field equals the sum of ``of`` (field → factor), within ``tolerance`` (absolute)."""

    of: dict[FieldName, float] = Field(min_length=1)
    tolerance: float = Field(gt=0)


class Rule(CardModel):
    """A record, or the fields it ``spoils``, is not valid unless the test holds. A missing value fails its rule; a field that the record
    does not have at all fails ``present`` and is left alone by the other tests."""

    field: FieldName | None = None
    fields: list[FieldName] = []
    one_of: list[Scalar] | None = None
    set_bits: dict[int, str] | None = None
    """all these bits must be 1; bit → name"""
    clear_bits: dict[int, str] | None = None
    """no bit may be 1; bit → name of those that are known"""
    min: float | None = None
    max: float | None = None
    smallest: float | None = Field(None, gt=0)
    """nearer to 0 than this, and not 0, is no measurement: so are numbers read in another order of bytes"""
    available: bool | None = None
    """the field, where the record has it, has a value (each of a list)"""
    present: bool | None = None
    not_all_zero: bool | None = None
    all_true: bool | None = None
    """every truth value of the record must be true"""
    product: ProductOf | None = None
    sum: SumOf | None = None
    matches: str | None = None
    """pattern of the whole text (a clock that tells a possible year)"""
    mask: int | None = Field(None, ge=1)
    """look only at these bits of the field, for one_of, set_bits and clear_bits"""
    blocks: list[str] = []
    """judge the field of each of these blocks, and spoil that block"""
    where_present: bool = False
    """judge only records that hold one of the fields it spoils"""
    spoils: list[FieldName] = []
    """fields that become invalid; none given: all of the record"""
    above: float | None = None
    """judge only values above this"""
    or_missing: bool = False
    """a missing value does not fail this rule: the instrument may not know it"""
    layouts: list[str] = []
    """kinds of record this is about; none given: every kind"""
    when: When = {}
    words: dict[str, str] = {}
    """what single values mean, for the reason"""
    reason: str
    """said of a record that fails; ``{value}`` is filled in"""

    @model_validator(mode="after")
    def _one_test(self) -> Rule:
        given: list[Any] = [self.one_of, self.set_bits, self.clear_bits, self.present, self.not_all_zero, self.all_true, self.product]
        given += [self.sum, self.matches, self.available]
        bounds = any(x is not None for x in (self.min, self.max, self.smallest))
        if sum(x is not None for x in given) + bounds != 1:
            tests = "one_of, set_bits, clear_bits, min/max/smallest, available, present, not_all_zero, all_true, product, sum or matches"
            raise ValueError(f"give one test: {tests}")
        many = self.present is not None or self.not_all_zero is not None
        if (self.field is not None) != (not many and self.all_true is None) or bool(self.fields) != many:
            raise ValueError("present and not_all_zero take fields, all_true takes neither, every other test takes field")
        return self


class UnitLetter(CardModel):
    """The record (the text of ``field``) or else the station file (an ``option``) says the unit, which picks scale and offset to the
    registry's unit."""

    field: FieldName | None = None
    option: str | None = None
    table: dict[str | int, float | tuple[float, float]]


class QuantitySource(CardModel):
    """Where a quantity comes from: value = field^power x scale + offset, in the registry's unit."""

    field: FieldName
    item: int | None = Field(None, ge=0, le=124)
    """which value of a list, counted from 0"""
    power: Literal[1, 2] = 1
    scale: float = 1.0
    offset: float = 0.0
    by: UnitLetter | None = None
    above: float | None = None
    """the field says "not measured" by any number that is not above this"""
    counter: bool = False
    """the field is a running total: the quantity is its increase since the last valid reading"""
    layouts: list[str] = []
    """kinds of record that hold this quantity; none given: every kind"""
    when: When = {}
    note: str = ""


class Diagnostic(CardModel):
    """A status word for the raw archive's columns; ``base`` 16 when it is printed in hex."""

    field: FieldName
    base: Literal[10, 16] = 10


class Coefficients(CardModel):
    """Coefficients of a unit, from the newest calibration in the station file that is in force; letter case does not matter."""

    needed: list[str]
    bench: dict[str, float]
    """those of the bench: what ``haitan-edge decode`` takes when it is given none, and never a station"""


class Cycle(CardModel):
    """Records that are not of the water or the air but of the instrument: zeroing, span, blank, flushing. Told by a ``field`` that is
    ``one_of``, by the kind of record (``layouts``), or by a ``pattern`` of the whole text where their columns are not documented."""

    cycle: Literal["zero", "span", "blank", "flush"]
    field: FieldName | None = None
    one_of: list[Scalar] = []
    layouts: list[str] = []
    pattern: str = ""
    means: list[FieldName] = []
    """fields whose mean and deviation over the cycle are kept"""

    @model_validator(mode="after")
    def _one_way(self) -> Cycle:
        if (self.field is not None) + bool(self.layouts) + bool(self.pattern) != 1 or (self.field is not None) != bool(self.one_of):
            raise ValueError("a cycle is told in one way: field with one_of, layouts, or pattern")
        if self.pattern and self.means:
            raise ValueError("a record whose columns are not known has no means")
        return self


class Option(CardModel):
    """A choice the station file may make under the instrument's ``options``."""

    allowed: list[Scalar] | None = None
    default: Scalar | None = None
    text: str


class Card(CardModel):
    """One instrument model, whole."""

    schema_version: Literal[1] = Field(alias="schema")
    model: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,62}$")]
    title: Title
    maker: str
    role: Role
    protocol: Protocol
    grade: Grade
    sources: list[str]
    unsure: list[str] = []
    """facts of grade C: confirm on the unit before relying on them"""
    link: LinkSettings
    timing: Timing = Timing()
    accuracy: dict[str, Accuracy] = {}
    fields: dict[str, FieldSpec] = {}
    text: TextFormat | None = None
    binary: BinaryFormat | None = None
    modbus: ModbusMap | None = None
    rules: list[Rule] = []
    derived: dict[FieldName, Derived] = {}
    calibration: Coefficients | None = None
    quantities: dict[str, QuantitySource]
    diagnostics: dict[Literal["sonic", "gas"], Diagnostic] = {}
    options: dict[str, Option] = {}
    settings: list[CardSetting] = []
    cycles: list[Cycle] = []

    @model_validator(mode="after")
    def _one_format(self) -> Card:
        formats = {"modbus": self.modbus, "binary": self.binary}
        wanted = self.protocol if self.protocol in formats else "text"
        given = [key for key, value in {**formats, "text": self.text}.items() if value is not None]
        if given != [wanted]:
            raise ValueError("protocol modbus goes with the key modbus, binary with the key binary, every other with the key text")
        if self.protocol == "delimited" and self.text is not None and (self.text.frame is None or not self.text.layouts):
            raise ValueError("protocol delimited needs text.frame and text.layouts")
        return self

    @property
    def stream(self) -> TextFormat | BinaryFormat | None:
        """How it prints; None for what is asked over Modbus."""
        return self.text or self.binary

    def option(self, given: dict[str, Any], name: str) -> Any:
        """The value of an option: what the station file gives, else the card's default."""
        return given.get(name, self.options[name].default)

    def applies(self, when: When, given: dict[str, Any]) -> bool:
        """Whether an entry with this ``when`` applies under the options of a station file."""
        return all(self.option(given, name) == value for name, value in when.items())

    def quantities_given(self, given: dict[str, Any]) -> dict[str, QuantitySource]:
        """What an instrument with these options of a station file measures for the station: not what ``without`` names."""
        unwanted = str(given.get("without", "")).replace(",", " ").split()
        return {name: source for name, source in self.quantities.items() if name not in unwanted and self.applies(source.when, given)}
