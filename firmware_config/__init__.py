"""The contract of Haitan: what a station is, what it measures, and what it says to the centre.

Everything two programs must agree on lives here and nowhere else: quantities, station files, instrument cards, quality
flags, record streams, the wire codec and topics; in ``base/`` the few things every program stands on (clock, log, MQTT
session, database file). This package imports nothing of the other rooms.
"""

__version__ = "0.1.0"
