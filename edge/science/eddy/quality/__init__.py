"""How far a flux can be trusted: stationarity, developed turbulence, classes."""
