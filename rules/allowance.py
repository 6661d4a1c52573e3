"""What a building may use: the limit that a scheme sets for it, in the scheme's metric and as an amount."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rules.limits import LEVELS, LimitRow, choose
from rules.model import Step, Words
from rules.plan import Plan
from rules.profiles import month_share
from rules.scheme import (
    FixedLimit,
    HistoryLimit,
    MixedUseLimit,
    PartsLimit,
    ReferenceLimit,
    TableLimit,
)
from rules.tables import Tables

_LIMIT = Words("limit", "限额")
_OF_SCHEME = Words("limit of the scheme", "方案限额")
_OF_MONTH = Words("limit of the month", "当月限额")
_MEAN = Words("mean of the years before", "前几年平均")


def allow(made: Plan, tables: Tables, rows: Sequence[LimitRow]) -> None:
    rule = made.measure.limit
    if isinstance(rule, FixedLimit):
        made.levels = dict(rule.levels)
        if rule.months and made.period.monthly:
            _month_of(made, rule)
        if rule.input and (value := made.number(rule.input, "the limit itself", "限额本身")) is not None:
            made.levels[made.measure.limit_level or "constraint"] = value
    elif isinstance(rule, TableLimit):
        _table(made, rule, tables, rows)
    elif isinstance(rule, MixedUseLimit):
        _mixed(made, rule, tables, rows)
    elif isinstance(rule, HistoryLimit):
        _history(made, rule)
    elif isinstance(rule, ReferenceLimit):
        base = made.number(rule.input, "the reference year's value", "基准年的值")
        cut = _newest(rule.cuts, made.period.year)
        if cut is None:
            made.miss(
                f"the scheme sets no target for {made.period.year}", f"方案没有 {made.period.year} 年的目标"
            )
        elif base is not None:
            _set(made, base * (1 - cut), f"{base:g} * (1 - {cut:g})")
    elif isinstance(rule, PartsLimit):
        parts = [made.number(name, "a part of the limit", "限额的组成部分") for name in rule.inputs]
        if None not in parts:
            _set(made, sum(part or 0.0 for part in parts), " + ".join(rule.inputs))
    if made.levels:
        wanted = made.measure.limit_level or next(
            (level for level in reversed(LEVELS) if level in made.levels),
            max(made.levels, key=made.levels.__getitem__),
        )
        made.limit_value = made.levels.get(wanted)
    if made.limit_value is not None and made.slope:
        made.limit = made.limit_value / made.slope
        made.steps.append(
            Step(_LIMIT, f"{made.limit_value:g} {made.measure.metric_unit} / slope", made.limit, made.unit)
        )


def _month_of(made: Plan, rule: FixedLimit) -> None:
    """A month's part of limits that are written for the year."""
    if rule.months == "profile":
        share = month_share(made.subject.type, made.period)
        note = Words("share by the profile of the building's type", "按同类建筑的月度曲线分配")
    else:
        share = rule.months[made.period.month - 1]
        note = Words("share as configured", "按配置的份额分配")
    for level, value in made.levels.items():
        made.levels[level] = value * share
        made.steps.append(
            Step(_OF_MONTH, f"{value:g} * {share:.4g}", value * share, made.measure.metric_unit, note)
        )


def _set(made: Plan, value: float, formula: str) -> None:
    made.levels = {made.measure.limit_level or "constraint": value}
    made.steps.append(Step(_OF_SCHEME, formula, value, made.measure.metric_unit))


def _newest(pairs: Sequence[tuple[int, float]], year: int) -> float | None:
    fitting = [pair for pair in pairs if pair[0] <= year]
    return max(fitting)[1] if fitting else None


def _table(made: Plan, rule: TableLimit, tables: Tables, rows: Sequence[LimitRow]) -> None:
    wanted: dict[str, str] = {}
    for column, name in rule.select.items():
        value = made.subject.inputs.get(name) or getattr(made.subject, name, "")
        if value:
            wanted[column] = str(value)
        else:
            made.miss(f"{name}: chooses the row of {rule.scheme}", f"{name}：用以选取 {rule.scheme} 的行")
    if len(wanted) < len(rule.select):
        return
    found = choose(rows, rule.scheme, rule.metric, made.period.year, wanted)
    if len(found) != 1:
        shown = ", ".join(f"{key} {value!r}" for key, value in wanted.items())
        what = "has no row" if not found else f"has {len(found)} rows"
        made.miss(
            f"{rule.scheme}, {rule.metric}: {what} for {shown} in {made.period.year}",
            f"{rule.scheme}，{rule.metric}：{made.period.year} 年 {shown} 有 {len(found)} 行，应为一行",
        )
        return
    _use_row(made, found[0], tables)
    made.levels = dict(found[0].levels)


def _use_row(made: Plan, row: LimitRow, tables: Tables) -> None:
    level = next(level for level in reversed(LEVELS) if level in row.levels)
    made.factors[row.id] = row.factor(tables.confirmed, level)
    shown = ", ".join(f"{name} {value:g}" for name, value in row.levels.items())
    made.steps.append(Step(_OF_SCHEME, row.id, row.levels[level], row.unit, shown))


def _mixed(made: Plan, rule: MixedUseLimit, tables: Tables, rows: Sequence[LimitRow]) -> None:
    uses = made.subject.inputs.get(rule.input)
    if uses is None and rule.fallback_type:
        kind = made.subject.inputs.get(rule.fallback_type) or getattr(made.subject, rule.fallback_type, "")
        area = made.number(rule.fallback_area, "floor area", "建筑面积") if kind else None
        uses = {kind: area} if kind and area else None
    if not isinstance(uses, Mapping) or not uses:
        made.miss(f"{rule.input}: areas by use", f"{rule.input}：各用途面积")
        return
    total = 0.0
    for use, area in uses.items():
        found = choose(rows, rule.scheme, rule.metric, made.period.year, {"type": str(use)})
        if len(found) != 1:
            made.miss(
                f"{rule.scheme}: no row for use {use!r} in {made.period.year}",
                f"{rule.scheme}：{made.period.year} 年没有用途 {use!r} 的行",
            )
            return
        _use_row(made, found[0], tables)
        total += float(area) * max(found[0].levels.values())
    _set(made, total, " + ".join(f"{float(area):g} * limit of {use}" for use, area in uses.items()))


def _history(made: Plan, rule: HistoryLimit) -> None:
    values = made.subject.inputs.get(rule.input)
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        made.miss(
            f"{rule.input}: use of the previous {rule.years} years, or of the years there are",
            f"{rule.input}：前 {rule.years} 年（或已有各年）的用量",
        )
        return
    years = [float(value) for value in values][-rule.years :]
    own = made.subject.inputs.get(rule.reduction_input) if rule.reduction_input else None
    cut = float(own) if own is not None else _newest(rule.reduction, made.period.year)
    if cut is None:
        made.miss(
            f"the scheme sets no reduction for {made.period.year}", f"方案没有 {made.period.year} 年的降幅"
        )
        return
    mean = sum(years) / len(years)
    made.extra["mean"] = mean
    made.steps.append(Step(_MEAN, f"{len(years)} years", mean, made.unit))
    _set(made, mean * (1 - cut), f"{mean:g} * (1 - {cut:g})")
