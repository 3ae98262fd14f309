"""What nobody can know of a fault, and what only time can tell: the one list of reasons, for the table of faults and the contract suite."""

from __future__ import annotations

CANNOT_BE_KNOWN = {
    "drift": "within its limits one instrument cannot tell drift from change",
    "flip": "a record without check sum whose digit became another digit",
    "corrupted_digit": "the record looks right in every way",
    "false_echo": "the distance is a possible one",
    "biofouling": "the oxygen on the foil is real",
    "dew": "less light could be a cloud",
    "slow_membrane": "a slow change could be the water's",
    "waves": "the water does move",
    "leak": "where the record tells of humidity is not known, and the pressure is a possible one",
    "clogged_tube": "a level that follows late, or hardly, is a possible one",
    "vent_wet": "an offset of some millibars could be the tide's",
    "zero_shifted": "the pressure is a possible one until the coefficient of the zero is looked at, once an hour",
    "air_left_in": "ten metres more of water are possible unless the station's file gives limits for its depth",
    "wiper": "some water holds as little oxygen",
    "heater": "where a record tells that the heating is on it does not tell how much warmer the air beside it is",
    "bird": "a wind that stands still is a possible one until the flat-line test has seen a row of it",
    "scale_changed": "a light of a tenth could be a cloud",
    "blank_drift": "the ratios stay possible",
    "position_jump": "the place is a possible one",
}
"""Faults whose values lie where true ones could: what one instrument alone can never tell."""

ONE_RECORD_CANNOT_TELL = CANNOT_BE_KNOWN | {
    "stuck": "each record is a possible one; the station's flat-line test sees the row of them",
    "spike": "each value is a possible one; the station's spike test and despiking see it among its neighbours",
    "axis_frozen": "each record is a possible one; a component without variance shows in the half-hour",
    "rain": "the signal strength that falls is told; how little is too little is for the half-hour, as are the spikes",
    "gas_lag": "each half of the record was true at its time; the half-hour's covariance shows how far apart",
    "minus_lost": "the number is padded with blanks: without its sign it is another number",
    "water_in_line": "a possible vapour pressure, and noise",
    "valve_stuck": "the line says that it is of the air",
    "condensation": "no document at hand says how much humidity is too much",
    "air_in_foil": "water near saturation is a possible one",
    "foil_bleached": "the amplitude falls within its limits",
    "led_ageing": "the ratios of light do not change",
    "foam": "a distance that varies is a possible one",
    "over_range": "a value at the end of the range is a possible one where the record has no flag for it",
}
"""Faults that one record alone cannot show: `CANNOT_BE_KNOWN`, and those that a row of records or another instrument can."""
