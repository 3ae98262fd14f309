"""From covariances to fluxes: state of the air, density and humidity corrections, gases per dry air."""
