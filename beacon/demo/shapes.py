"""How each type of building uses energy: levels by month, shapes of a day, parts.

Monthly electricity per area of the first six types: means published for Shanghai's public buildings
(monthly table of a paper on the city's monitoring platform; one source). Schools, universities,
libraries and sport halls are not in that table: theirs, like every other number here, is invented.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.registry import BuildingType

Months = tuple[float, ...]
Day = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """monthly_kwh_m2: January to December. work, rest: presence by hour, 0 to 1.

    light, power, special: shares of what does not depend on weather; the rest of it is unmetered.
    idle: what remains switched on when nobody is there, as a share of the full load.
    """

    monthly_kwh_m2: Months
    work: Day
    rest: Day
    light: float
    power: float
    special: float
    idle: float
    water_l_m2_day: float
    gas_hot_water_m3_m2_day: float = 0.0
    gas_heating_m3_m2_day_k: float = 0.0


def _day(*spans: tuple[int, float]) -> Day:
    """24 hourly values from (hours, value) spans."""
    hours = [value for count, value in spans for _ in range(count)]
    if len(hours) != 24:
        raise ValueError(f"a day has 24 hours, these spans have {len(hours)}")
    return tuple(hours)


_OFFICE = _day((7, 0.04), (1, 0.35), (4, 1.0), (1, 0.75), (4, 1.0), (1, 0.6), (2, 0.25), (4, 0.06))
_OFFICE_REST = _day((8, 0.04), (9, 0.14), (7, 0.05))
_MALL = _day((8, 0.05), (1, 0.3), (1, 0.7), (11, 1.0), (1, 0.6), (2, 0.06))
_HOTEL = _day((5, 0.4), (2, 0.65), (2, 0.9), (8, 0.65), (5, 1.0), (2, 0.6))
_HOSPITAL = _day((6, 0.35), (1, 0.5), (1, 0.8), (9, 1.0), (2, 0.7), (3, 0.5), (2, 0.38))
_HOSPITAL_REST = _day((7, 0.35), (10, 0.62), (7, 0.42))
_SCHOOL = _day((6, 0.05), (1, 0.4), (5, 1.0), (1, 0.7), (4, 1.0), (1, 0.5), (3, 0.35), (3, 0.05))
_LIBRARY = _day((8, 0.05), (1, 0.5), (11, 1.0), (1, 0.5), (3, 0.05))
_SPORT = _day((6, 0.06), (2, 0.5), (8, 0.55), (5, 1.0), (1, 0.5), (2, 0.06))
_SHUT = _day((8, 0.05), (10, 0.1), (6, 0.05))

_T = BuildingType
SHAPES: dict[BuildingType, Shape] = {
    _T.GOVERNMENT_OFFICE: Shape(
        (9.1, 8.2, 7.3, 5.8, 6.2, 7.2, 10.8, 11.1, 9.4, 6.2, 6.2, 8.3),
        _OFFICE, _OFFICE_REST, 0.52, 0.16, 0.26, 0.18, 2.2,
    ),
    _T.COMMERCIAL_OFFICE: Shape(
        (7.6, 6.4, 6.3, 5.4, 5.8, 6.7, 9.9, 10.2, 8.5, 5.8, 5.6, 7.1),
        _OFFICE, _OFFICE_REST, 0.6, 0.17, 0.18, 0.16, 2.0,
    ),
    _T.HOTEL: Shape(
        (9.0, 8.2, 8.3, 7.7, 8.3, 9.4, 12.3, 12.9, 11.1, 8.6, 7.8, 8.7),
        _HOTEL, _HOTEL, 0.45, 0.17, 0.32, 0.3, 9.0, 0.012, 0.0006,
    ),
    _T.MALL: Shape(
        (12.0, 10.8, 11.0, 10.7, 11.6, 12.6, 15.5, 16.0, 13.9, 11.5, 10.7, 11.4),
        _MALL, _MALL, 0.62, 0.18, 0.15, 0.1, 4.0, 0.006,
    ),
    _T.HOSPITAL: Shape(
        (12.3, 11.6, 11.1, 10.2, 11.0, 12.1, 15.3, 15.5, 13.8, 11.0, 10.4, 11.7),
        _HOSPITAL, _HOSPITAL_REST, 0.42, 0.17, 0.36, 0.35, 8.0, 0.014, 0.0022,
    ),
    _T.MIXED_USE: Shape(
        (8.7, 7.8, 7.8, 7.1, 7.7, 8.5, 11.0, 11.1, 9.7, 7.6, 7.3, 8.3),
        _MALL, _MALL, 0.58, 0.18, 0.19, 0.14, 3.2, 0.004,
    ),
    _T.SCHOOL: Shape(
        (4.2, 2.9, 3.9, 3.5, 3.7, 4.1, 3.6, 3.2, 4.6, 3.7, 3.6, 4.3),
        _SCHOOL, _SHUT, 0.62, 0.12, 0.2, 0.12, 3.0,
    ),
    _T.UNIVERSITY: Shape(
        (6.1, 4.6, 5.6, 5.0, 5.3, 6.0, 6.6, 6.3, 6.8, 5.3, 5.2, 6.2),
        _SCHOOL, _OFFICE_REST, 0.5, 0.14, 0.3, 0.2, 3.4,
    ),
    _T.LIBRARY: Shape(
        (7.4, 6.3, 6.2, 5.4, 5.9, 6.9, 9.8, 10.0, 8.4, 5.8, 5.6, 7.0),
        _LIBRARY, _LIBRARY, 0.62, 0.14, 0.18, 0.12, 1.6,
    ),
    _T.SPORT: Shape(
        (7.9, 7.0, 6.9, 6.1, 6.5, 7.3, 9.6, 9.8, 8.5, 6.4, 6.3, 7.5),
        _SPORT, _SPORT, 0.5, 0.22, 0.22, 0.12, 4.5,
    ),
}  # fmt: skip
