"""A rigid body that moves and turns: attitude, body axes, and what any point of it does.

Axes: position east, north, up; attitude as aerospace has it (roll starboard down, pitch nose up, yaw from north clockwise; z-y-x);
body axes forward, starboard, down. Specific force is what accelerometers feel: at rest (0, 0, -g).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.world.noise import Array
from simulators.world.physics import GRAVITY_MS2


@dataclass(frozen=True)
class Motion:
    """One point of a body at n instants, all shapes (3, n). ``position``, ``velocity``, ``acceleration``: east, north, up (m, m s-1,
    m s-2); ``attitude``, ``attitude_rate``: roll, pitch, yaw (rad, rad s-1); in body axes ``rates`` (rad s-1), ``angular_acceleration``
    (rad s-2) and ``specific_force`` (m s-2). Velocity and acceleration are the exact derivatives of position, ``rates`` of the attitude."""

    position: Array
    velocity: Array
    acceleration: Array
    attitude: Array
    attitude_rate: Array
    rates: Array
    angular_acceleration: Array
    specific_force: Array

    @classmethod
    def of(cls, place: tuple[Array, Array, Array], angles: tuple[Array, Array, Array]) -> Motion:
        """From position and attitude, each with its first and second derivative."""
        position, velocity, acceleration = place
        attitude, rate, angular = angles
        east, north, up = acceleration
        force = to_body(attitude, np.array([north, east, -up - GRAVITY_MS2]))
        turning = angular_acceleration(attitude, rate, angular)
        return cls(position, velocity, acceleration, attitude, rate, body_rates(attitude, rate), turning, force)

    def above(self, height_m: float) -> Motion:
        """The point of the same body that lies ``height_m`` up its mast: V + rates x r, and likewise the acceleration."""
        p, q, r = self.rates
        p_dot, q_dot, _ = self.angular_acceleration
        none = np.zeros_like(p)
        velocity = height_m * np.array([-q, p, none])
        acceleration = height_m * np.array([-q_dot - r * p, p_dot - r * q, p * p + q * q])
        return Motion(
            position=self.position + _to_east_north_up(self.attitude, np.array([none, none, none - height_m])),
            velocity=self.velocity + _to_east_north_up(self.attitude, velocity),
            acceleration=self.acceleration + _to_east_north_up(self.attitude, acceleration),
            attitude=self.attitude,
            attitude_rate=self.attitude_rate,
            rates=self.rates,
            angular_acceleration=self.angular_acceleration,
            specific_force=self.specific_force + acceleration,
        )


def to_body(attitude: Array, north_east_down: Array) -> Array:
    """A vector of north, east, down in body axes (z-y-x rotation by yaw, pitch, roll); shapes (3, n)."""
    (sr, sp, sy), (cr, cp, cy) = np.sin(attitude), np.cos(attitude)
    n, e, d = north_east_down
    return np.array([
        cp * cy * n + cp * sy * e - sp * d,
        (sr * sp * cy - cr * sy) * n + (sr * sp * sy + cr * cy) * e + sr * cp * d,
        (cr * sp * cy + sr * sy) * n + (cr * sp * sy - sr * cy) * e + cr * cp * d,
    ])  # fmt: skip


def from_body(attitude: Array, body: Array) -> Array:
    """A vector in body axes as north, east, down: the way back of `to_body`."""
    (sr, sp, sy), (cr, cp, cy) = np.sin(attitude), np.cos(attitude)
    x, y, z = body
    return np.array([
        cp * cy * x + (sr * sp * cy - cr * sy) * y + (cr * sp * cy + sr * sy) * z,
        cp * sy * x + (sr * sp * sy + cr * cy) * y + (cr * sp * sy - sr * cy) * z,
        -sp * x + sr * cp * y + cr * cp * z,
    ])  # fmt: skip


def _to_east_north_up(attitude: Array, body: Array) -> Array:
    north, east, down = from_body(attitude, body)
    return np.array([east, north, -down])


def body_rates(attitude: Array, rate: Array) -> Array:
    """Turning about the body's axes from the rates of roll, pitch and yaw."""
    (sr, sp, _), (cr, cp, _) = np.sin(attitude), np.cos(attitude)
    roll, pitch, yaw = rate
    return np.array([roll - yaw * sp, pitch * cr + yaw * sr * cp, -pitch * sr + yaw * cr * cp])


def angular_acceleration(attitude: Array, rate: Array, second: Array) -> Array:
    """The derivative of `body_rates`, from the second derivatives of roll, pitch and yaw."""
    (sr, sp, _), (cr, cp, _) = np.sin(attitude), np.cos(attitude)
    roll, pitch, yaw = rate
    of_axes = np.array([
        -yaw * cp * pitch,
        -pitch * sr * roll + yaw * (cr * cp * roll - sr * sp * pitch),
        -pitch * cr * roll - yaw * (sr * cp * roll + cr * sp * pitch),
    ])  # fmt: skip
    return np.asarray(body_rates(attitude, second) + of_axes)
