"""The examples in the drivers' own documentation are true."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import edge.instruments

MODULES = [f"edge.instruments.{found.name}" for found in pkgutil.iter_modules(edge.instruments.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0
