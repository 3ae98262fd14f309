"""The station: reads instruments, keeps the raw data, computes fluxes, and delivers records until the centre says it has them."""
