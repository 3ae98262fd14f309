"""The simulated instruments, one module a model, by the model's name in the station file."""

from __future__ import annotations

from simulators.errors import InstrumentError
from simulators.instruments.base import Setting, Simulated, Talker, Unit
from simulators.instruments.co2pro import Co2Pro
from simulators.instruments.csat3 import Csat3
from simulators.instruments.digiquartz import Digiquartz
from simulators.instruments.ec100 import Irgason
from simulators.instruments.gill import WindMaster
from simulators.instruments.gill_binary import BinaryWindMaster
from simulators.instruments.gmp252 import Gmp252
from simulators.instruments.gps import Receiver
from simulators.instruments.gx_legacy import GxLegacy
from simulators.instruments.hydroc import HydroC
from simulators.instruments.keller import Keller30
from simulators.instruments.li850 import Li850
from simulators.instruments.licor import GasAnalyser
from simulators.instruments.mip import Mip
from simulators.instruments.optode import Optode
from simulators.instruments.rdo import Rdo
from simulators.instruments.sami2 import Sami2
from simulators.instruments.sbe26plus import Sbe26plus
from simulators.instruments.sbe63 import Sbe63
from simulators.instruments.smp import Smp
from simulators.instruments.usonic3 import USonic3
from simulators.instruments.vedirect import VeDirect
from simulators.instruments.vegapuls import Vegapuls
from simulators.instruments.vn300 import Vn300
from simulators.instruments.wxt536 import Wxt536
from simulators.instruments.wxt536_modbus import Wxt536Modbus
from simulators.instruments.y504 import Y504
from simulators.instruments.ysi_odo import OdoRtu

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
    "gill_windmaster_binary_m10": BinaryWindMaster,
    "csat3_rs232_binary": Csat3,
    "metek_usonic3_ascii": USonic3,
    "licor_li850_xml": Li850,
    "sunburst_sami2_pco2": Sami2,
    "prooceanus_co2pro_atmosphere": Co2Pro,
    "vaisala_gmp252_modbus": Gmp252,
    "aanderaa_optode_ascii": Optode,
    "insitu_rdo_aquatroll_modbus": Rdo,
    "ysi_odo_rtu_modbus": OdoRtu,
    "seabird_sbe63_ascii": Sbe63,
    "seabird_sbe26plus_ascii": Sbe26plus,
    "paroscientific_digiquartz": Digiquartz,
    "vegapuls_modbus": Vegapuls,
    "vaisala_wxt536_modbus": Wxt536Modbus,
    "kippzonen_smp_modbus": Smp,
    "microstrain_mip": Mip,
    "microstrain_3dmgx_legacy_cb": GxLegacy,
    "vectornav_vn300_binary": Vn300,
    "victron_vedirect_text": VeDirect,
}


def make_instrument(setting: Setting) -> Simulated:
    """The simulated instrument for an entry of a station file; InstrumentError when the bench has no such model."""
    model = MODELS.get(setting.instrument.model)
    if model is None:
        raise InstrumentError(
            f"instrument {setting.instrument.id}: the bench has no model {setting.instrument.model!r}; it has {', '.join(MODELS)}"
        )
    return model(setting)
