"""Screening: which samples and which series may enter a flux. One test a module; what a test removes or flags it counts."""
