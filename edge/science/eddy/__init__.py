"""Eddy covariance: one module a step, and a chain that is nothing but the list of steps.

Each step module holds pure functions on arrays (to be used and tested alone) and one function ``step(window, …) -> Window`` that takes what
it needs from a `window.Window` and gives back a new one. `chain.run` walks the list and writes down what each step did. A further method (a
planar fit, a spectral correction) is a further module and an entry in the list; no step knows its neighbours.

Frame: right-handed, w up. Inside: m s-1, K, Pa; gases as molar density (mol m-3) or as mole fraction of moist or dry air (mol mol-1).
"""
