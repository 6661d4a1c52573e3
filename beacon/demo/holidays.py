"""Public holidays of the demo's calendar.

Fixed dates and the weeks around the lunar feasts; the yearly shifts of working days that the State
Council announces are left out: the demo's buildings are invented, and so is their calendar.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import numpy.typing as npt

from beacon.demo.chance import Ints

LUNAR_NEW_YEAR = {
    2024: date(2024, 2, 10),
    2025: date(2025, 1, 29),
    2026: date(2026, 2, 17),
    2027: date(2027, 2, 6),
    2028: date(2028, 1, 26),
    2029: date(2029, 2, 13),
    2030: date(2030, 2, 3),
    2031: date(2031, 1, 23),
    2032: date(2032, 2, 11),
}
DRAGON_BOAT_AND_MID_AUTUMN = {
    2024: (date(2024, 6, 10), date(2024, 9, 17)),
    2025: (date(2025, 5, 31), date(2025, 10, 6)),
    2026: (date(2026, 6, 19), date(2026, 9, 25)),
    2027: (date(2027, 6, 9), date(2027, 9, 15)),
    2028: (date(2028, 5, 28), date(2028, 10, 3)),
    2029: (date(2029, 6, 16), date(2029, 9, 22)),
    2030: (date(2030, 6, 5), date(2030, 9, 12)),
}
EPOCH = date(1970, 1, 1)


@cache
def holidays(year: int) -> frozenset[date]:
    """The year's days off besides weekends."""

    def days(first: date, count: int) -> set[date]:
        return {first + timedelta(offset) for offset in range(count)}

    off = days(date(year, 1, 1), 1) | days(date(year, 4, 4), 3)
    off |= days(date(year, 5, 1), 5) | days(date(year, 10, 1), 7)
    off |= days(LUNAR_NEW_YEAR.get(year, date(year, 2, 5)) - timedelta(1), 8)
    off |= set(DRAGON_BOAT_AND_MID_AUTUMN.get(year, ()))
    return frozenset(off)


def is_working(day: Ints) -> npt.NDArray[np.bool_]:
    """For days counted from 1970-01-01: neither weekend nor holiday."""
    return np.array([_works(int(number)) for number in day], dtype=np.bool_)


@cache
def _works(number: int) -> bool:
    day = EPOCH + timedelta(number)
    return day.weekday() < 5 and day not in holidays(day.year)
