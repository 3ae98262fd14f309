"""The bench page: instruments and faults switched on and off by hand, and what becomes of it seen beside them."""

from simulators.bench_page.server import BenchPage

__all__ = ["BenchPage"]
