"""The uplink: carries what the outbox keeps to the centre, and the centre's word back. It promises nothing by itself.

Only `edge.outbox` knows what was delivered; a record counts as delivered when the centre's acknowledgement names it, never for a PUBACK.
The uplink sends while the centre's state says ``listening``: events first, then the newest, then what was sent before and not
acknowledged in time, then the backlog, oldest first and paced. Not here: what is said in birth and live (the agent's), and TLS
(`firmware_config.base.mqtt`).
"""

from edge.uplink.broker import broker_for
from edge.uplink.uplink import Uplink

__all__ = ["Uplink", "broker_for"]
