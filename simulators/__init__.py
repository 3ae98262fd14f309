"""The bench: a world with known truth, instruments that speak the real protocols, faults, the demo and the torture test."""
