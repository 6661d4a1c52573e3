"""Where a period is heading: expected share, total with an interval, the day a limit is passed.

A building's own past gives the shape of the period (same weekday, same season, last year); where outdoor
temperature is there, degree days give the shape and take the weather of this year out; with too little
past, the monthly profile of the building's type does. The level is this year's use against that shape:
the whole period so far, leaning to the last weeks for the days next to come.

Everything works on arrays of many buildings at once: one line a building, one column a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from rules.series import Floats

CHUNK = 128
"""Buildings forecast together: their arrays stay in the processor's cache."""

_YEAR = 364  # whole weeks, so that weekdays match
_SMOOTH = 10  # days on either side when last year's shape is read
_PRIOR_DAYS = 20.0  # weight of "as last year" against this year's evidence
_RECENT_DAYS = 14
_DECAY_DAYS = 30.0  # how fast a recent change is believed to fade towards the period's level
_SEASON_DAYS = 62
_Z80 = 1.2816
_WIDTH = 1.9  # set by the back-test: what four-week blocks do not show, such as a change of use
HEATING_BASES = (10.0, 12.0, 14.0, 16.0, 18.0)
COOLING_BASES = (18.0, 21.0, 24.0, 26.0)
METHODS = ("days", "profile", "history", "weather")


@dataclass(frozen=True, slots=True)
class Outlook:
    """Forecasts of n buildings, arrays of length n. `passes` is a day of the period from 0, -1 for never.

    low and high bound 80 %; method is an index into METHODS.
    """

    expected_share: Floats
    total: Floats
    low: Floats
    high: Floats
    passes: npt.NDArray[np.int64]
    method: npt.NDArray[np.int64]

    def passes_on(self, place: int, first: date) -> date | None:
        day = int(self.passes[place])
        return first + timedelta(days=day) if day >= 0 else None


def forecast(
    daily: Floats,
    first: date,
    start: int,
    length: int,
    elapsed: int,
    limit: Floats,
    *,
    profile: Floats | None = None,
    outdoor: Floats | None = None,
) -> Outlook:
    """Forecast a period of `length` days that begins in column `start`, `elapsed` of them known.

    daily: shape (n, at least start + elapsed), NaN on days without a value; column 0 is the day `first`.
    limit: length n, NaN without a limit. profile: shape (n, 12) or (12,), use per day by month.
    outdoor: daily mean temperature in °C like `daily`, NaN where unknown; shape (n, …) or (…,).
    """
    heard = np.flatnonzero(~np.isnan(daily[:, :start]).all(axis=0))
    drop = int(heard[0]) if heard.size else start
    daily, first, start = daily[:, drop:], first + timedelta(days=drop), start - drop
    outdoor = outdoor[..., drop:] if outdoor is not None else None
    parts = []
    count = daily.shape[0]
    for low in range(0, max(count, 1), CHUNK):
        cut = slice(low, low + CHUNK)
        shape = profile[cut] if profile is not None and profile.ndim == 2 else profile
        weather = outdoor[cut] if outdoor is not None and outdoor.ndim == 2 else outdoor
        parts.append(_chunk(daily[cut], first, start, length, elapsed, limit[cut], shape, weather))
    return Outlook(*(np.concatenate([getattr(part, name) for part in parts]) for name in Outlook.__slots__))


def _chunk(
    daily: Floats,
    first: date,
    start: int,
    length: int,
    elapsed: int,
    limit: Floats,
    profile: Floats | None,
    outdoor: Floats | None,
) -> Outlook:
    count, known = daily.shape[0], start + elapsed
    days = start + length
    y = np.full((count, days), np.nan)
    y[:, :known] = daily[:, :known]
    weekday = (np.arange(days) + first.weekday()) % 7
    rhythm = _weekdays(y[:, max(0, known - 2 * _YEAR) : known], weekday[max(0, known - 2 * _YEAR) : known])
    factor = rhythm[:, weekday]
    shape, method = _shape(y / factor, first, start, known, profile)
    if outdoor is not None:
        shape, method = _with_weather(y / factor, shape, method, outdoor, start, known)
    expected = shape[:, start:] * factor[:, start:]
    return _outlook(y[:, start:], expected, elapsed, limit, method)


def _weekdays(y: Floats, weekday: npt.NDArray[np.int64]) -> Floats:
    """Use of each weekday against the mean of the week, shape (n, 7), drawn to 1 where days are few."""
    there = ~np.isnan(y)
    known = np.where(there, y, 0.0)
    masks = np.stack([weekday == day for day in range(7)]).astype(np.float64)
    sums, counts = known @ masks.T, there.astype(np.float64) @ masks.T
    mean = known.sum(axis=1, keepdims=True) / np.maximum(there.sum(axis=1, keepdims=True), 1)
    ratio = (sums + 2 * mean) / np.maximum((counts + 2) * mean, 1e-12)
    ratio = np.where(mean > 0, ratio, 1.0)
    return np.asarray(np.clip(ratio, 0.05, 20.0))


def _moving_mean(y: Floats, half: int) -> Floats:
    """Centred mean over 2 * half + 1 columns, of the values that are there; NaN where none is."""
    there = ~np.isnan(y)
    pad = ((0, 0), (half + 1, half))
    sums = np.cumsum(np.pad(np.where(there, y, 0.0), pad), axis=1)
    counts = np.cumsum(np.pad(there.astype(np.float64), pad), axis=1)
    width = 2 * half + 1
    count = counts[:, width:] - counts[:, :-width]
    return np.asarray(
        np.where(count > 0, (sums[:, width:] - sums[:, :-width]) / np.maximum(count, 1), np.nan)
    )


def _shape(
    y: Floats, first: date, start: int, known: int, profile: Floats | None
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Expected use of every day, weekday rhythm taken out, and where it came from.

    Last year's smoothed curve where it reaches; else the type's profile or a flat line, at its level.
    """
    count, days = y.shape
    mean = _mean(y[:, :known])
    if profile is None:
        flat = np.ones((count, days))
    else:
        since = np.datetime64(first) + np.arange(days)
        months = since.astype("datetime64[M]").astype(np.int64) % 12
        flat = np.broadcast_to(np.atleast_2d(profile)[:, months], (count, days)).copy()
    level = mean / np.maximum(_mean(np.where(np.isnan(y[:, :known]), np.nan, flat[:, :known])), 1e-12)
    flat = flat * level[:, None]
    smooth = _moving_mean(y[:, :known], _SMOOTH)
    past = np.full((count, days), np.nan)
    for back, weight in ((_YEAR, 0.7), (2 * _YEAR, 0.3)):
        width = min(days - back, known)
        if width <= 0:
            continue
        shifted = np.full((count, days), np.nan)
        shifted[:, back : back + width] = smooth[:, :width]
        both = ~np.isnan(past) & ~np.isnan(shifted)
        past = np.where(both, (1 - weight) * past + weight * shifted, np.where(np.isnan(past), shifted, past))
    covered = ~np.isnan(past[:, start:])
    own = covered.mean(axis=1) >= 0.9
    scale = _mean(past) / np.maximum(_mean(np.where(np.isnan(past), np.nan, flat)), 1e-12)
    filled = np.where(np.isnan(past), flat * np.where(np.isfinite(scale), scale, 1.0)[:, None], past)
    method = np.where(own, 2, 0 if profile is None else 1)
    return np.where(own[:, None], np.maximum(filled, 0.0), flat), method


def _mean(y: Floats) -> Floats:
    there = ~np.isnan(y)
    return np.asarray(np.where(there, y, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1))


def _with_weather(
    y: Floats, shape: Floats, method: npt.NDArray[np.int64], outdoor: Floats, start: int, known: int
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Replace the shape by a degree-day model where temperature explains the use.

    y = base + h * HDD + c * CDD by least squares, balance points chosen for the least error; days to come
    take the mean degree days of the same season in the years there are.
    """
    count, days = y.shape
    t = np.full((count, days), np.nan)
    given = np.broadcast_to(np.atleast_2d(outdoor), (count, np.atleast_2d(outdoor).shape[1]))
    t[:, : min(known, given.shape[1])] = given[:, : min(known, given.shape[1])]
    usable = ~np.isnan(t[:, :known]) & ~np.isnan(y[:, :known])
    usable[:, : max(0, known - 2 * _YEAR)] = False
    best = np.full(count, np.inf)
    model = np.full((count, days), np.nan)
    total = _spread(y[:, :known], usable)
    for heating in HEATING_BASES:
        hdd = _with_normals(np.maximum(heating - t, 0.0), known)
        for cooling in COOLING_BASES:
            cdd = _with_normals(np.maximum(t - cooling, 0.0), known)
            fitted, error = _fit(y[:, :known], hdd, cdd, usable, known)
            better = error < best
            best = np.where(better, error, best)
            model = np.where(better[:, None], fitted, model)
    explained = 1 - best / np.maximum(total, 1e-12)
    enough = usable.sum(axis=1) >= 120
    reaches = ~np.isnan(model[:, start:]).any(axis=1)
    take = enough & reaches & (explained > 0.3)
    own = (method == 2)[:, None]
    blend = np.where(own, 0.6 * np.maximum(model, 0.0) + 0.4 * shape, np.maximum(model, 0.0))
    return np.where(take[:, None], blend, shape), np.where(take, 3, method)


def _spread(y: Floats, usable: npt.NDArray[np.bool_]) -> Floats:
    weight = usable.astype(np.float64)
    filled = np.where(usable, y, 0.0)
    mean = filled.sum(axis=1) / np.maximum(weight.sum(axis=1), 1)
    return np.asarray((weight * (filled - mean[:, None]) ** 2).sum(axis=1))


def _with_normals(degree_days: Floats, known: int) -> Floats:
    """Fill the days to come with the same season's mean of the years before; NaN where none reaches."""
    days = degree_days.shape[1]
    smooth = _moving_mean(degree_days[:, :known], _SMOOTH)
    filled = degree_days.copy()
    shifted = np.full((2, degree_days.shape[0], days), np.nan)
    for line, back in zip(shifted, (365, 730), strict=True):
        width = min(days - back, known)
        if width > 0:
            line[:, back : back + width] = smooth[:, :width]
    there = ~np.isnan(shifted)
    seen = there.sum(axis=0)
    normal = np.where(seen > 0, np.where(there, shifted, 0.0).sum(axis=0) / np.maximum(seen, 1), np.nan)
    filled[:, known:] = normal[:, known:]
    gaps = np.isnan(filled[:, :known])
    filled[:, :known] = np.where(gaps, smooth, filled[:, :known])
    return filled


def _fit(
    y: Floats, hdd: Floats, cdd: Floats, usable: npt.NDArray[np.bool_], known: int
) -> tuple[Floats, Floats]:
    """Least squares of y on 1, HDD, CDD for each line; slopes below zero are taken as none."""
    weight = usable.astype(np.float64)
    terms = np.stack([np.ones_like(hdd), hdd, cdd], axis=1)  # n, 3, days
    inside = np.where(usable[:, None, :], np.nan_to_num(terms[:, :, :known]), 0.0)
    filled = np.where(usable, y, 0.0)
    gram = inside @ inside.transpose(0, 2, 1)
    gram += np.eye(3) * (1e-6 * np.maximum(weight.sum(axis=1), 1.0))[:, None, None]
    right = (inside @ filled[:, :, None])[:, :, 0]
    slopes = np.linalg.solve(gram, right[:, :, None])[:, :, 0]
    slopes[:, 1:] = np.maximum(slopes[:, 1:], 0.0)
    rest = (filled - (slopes[:, 1:, None] * inside[:, 1:]).sum(axis=1)) * weight
    slopes[:, 0] = rest.sum(axis=1) / np.maximum(weight.sum(axis=1), 1)
    fitted = (slopes[:, :, None] * terms).sum(axis=1)
    error = (weight * (filled - fitted[:, :known]) ** 2).sum(axis=1)
    return fitted, error


def _outlook(
    y: Floats, expected: Floats, elapsed: int, limit: Floats, method: npt.NDArray[np.int64]
) -> Outlook:
    """Level of this period against the expected shape, carried to its end."""
    length = y.shape[1]
    there = ~np.isnan(y[:, :elapsed])
    seen = np.where(there, y[:, :elapsed], 0.0)
    hoped = np.where(there, expected[:, :elapsed], 0.0)
    typical = np.maximum(expected.mean(axis=1), 1e-12)
    used, base = seen.sum(axis=1), hoped.sum(axis=1)
    own = method >= 2
    prior = np.where(own, _PRIOR_DAYS, 3.0) * typical
    level = (used + prior) / (base + prior)
    recent = max(0, elapsed - _RECENT_DAYS)
    last = (seen[:, recent:].sum(axis=1) + prior * level) / (hoped[:, recent:].sum(axis=1) + prior)
    if length > _SEASON_DAYS:  # without a known season, the last weeks say little about the rest of a year
        last = np.where(own, last, level)
    ahead = np.arange(1, length - elapsed + 1)
    fade = np.exp(-ahead / _DECAY_DAYS)
    rate = level[:, None] + (last - level)[:, None] * fade[None, :]
    coming = expected[:, elapsed:] * rate
    path = np.concatenate([np.where(there, seen, expected[:, :elapsed] * level[:, None]), coming], axis=1)
    total = path.sum(axis=1)
    rest = coming.sum(axis=1)
    doubt = _doubt(seen, hoped, there, own, length - elapsed) * rest
    whole = np.maximum(expected.sum(axis=1), 1e-12)
    share = np.where(expected.sum(axis=1) > 0, expected[:, :elapsed].sum(axis=1) / whole, elapsed / length)
    over = np.cumsum(path, axis=1) > limit[:, None]
    passes = np.where(over.any(axis=1), over.argmax(axis=1), -1)
    return Outlook(share, total, np.maximum(total - doubt, used), total + doubt, passes, method)


def _doubt(
    seen: Floats, hoped: Floats, there: npt.NDArray[np.bool_], own: npt.NDArray[np.bool_], left: int
) -> Floats:
    """Half width of the 80 % interval as a share of what is to come.

    From the scatter of four-week blocks around the level, with 10 % assumed where blocks are few.
    """
    count, elapsed = seen.shape
    blocks = elapsed // 28
    assumed = np.where(own, 0.10, 0.18)
    if blocks:
        cut = elapsed - blocks * 28
        used = seen[:, cut:].reshape(count, blocks, 28).sum(axis=2)
        base = hoped[:, cut:].reshape(count, blocks, 28).sum(axis=2)
        level = used.sum(axis=1) / np.maximum(base.sum(axis=1), 1e-12)
        ratio = used / np.maximum(base * level[:, None], 1e-12) - 1
        ratio = np.where(base > 0, ratio, 0.0)
        variance = ((ratio**2).sum(axis=1) + 2 * assumed**2) / (blocks + 2)
    else:
        variance = assumed**2
    sigma = np.sqrt(variance)
    months_left = max(left / 28.0, 1e-9)
    together = np.sqrt(1.0 / max(months_left, 1.0) + 0.35)  # blocks are not independent
    return np.asarray(_WIDTH * _Z80 * sigma * min(1.2, float(together)))
