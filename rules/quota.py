"""Judge a building against a scheme: what it used, what it may use, where it is heading, and why.

`plan` says what to weigh and what is allowed, `prepare` does the arithmetic, `settle` turns it and a
forecast into a judgement; `judge` is all of it for one building, the runner does it for many at once. There
is no other way to a judgement.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np

from collector.model import DailyRow
from rules import forecast as forecasting
from rules.block import Block
from rules.cases import HISTORY_DAYS as HISTORY_DAYS
from rules.cases import Case, prepare
from rules.forecast import METHODS
from rules.limits import LEVELS, LimitRow
from rules.model import (
    GRADE_WORDS,
    Factor,
    Forecast,
    Judgement,
    Level,
    Step,
    Subject,
    Text,
    Words,
    chinese,
)
from rules.names import confidence_zh, readings_of, unit_of
from rules.period import Period
from rules.plan import Plan, rounded
from rules.planning import plan
from rules.scheme import Measure, Scheme
from rules.series import Days, Floats
from rules.tables import Tables

_SUM_OF_DAYS = Words("sum of days", "逐日累计")
_SUM = Words("sum of factor * readings", "Σ（系数 × 读数）")
_TO_THE_END = Words("to the end of the period", "推算至周期末")
_AMOUNT = Words("amount", "核算用量")
_VALUE = Words("value", "指标值")
_FORECAST = Words("forecast", "预测")
_GRADE = Words("grade", "评价结果")
_OF_FORECAST = Words("of the forecast", "按预测值")
_METHOD_ZH = {
    "history": "按本建筑历史推算",
    "weather": "按历史与气象推算",
    "profile": "按同类建筑月度分布推算",
    "days": "按已过天数推算",
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a judgement changes its level.

    coverage: least mean coverage of the days so far. watch: share of the limit that the forecast must pass
    for `watch`; `warning` begins above the limit itself.
    """

    coverage: float = 0.9
    watch: float = 0.95


def judge(
    subject: Subject,
    scheme: Scheme,
    rows: Iterable[DailyRow],
    period: Period,
    tables: Tables,
    *,
    through: date | None = None,
    thresholds: Thresholds | None = None,
    profile: Floats | None = None,
    outdoor: Floats | None = None,
    limits: Sequence[LimitRow] | None = None,
) -> list[Judgement]:
    """Judge every measure of a scheme that is made for this kind of period.

    rows: the building's daily rows, as far back as there are; order and repetition do not matter.
    through: last whole day that counts; by default the end of the period.
    profile: monthly use of the building's type, length 12.
    outdoor: daily mean °C from HISTORY_DAYS before the period on.
    """
    last = min(through or period.last, period.last)
    start = period.first - timedelta(days=HISTORY_DAYS)
    days = Days.of(rows, start, last)
    plans = [
        (0, plan(subject, scheme, measure, period, tables, days.keys, limits))
        for measure in measures(scheme, period)
    ]
    found = [
        settle(case, _outlook(case, profile, outdoor), tables, thresholds or Thresholds())
        for case in (prepare(plans, Block([days]), last) if plans else ())
    ]
    routes(scheme, found)
    return found


def measures(scheme: Scheme, period: Period) -> list[Measure]:
    kind = "month" if period.monthly else "year"
    return [measure for measure in scheme.measure if measure.period == kind]


def stack(cases: Sequence[Case], known: int) -> Floats:
    """The last `known` days of every case, one line each, NaN where unknown."""
    lines = np.full((len(cases), known), np.nan)
    for line, case in zip(lines, cases, strict=True):
        if size := min(known, case.daily.size):
            line[-size:] = case.daily[-size:]
    return lines


def _outlook(case: Case, profile: Floats | None, outdoor: Floats | None) -> Forecast | None:
    if not is_open(case):
        return None
    return outlooks([case], case.plan.period.first, profile=profile, outdoor=outdoor)[0]


def is_open(case: Case) -> bool:
    """Whether there is something to forecast, and something to forecast it from."""
    return not case.closed and bool(case.plan.weights) and case.elapsed > 0


def settle(case: Case, outlook: Forecast | None, tables: Tables, thresholds: Thresholds) -> Judgement:
    """The judgement of a case; `outlook` is None for a closed period."""
    made = case.plan
    measure, subject = made.measure, made.subject
    missing = list(made.missing)
    if not made.weights and not made.constant and not made.grade and not missing:
        missing.append(Words("no readings in the period", "本期无读数"))
    sure = not missing and (case.coverage >= thresholds.coverage or bool(made.grade))
    forecast = outlook if sure else None
    final = forecast.total if forecast else case.used
    value = _value(made, case.used) if not missing else None
    graded = _value(made, final) if sure else None
    grade = made.grade or (_grade(made, graded) if graded is not None else "")
    level = _level(made, case.used, forecast, sure, thresholds)
    over = max(0.0, final - made.limit) if made.limit is not None and sure else None
    penalty = measure.penalty
    factors = tuple(sorted(made.factors.values(), key=lambda factor: factor.id))
    reasons = _reasons(case, missing, factors, thresholds)
    share = case.used / made.limit if made.limit and not missing else None
    return Judgement(
        building=subject.id,
        scheme=made.scheme.id,
        basis=measure.id,
        period=made.period,
        unit=made.unit,
        used=case.used,
        limit=made.limit,
        share=share,
        value=value,
        metric_unit=measure.metric_unit or made.unit,
        limit_value=made.limit_value,
        limits=made.levels,
        grade=grade,
        level=level,
        coverage=case.coverage,
        estimated=case.estimated,
        forecast=forecast,
        penalty=over * penalty.rate / penalty.per if penalty and over is not None else None,
        penalty_unit=penalty.unit if penalty else "",
        steps=(*_readings(case), *made.steps, *_results(case, value, graded, grade, forecast)),
        factors=factors,
        missing=tuple(missing),
        public=not reasons,
        reasons=tuple(reasons),
        tables_version=tables.version,
        extra=made.extra | _alarm(made, final, sure),
    )


def outlooks(
    cases: Sequence[Case],
    first: date,
    *,
    profile: Floats | None = None,
    outdoor: Floats | None = None,
) -> list[Forecast]:
    """Forecasts of open cases of one period, which begins on `first`, all known up to the same day."""
    elapsed = cases[0].elapsed
    made = forecasting.forecast(
        stack(cases, HISTORY_DAYS + elapsed),
        first - timedelta(days=HISTORY_DAYS),
        HISTORY_DAYS,
        cases[0].plan.period.days,
        elapsed,
        np.array([math.nan if case.plan.limit is None else case.plan.limit for case in cases]),
        profile=profile,
        outdoor=outdoor,
    )
    columns = (made.expected_share, made.total, made.low, made.high, made.passes, made.method)
    return [
        Forecast(
            share, total, low, high, first + timedelta(days=passes) if passes >= 0 else None, METHODS[method]
        )
        for share, total, low, high, passes, method in zip(*(part.tolist() for part in columns), strict=True)
    ]


def _value(made: Plan, amount: float) -> float | None:
    if made.slope is None:
        return None
    value = amount * made.slope
    return rounded(value, made.measure.decimals) if made.measure.decimals is not None else value


def _grade(made: Plan, value: float) -> str:
    """The first level or band that the value reaches; edges are inclusive."""
    for band in made.measure.bands:
        if band.upto is None and band.least is None:
            return band.grade
        if (band.upto is not None and value <= band.upto) or (band.least is not None and value >= band.least):
            return band.grade
    if made.measure.bands or not made.levels:
        return ""
    edges = sorted(
        made.levels.items(), key=lambda entry: (entry[1], LEVELS.index(entry[0]) if entry[0] in LEVELS else 9)
    )
    for level, edge in edges:
        if value <= edge or math.isclose(value, edge, rel_tol=1e-12):
            return made.measure.within or level
    return made.measure.over


def _level(made: Plan, used: float, forecast: Forecast | None, sure: bool, thresholds: Thresholds) -> Level:
    if not sure:
        return Level.INSUFFICIENT_DATA
    limit = made.limit
    if limit is None or made.grade:
        return Level.OK
    if used > limit and not math.isclose(used, limit, rel_tol=1e-12):
        return Level.EXCEEDED
    if forecast is None:
        return Level.OK
    if forecast.total > limit:
        return Level.WARNING
    if forecast.total > thresholds.watch * limit:
        return Level.WATCH
    return Level.OK


def _alarm(made: Plan, amount: float, sure: bool) -> dict[str, Any]:
    ratio = made.measure.alarm_ratio
    if ratio is None or not made.limit or not sure:
        return {}
    return {"ratio": amount / made.limit, "alarm": amount / made.limit > ratio, "alarm_ratio": ratio}


def _readings(case: Case) -> list[Step]:
    note = _span(case.plan.period.first, case.through)
    return [
        Step(readings_of(carrier, item), _SUM_OF_DAYS, energy, unit_of(carrier), note)
        for (carrier, item), energy in case.energy
    ]


def _rough(amount: float) -> str:
    return f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:.4g}"


@cache
def _grade_words(grade: str) -> Words:
    return Words(*GRADE_WORDS.get(grade, (grade, grade)))


@cache
def _span(first: date, last: date) -> Words:
    return Words(f"{first} to {last}", f"{first} 至 {last}")


def _results(
    case: Case, value: float | None, graded: float | None, grade: str, forecast: Forecast | None
) -> list[Step]:
    made = case.plan
    steps = [Step(_AMOUNT, _SUM, case.used, made.unit)]
    if value is not None and made.slope != 1.0:
        steps.append(Step(_VALUE, f"amount * {made.slope:.9g}", value, made.measure.metric_unit))
    if forecast:
        low, high = _rough(forecast.low), _rough(forecast.high)
        note = Words(
            f"80 %: {low} to {high}; by {forecast.method}",
            f"80% 预测区间 {low} 至 {high}；{_METHOD_ZH[forecast.method]}",
        )
        steps.append(Step(_FORECAST, _TO_THE_END, forecast.total, made.unit, note))
    if grade:
        about = _OF_FORECAST if forecast else ""
        steps.append(Step(_GRADE, _grade_words(grade), graded, made.measure.metric_unit, about))
    return steps


def _reasons(
    case: Case, missing: Sequence[str], factors: Sequence[Factor], thresholds: Thresholds
) -> list[Text]:
    """Why this judgement must not be announced; empty when it may."""
    reasons = [Text(f"missing: {text}", f"缺少：{chinese(text)}") for text in missing]
    if case.coverage < thresholds.coverage and not case.plan.grade:
        share, least = f"{case.coverage:.1%}", f"{thresholds.coverage:.0%}"
        reasons.append(
            Text(
                f"only {share} of the time was measured, at least {least} is needed",
                f"计量覆盖率仅 {share}，低于要求的 {least}",
            )
        )
    reasons += [unconfirmed(factor.id, factor.confidence) for factor in factors if not factor.confirmed]
    return reasons


@cache
def unconfirmed(row_id: str, confidence: str) -> Text:
    """What is said of a row that its operator has not vouched for."""
    return Text(
        f"{row_id} is not confirmed ({confidence}); name it in `confirmed` to publish",
        f"{row_id} 未经核实（{confidence_zh(confidence)}），须在配置项 confirmed 中列明确认后方可公示",
    )


def routes(scheme: Scheme, found: Sequence[Judgement]) -> Sequence[Judgement]:
    """Say in the judgements of one building: with `any`, it passes when one route passes."""
    if scheme.routes == "any" and len(found) > 1:
        passed = [made.basis for made in found if made.level in (Level.OK, Level.WATCH)]
        for made in found:
            extra = made.extra
            assert isinstance(extra, dict)
            extra["routes_passed"] = passed
    return found


def detail(judgement: Judgement) -> Mapping[str, Any]:
    """The chain as plain data, for JSON."""
    made = judgement
    return {
        "value": made.value,
        "metric_unit": made.metric_unit,
        "limit_value": made.limit_value,
        "limits": dict(made.limits),
        "grade": made.grade,
        "public": made.public,
        "reasons": [{"en": reason.en, "zh": reason.zh} for reason in made.reasons],
        "missing": list(made.missing),
        "missing_zh": [chinese(text) for text in made.missing],
        "estimated": made.estimated,
        "penalty": made.penalty,
        "penalty_unit": made.penalty_unit,
        "method": made.forecast.method if made.forecast else None,
        "steps": [
            {
                "name": step.name, "name_zh": chinese(step.name), "formula": step.formula,
                "formula_zh": chinese(step.formula), "value": step.value, "unit": step.unit,
                "note": step.note, "note_zh": chinese(step.note),
            }
            for step in made.steps
        ],
        "factors": [
            {
                "id": factor.id, "kind": factor.kind, "value": factor.value, "unit": factor.unit,
                "year": factor.year, "source": factor.source, "confidence": factor.confidence,
                "confirmed": factor.confirmed, "fallback": factor.fallback,
                "fallback_zh": chinese(factor.fallback),
            }
            for factor in made.factors
        ],
        "extra": dict(made.extra),
    }  # fmt: skip
