"""The monthly shape of use by building type, for buildings without a past of their own."""

from __future__ import annotations

import calendar
from functools import cache

import numpy as np

from rules.limits import packaged, word
from rules.period import Period
from rules.series import Floats

SOURCE = "Shanghai monitoring platform, Wang et al. 2026 table 2"
_ROW = {
    "government office": "government office",
    "commercial office": "office",
    "business office": "office",
    "office": "office",
    "mall": "shopping mall",
    "hotel": "hotel",
    "school": "education",
    "university": "education",
    "library": "culture",
    "hospital": "healthcare",
    "sport": "sports",
    "mixed use": "mixed use",
}


@cache
def profile_of(building_type: str) -> Floats:
    """Electricity per day by month, length 12, in arbitrary units; of all other public buildings if unknown.

    From monthly means per type of hot-summer cold-winter Shanghai (single source). It shapes a forecast,
    never a limit.
    """
    wanted = _ROW.get(word(building_type), "other public")
    row = next(row for row in packaged() if row.scheme == SOURCE and row.selectors["type"] == wanted)
    days = [calendar.monthrange(2025, month)[1] for month in range(1, 13)]
    return np.asarray(row.monthly, dtype=np.float64) / np.asarray(days, dtype=np.float64)


@cache
def month_share(building_type: str, month: Period) -> float:
    """Share of the type's yearly use that falls into a month; the twelve of a year add up to 1."""
    per_day = profile_of(building_type)
    parts = [per_day[each.month - 1] * each.days for each in Period(month.year).months()]
    return float(parts[month.month - 1] / sum(parts))
