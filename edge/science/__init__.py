"""The science of a station: pure functions from arrays to numbers, the same ones live, on a laptop and in a recomputation of ten years.

Promises: no input or output, no clock, no configuration objects, no state in modules; NumPy arrays and plain numbers in, arrays and numbers
out; every public function states shapes, units, what it does with NaN, its equation and source, and one worked number that a test checks.
Not here: station files, flags of the wire, files (see ``edge/compute`` and ``edge/flux``). Importing a module of this package imports
NumPy, so the agent's own process never does; it sends its questions to the worker.
"""
