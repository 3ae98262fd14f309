"""The sonic's own errors and frame: axes of makers, cross-wind, angle of attack, mean wind and its direction."""
