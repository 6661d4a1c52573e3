"""An invented climate like Hangzhou's: temperature and sunshine of any quarter hour, always the same.

A *slot* is a local quarter hour (UTC+8), counted from 1970-01-01 00:00 local time.
"""

from __future__ import annotations

import numpy as np

from beacon.demo.chance import Floats, Ints, bell, uniform

SLOTS_A_DAY = 96
LATITUDE_DEG = 30.2
YEAR_DAYS = 365.2425


def day_of_year(day: Ints) -> Floats:
    """Days since 1 January, for days counted from 1970-01-01; good to a day."""
    return np.asarray(np.mod(day, YEAR_DAYS), dtype=np.float64)


def seasonal_degc(day: Ints) -> Floats:
    """The mean temperature of an ordinary day: about 5 °C in January and 29 °C in July."""
    return 17.0 + 12.0 * np.cos(2 * np.pi * (day_of_year(day) - 206) / YEAR_DAYS)


def anomaly_degc(day: Ints) -> Floats:
    """How much warmer than usual a day is. Five days hang together, as weather does."""
    weights = (0.15, 0.25, 0.3, 0.2, 0.1)
    mixed = [weight * bell("weather", day - lag) for lag, weight in enumerate(weights)]
    return 5.6 * np.asarray(sum(mixed))


def hour(slot: Ints) -> Floats:
    """Local hour of the middle of a slot, 0 to 24."""
    return (np.mod(slot, SLOTS_A_DAY) + 0.5) / 4.0


def temperature_degc(slot: Ints) -> Floats:
    """Outdoor temperature, warmest at three in the afternoon."""
    day = slot // SLOTS_A_DAY
    daily = seasonal_degc(day) + anomaly_degc(day)
    return np.asarray(daily + 3.6 * np.cos(2 * np.pi * (hour(slot) - 15) / 24))


def sunshine(slot: Ints) -> Floats:
    """Sun on a flat roof, 0 to about 1: sine of the sun's elevation through the day's clouds."""
    day = slot // SLOTS_A_DAY
    declination = np.deg2rad(23.44) * np.sin(2 * np.pi * (day_of_year(day) - 80) / YEAR_DAYS)
    latitude = np.deg2rad(LATITUDE_DEG)
    hour_angle = 2 * np.pi * (hour(slot) - 12) / 24
    elevation = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(
        hour_angle
    )
    clear = 1 - 0.85 * uniform("clouds", day) ** 1.4
    flicker = 1 - 0.3 * (1 - clear) * uniform("passing clouds", slot)
    return np.asarray(np.clip(elevation, 0, None) * clear * flicker)
