"""Spectral losses and spectra: what instruments and averaging take from a covariance, and over which frequencies it was distributed."""
