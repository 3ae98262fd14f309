"""Tilt: from the sonic's frame into that of the mean wind or of the surface."""
