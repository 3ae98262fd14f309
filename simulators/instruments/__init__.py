"""The simulated instruments, one module a model, by the model's name in the station file."""

from __future__ import annotations

from simulators.errors import InstrumentError
from simulators.instruments.base import Setting, Simulated, Talker, Unit
from simulators.instruments.ec100 import Irgason
from simulators.instruments.gill import WindMaster
from simulators.instruments.gps import Receiver
from simulators.instruments.hydroc import HydroC
from simulators.instruments.keller import Keller30
from simulators.instruments.licor import GasAnalyser
from simulators.instruments.wxt536 import Wxt536
from simulators.instruments.y504 import Y504

__all__ = ["MODELS", "Setting", "Simulated", "Talker", "Unit", "make_instrument"]

MODELS: dict[str, type[Simulated]] = {
    "gill_windmaster_ascii": WindMaster,
    "licor_li7500_grammar": GasAnalyser,
    "ec100_irgason_ascii": Irgason,
    "contros_hydroc_co2": HydroC,
    "yosemitech_y504_modbus": Y504,
    "keller_series30_modbus": Keller30,
    "vaisala_wxt536_ascii": Wxt536,
    "gps_nmea0183": Receiver,
}


def make_instrument(setting: Setting) -> Simulated:
    """The simulated instrument for an entry of a station file; InstrumentError when the bench has no such model."""
    model = MODELS.get(setting.instrument.model)
    if model is None:
        raise InstrumentError(
            f"instrument {setting.instrument.id}: the bench has no model {setting.instrument.model!r}; it has {', '.join(MODELS)}"
        )
    return model(setting)
