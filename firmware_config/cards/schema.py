"""The shape of an instrument card: what may stand in ``cards/<model>.yaml``.

A card is data. It names the link settings, how a record is cut out of the bytes and split (delimited text) or which registers are read
(Modbus), which decoded field is which quantity in which unit, and when a value is not valid. `firmware_config.cards` reads and checks
cards; `edge.instruments` executes them. Nothing here touches an instrument.

Attribute names are the YAML keys; unknown keys are refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from firmware_config.units import DurationMs

Role = Literal["sonic", "gas_analyser", "sonic_gas", "pco2", "oxygen", "pressure", "weather", "position"]
Protocol = Literal["delimited", "licor", "vaisala", "modbus"]
Frame = Literal["line", "line_signature", "stx_etx_xor", "nmea_xor"]
Grade = Literal["A", "B", "C"]
FieldKind = Literal["text", "int", "float", "bool", "nmea_time", "nmea_latitude", "nmea_longitude"]
RegisterType = Literal["u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "text"]
ByteOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)?$")]
Scalar = str | bool | int | float
When = dict[str, Scalar]
"""Option values under which an entry applies; empty = always."""


class CardModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Title(CardModel):
    en: str
    zh: str


class LinkSettings(CardModel):
    """How the instrument leaves the factory; ``bauds`` are the speeds ``haitan-edge probe --search`` tries."""

    baud: int | None = Field(None, ge=300, le=921_600)
    format: Annotated[str, Field(pattern=r"^[78][NEO][12]$")] = "8N1"
    bauds: list[Annotated[int, Field(ge=300, le=921_600)]] = []
    tcp_port: int | None = Field(None, ge=1, le=65_535)


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
    """One decoded field: its kind, unit, and what stands for "not available" (beside an empty text and NaN)."""

    kind: FieldKind = "float"
    unit: str = ""
    scale: float = 1.0
    missing: str | None = None
    """pattern of a text that means: not available"""


class Layout(CardModel):
    """One way a record is split into columns; the first layout that fits a record is taken."""

    name: str
    separator: str | None = None
    count: int = Field(ge=1, le=500)
    or_more: bool = False
    match: dict[int, str] = {}
    """column → pattern its whole text must match"""
    when: When = {}
    columns: dict[str, int]
    """field → column, counted from 0"""
    scales: dict[str, float] = {}
    """field → factor in this layout, where it differs from the field's own"""
    constants: dict[str, Scalar] = {}


class TextFormat(CardModel):
    """Records of text. ``frame`` says how a record is found in the bytes and checked."""

    frame: Frame | None = None
    separator: str = ","
    max_bytes: int = Field(512, ge=16, le=8192)
    layouts: list[Layout] = []
    ignore: list[str] = []
    """patterns of intact records that are of no interest (other sentences, banners)"""
    address_field: FieldName | None = None
    """field that says who speaks; a record of another address than the station file gives is rejected"""
    default_address: str = ""
    request: str = ""
    """what to send for one record when option ``mode`` is ``polled``; ``{address}`` is filled in"""
    ask: dict[str, str] = {}
    """name → text that only asks (writes nothing), for ``haitan-edge probe``"""


class Register(CardModel):
    """A value in the register map. ``address`` is the number on the wire, counted from 0; ``order`` as A = most significant byte."""

    field: FieldName
    function: Literal[3, 4] = 3
    address: int = Field(ge=0, le=65_535)
    type: RegisterType
    words: int | None = Field(None, ge=1, le=125)
    """length of a text in registers"""
    order: ByteOrder = "ABCD"
    scale: float = 1.0
    unit: str = ""
    missing: list[int] = []
    """raw integers that mean: not available"""

    @property
    def size(self) -> int:
        """Registers this value takes."""
        sizes = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "u64": 4, "i64": 4, "f64": 4}
        return sizes.get(self.type) or self.words or 1

    @model_validator(mode="after")
    def _sensible(self) -> Register:
        if (self.type == "text") != (self.words is not None):
            raise ValueError("words is given for type text, and only there")
        if self.missing and self.type in {"f32", "f64", "text"}:
            raise ValueError("missing lists raw integers; a float says NaN by itself")
        return self


class Read(CardModel):
    """One request: so many registers from an address."""

    function: Literal[3, 4] = 3
    address: int = Field(ge=0, le=65_535)
    count: int = Field(ge=1, le=125)
    when: When = {}


class Command(CardModel):
    """A request that makes the device do something, sent as a read because the vendor made it one (``count`` may be 0)."""

    function: Literal[3, 4] = 3
    address: int = Field(ge=0, le=65_535)
    count: int = Field(ge=0, le=125)
    gives: dict[str, Scalar] = {}
    wait: DurationMs | None = None
    """real time after which readings are good"""


class ModbusMap(CardModel):
    """Registers, what is read each time, what must be sent before (``prepare``) and what tells who the device is."""

    unit: int = Field(ge=1, le=247)
    registers: list[Register] = Field(min_length=1)
    poll: list[Read] = Field(min_length=1)
    commands: dict[str, Command] = {}
    prepare: list[str] = []
    identify: list[Read] = []


class ProductOf(CardModel):
    """The field equals the product of ``of`` times ``scale``, within ``tolerance`` (relative)."""

    of: list[FieldName] = Field(min_length=1)
    scale: float = 1.0
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
    present: bool | None = None
    not_all_zero: bool | None = None
    all_true: bool | None = None
    """every truth value of the record must be true"""
    product: ProductOf | None = None
    spoils: list[FieldName] = []
    """fields that become invalid; none given: all of the record"""
    above: float | None = None
    """judge only values above this"""
    layouts: list[str] = []
    """kinds of record this is about; none given: every kind"""
    when: When = {}
    words: dict[str, str] = {}
    """what single values mean, for the reason"""
    reason: str
    """said of a record that fails; ``{value}`` is filled in"""

    @model_validator(mode="after")
    def _one_test(self) -> Rule:
        given = [self.one_of, self.set_bits, self.clear_bits, self.present, self.not_all_zero, self.all_true, self.product]
        bounds = self.min is not None or self.max is not None
        if sum(x is not None for x in given) + bounds != 1:
            raise ValueError("give one test: one_of, set_bits, clear_bits, min/max, present, not_all_zero, all_true or product")
        many = self.present is not None or self.not_all_zero is not None
        if (self.field is not None) != (not many and self.all_true is None) or bool(self.fields) != many:
            raise ValueError("present and not_all_zero take fields, all_true takes neither, every other test takes field")
        return self


class UnitLetter(CardModel):
    """The record says its own unit: the text of ``field`` picks scale and offset to the registry's unit."""

    field: FieldName
    table: dict[str, float | tuple[float, float]]


class QuantitySource(CardModel):
    """Where a quantity comes from: value = field x scale + offset, in the registry's unit."""

    field: FieldName
    scale: float = 1.0
    offset: float = 0.0
    by: UnitLetter | None = None
    above: float | None = None
    """the field says "not measured" by any number that is not above this"""
    counter: bool = False
    """the field is a running total: the quantity is its increase since the last valid reading"""
    note: str = ""


class Diagnostic(CardModel):
    """A status word for the raw archive's columns; ``base`` 16 when it is printed in hex."""

    field: FieldName
    base: Literal[10, 16] = 10


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
    modbus: ModbusMap | None = None
    rules: list[Rule] = []
    quantities: dict[str, QuantitySource]
    diagnostics: dict[Literal["sonic", "gas"], Diagnostic] = {}
    options: dict[str, Option] = {}

    @model_validator(mode="after")
    def _one_format(self) -> Card:
        if (self.protocol == "modbus") != (self.modbus is not None) or (self.protocol == "modbus") == (self.text is not None):
            raise ValueError("protocol modbus goes with the key modbus, every other with the key text")
        if self.protocol == "delimited" and self.text is not None and (self.text.frame is None or not self.text.layouts):
            raise ValueError("protocol delimited needs text.frame and text.layouts")
        return self

    def option(self, given: dict[str, Any], name: str) -> Any:
        """The value of an option: what the station file gives, else the card's default."""
        return given.get(name, self.options[name].default)

    def applies(self, when: When, given: dict[str, Any]) -> bool:
        """Whether an entry with this ``when`` applies under the options of a station file."""
        return all(self.option(given, name) == value for name, value in when.items())
