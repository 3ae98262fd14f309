"""Lag between wind and gas: found in the window, or followed from window to window."""
