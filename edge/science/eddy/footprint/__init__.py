"""Where a flux comes from: along-wind distances of three one-dimensional models, and the two-dimensional footprint laid over a map."""
