"""Back-test of the forecast on recorded daily series, against "used so far ÷ share of days".

Periods of the past are judged day by day as if they were running; limits just below and above what was
really used at the end show how early a warning comes and how often it is wrong.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from collector.columns import DailyColumns
from drivers.errors import ConfigError, Problem
from rules.forecast import forecast
from rules.period import Period
from rules.series import ELECTRICITY, Days, Floats

LIMITS = (0.85, 0.92, 1.08, 1.15)
"""Limits of the trial as shares of what the period really used."""
YEARS = 6
"""So far back a back-test of a store goes."""
_POINTS = 10
_LEAST_HISTORY = 28


@dataclass(frozen=True, slots=True)
class Recorded:
    """A daily series: kWh and mean outdoor °C from `first` on, NaN where absent.

    profile: monthly use of the building's type, length 12, where the type is known.
    """

    name: str
    first: date
    energy: Floats
    outdoor: Floats
    profile: Floats | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """One method on one series and kind of period.

    error: mean absolute error of the forecast total, share of the true one. right: share of (day, limit)
    trials whose warning was right. false_alarms, missed: shares of trials. warned_at: mean share of the
    period after which a warning that came true stood until the end. inside: share of totals in the interval.
    """

    series: str
    kind: str
    method: str
    periods: int
    error: float
    right: float
    false_alarms: float
    missed: float
    warned_at: float
    inside: float | None


def read(path: Path) -> Recorded:
    """A CSV with columns day, kwh, outdoor_degc. Raises ConfigError if it is none."""
    problems: list[Problem] = []
    values: dict[date, tuple[float, float]] = {}
    try:
        lines = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error}")]) from error
    for number, line in enumerate(lines, start=2):
        try:
            day = date.fromisoformat(line["day"])
            values[day] = (float(line["kwh"] or "nan"), float(line.get("outdoor_degc") or "nan"))
        except (KeyError, ValueError) as error:
            problems.append(Problem(str(path), f"line {number}", f"{error}"))
    if problems or not values:
        raise ConfigError(problems or [Problem(str(path), "", "has no days")])
    first, last = min(values), max(values)
    days = [first + timedelta(days=at) for at in range((last - first).days + 1)]
    absent = (math.nan, math.nan)
    return Recorded(
        path.stem,
        first,
        np.array([values.get(day, absent)[0] for day in days]),
        np.array([values.get(day, absent)[1] for day in days]),
    )


def from_columns(
    columns: DailyColumns, first: date, outdoor: Mapping[date, float], profile: Floats
) -> Recorded | None:
    """A building's electricity out of the store, which begins on `first`; None if there is none."""
    days = Days.of_columns(columns, first).derived()
    place = days.index.get((ELECTRICITY, "total"))
    heard = np.flatnonzero(~np.isnan(days.energy[place])) if place is not None else np.array([], dtype=int)
    if place is None or not heard.size:
        return None
    low, high = int(heard[0]), int(heard[-1]) + 1
    start = first + timedelta(days=low)
    degrees = [outdoor.get(start + timedelta(days=at), math.nan) for at in range(high - low)]
    return Recorded(columns.building, start, days.energy[place, low:high], np.array(degrees), profile)


def whole(found: Sequence[Score]) -> list[Score]:
    """All series together by kind and method: means, weighted by the number of periods."""
    made = []
    for kind, method in dict.fromkeys((score.kind, score.method) for score in found):
        scores = [score for score in found if (score.kind, score.method) == (kind, method)]
        weights = [score.periods for score in scores]
        means = {
            name: float(np.average([getattr(score, name) for score in scores], weights=weights))
            for name in ("error", "right", "false_alarms", "missed", "warned_at")
        }
        inside = [score.inside for score in scores if score.inside is not None]
        within = float(np.average(inside, weights=weights)) if inside else None
        made.append(Score(f"all {len(scores)}", kind, method, sum(weights), **means, inside=within))
    return made


def verdict(scores: Iterable[Score]) -> list[str]:
    """Where the naive forecast is better, series by series; what is better everywhere says so."""
    pairs: dict[tuple[str, str], dict[str, Score]] = {}
    for score in scores:
        pairs.setdefault((score.series, score.kind), {})[score.method] = score
    lines = []
    for (series, kind), pair in pairs.items():
        ours, naive = pair["beacon"], pair["naive"]
        worse = [
            text
            for text, lost in (
                (f"its total errs by {ours.error:.1%}, naive by {naive.error:.1%}", ours.error > naive.error),
                (
                    f"{ours.right:.0%} of its warnings are right, naive {naive.right:.0%}",
                    ours.right < naive.right,
                ),
                (
                    f"it warns after {ours.warned_at:.0%} of the period, naive after {naive.warned_at:.0%}",
                    ours.warned_at > naive.warned_at,
                ),
            )
            if lost
        ]
        said = "; ".join(worse)
        lines.append(
            f"{series}, {kind}: " + (f"NOT better: {said}" if said else "as good as or better than naive")
        )
    return lines


def periods(recorded: Recorded, kind: str) -> list[tuple[int, int]]:
    """(start column, days) of the months, calendar years or 365-day years that the series covers wholly."""
    found = []
    last = recorded.first + timedelta(days=len(recorded.energy) - 1)
    month = Period.containing(recorded.first, monthly=True)
    while month.first <= last:
        start = (month.first - recorded.first).days
        length = month.days if kind == "month" else 365
        inside = recorded.energy[max(0, start) : start + length]
        whole = start + length <= len(recorded.energy) and start >= _LEAST_HISTORY
        if whole and np.isnan(inside).mean() < 0.1:
            found.append((start, length))
        month = month.shifted(1)
    return found


def backtest(recorded: Recorded, kind: str) -> list[Score]:
    """Scores of our forecast and of the naive one; [] if the series is too short for the kind of period."""
    spans = periods(recorded, kind)
    if not spans:
        return []
    trials = [_trial(recorded, start, length) for start, length in spans]
    return [
        _score(recorded.name, kind, "beacon", [trial[0] for trial in trials], trials),
        _score(recorded.name, kind, "naive", [trial[1] for trial in trials], trials),
    ]


Trial = tuple[Floats, Floats, Floats, float]  # ours, naive, inside, actual; one value a point of the period


def _trial(recorded: Recorded, start: int, length: int) -> Trial:
    actual = float(np.nansum(recorded.energy[start : start + length]))
    ours, naive, inside = [], [], []
    for point in range(1, _POINTS):
        elapsed = max(1, round(length * point / _POINTS))
        known = start + elapsed
        seen = recorded.energy[start:known]
        outlook = forecast(
            recorded.energy[None, :known],
            recorded.first,
            start,
            length,
            elapsed,
            np.array([np.nan]),
            profile=recorded.profile,
            outdoor=recorded.outdoor[:known],
        )
        counted = (~np.isnan(seen)).sum()
        gaps = np.isnan(recorded.energy[start : start + length]).sum()
        ours.append(float(outlook.total[0]))
        naive.append(float(np.nansum(seen)) / max(counted, 1) * (length - gaps))
        inside.append(float(outlook.low[0] <= actual <= outlook.high[0]))
    return np.array(ours), np.array(naive), np.array(inside), actual


def _score(series: str, kind: str, method: str, totals: Sequence[Floats], trials: Iterable[Trial]) -> Score:
    errors, right, false_alarms, missed, warned, inside = [], [], [], [], [], []
    for total, (_, _, within, actual) in zip(totals, trials, strict=True):
        errors += list(np.abs(total / actual - 1))
        inside += list(within)
        for share in LIMITS:
            says = total > share * actual
            truth = share < 1
            right += list(says == truth)
            false_alarms += list(says & (not truth))
            missed += list(~says & truth)
            if truth:
                silent = np.flatnonzero(~says)
                warned.append((silent[-1] + 2 if silent.size else 1) / _POINTS)
    return Score(
        series,
        kind,
        method,
        len(totals),
        float(np.mean(errors)),
        float(np.mean(right)),
        float(np.mean(false_alarms)),
        float(np.mean(missed)),
        float(np.mean(warned)),
        float(np.mean(inside)) if method == "beacon" else None,
    )


def table(scores: Iterable[Score]) -> str:
    """The scores as a table for people."""
    lines = [
        f"{'series':22} {'period':6} {'method':7} {'n':>3} {'error':>7} {'right':>6} {'false':>6} "
        f"{'missed':>6} {'warned after':>12} {'in 80 %':>8}"
    ]
    for score in scores:
        inside = f"{score.inside:8.0%}" if score.inside is not None else f"{'':8}"
        lines.append(
            f"{score.series:22} {score.kind:6} {score.method:7} {score.periods:3} {score.error:7.1%} "
            f"{score.right:6.0%} {score.false_alarms:6.0%} {score.missed:6.0%} "
            f"{score.warned_at:12.0%} {inside}"
        )
    return "\n".join(lines)
