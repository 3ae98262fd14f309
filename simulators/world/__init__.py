"""The world: weather, tide, water and turbulence with known truth, from a seed."""

from simulators.world.config import WorldConfig, keep_world, load_world
from simulators.world.world import Site, World

__all__ = ["Site", "World", "WorldConfig", "keep_world", "load_world"]
