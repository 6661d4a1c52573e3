"""What a building may use: the limit that a scheme sets for it, in the scheme's metric and as an amount."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rules.limits import LEVELS, LimitRow, choose
from rules.model import Step, Words
from rules.names import asked_zh, input_of
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

_LIMIT = Words("limit", "本期定额")
_OF_SCHEME = Words("limit of the scheme", "标准限值")
_OF_MONTH = Words("limit of the month", "当月限值")
_MEAN = Words("mean of the years before", "历年均值")
_LEVEL_ZH = {"leading": "引导值", "baseline": "基准值", "constraint": "约束值"}


def allow(made: Plan, tables: Tables, rows: Sequence[LimitRow]) -> None:
    rule = made.measure.limit
    if isinstance(rule, FixedLimit):
        made.levels = dict(rule.levels)
        if rule.months and made.period.monthly:
            _month_of(made, rule)
        if rule.input and (value := made.number(rule.input, "the limit itself", "即限值")) is not None:
            made.levels[made.measure.limit_level or "constraint"] = value
    elif isinstance(rule, TableLimit):
        _table(made, rule, tables, rows)
    elif isinstance(rule, MixedUseLimit):
        _mixed(made, rule, tables, rows)
    elif isinstance(rule, HistoryLimit):
        _history(made, rule)
    elif isinstance(rule, ReferenceLimit):
        base = made.number(rule.input, "the reference year's value", "即基准年数值")
        cut = _newest(rule.cuts, made.period.year)
        if cut is None:
            made.miss(
                f"the scheme sets no target for {made.period.year}",
                f"该标准未规定 {made.period.year} 年的目标",
            )
        elif base is not None:
            _set(made, base * (1 - cut), f"{base:g} * (1 - {cut:g})")
    elif isinstance(rule, PartsLimit):
        parts = [made.number(name, "a part of the limit", "限值的组成部分") for name in rule.inputs]
        if None not in parts:
            _set(made, sum(part or 0.0 for part in parts), _joined(rule.inputs))
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


def _joined(names: Sequence[str]) -> Words:
    return Words(" + ".join(names), " + ".join(input_of(name).zh for name in names))


def _month_of(made: Plan, rule: FixedLimit) -> None:
    """A month's part of limits that are written for the year."""
    if rule.months == "profile":
        share = month_share(made.subject.type, made.period)
        note = Words("share by the profile of the building's type", "按同类建筑月度分布分解")
    else:
        share = rule.months[made.period.month - 1]
        note = Words("share as configured", "按规定的月度比例分解")
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
            made.miss(
                f"{name}: chooses the row of {rule.scheme}",
                f"{asked_zh(name)}：用于选取 {rule.scheme} 的限值",
            )
    if len(wanted) < len(rule.select):
        return
    found = choose(rows, rule.scheme, rule.metric, made.period.year, wanted)
    if len(found) != 1:
        shown = ", ".join(f"{key} {value!r}" for key, value in wanted.items())
        what = "has no row" if not found else f"has {len(found)} rows"
        made.miss(
            f"{rule.scheme}, {rule.metric}: {what} for {shown} in {made.period.year}",
            f"{rule.scheme}，{rule.metric}：{made.period.year} 年 {shown} 有 {len(found)} 条限值",
        )
        return
    _use_row(made, found[0], tables)
    made.levels = dict(found[0].levels)


def _use_row(made: Plan, row: LimitRow, tables: Tables) -> None:
    level = next(level for level in reversed(LEVELS) if level in row.levels)
    made.factors[row.id] = row.factor(tables.confirmed, level)
    en = ", ".join(f"{name} {value:g}" for name, value in row.levels.items())
    zh = "，".join(f"{_LEVEL_ZH.get(name, name)} {value:g}" for name, value in row.levels.items())
    made.steps.append(Step(_OF_SCHEME, row.id, row.levels[level], row.unit, Words(en, zh)))


def _mixed(made: Plan, rule: MixedUseLimit, tables: Tables, rows: Sequence[LimitRow]) -> None:
    uses = made.subject.inputs.get(rule.input)
    if uses is None and rule.fallback_type:
        kind = made.subject.inputs.get(rule.fallback_type) or getattr(made.subject, rule.fallback_type, "")
        area = made.number(rule.fallback_area, "floor area", "即建筑面积") if kind else None
        uses = {kind: area} if kind and area else None
    if not isinstance(uses, Mapping) or not uses:
        made.miss(f"{rule.input}: areas by use", f"{asked_zh(rule.input)}：按用途分列")
        return
    total = 0.0
    for use, area in uses.items():
        found = choose(rows, rule.scheme, rule.metric, made.period.year, {"type": str(use)})
        if len(found) != 1:
            made.miss(
                f"{rule.scheme}: no row for use {use!r} in {made.period.year}",
                f"{rule.scheme}：{made.period.year} 年无用途 {use} 的限值",
            )
            return
        _use_row(made, found[0], tables)
        total += float(area) * max(found[0].levels.values())
    en = " + ".join(f"{float(area):g} * limit of {use}" for use, area in uses.items())
    zh = " + ".join(f"{float(area):g} × {use} 限值" for use, area in uses.items())
    _set(made, total, Words(en, zh))


def _history(made: Plan, rule: HistoryLimit) -> None:
    values = made.subject.inputs.get(rule.input)
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        made.miss(
            f"{rule.input}: use of the previous {rule.years} years, or of the years there are",
            f"{asked_zh(rule.input)}：前 {rule.years} 年（不足者按已有年份）的用量",
        )
        return
    years = [float(value) for value in values][-rule.years :]
    own = made.subject.inputs.get(rule.reduction_input) if rule.reduction_input else None
    cut = float(own) if own is not None else _newest(rule.reduction, made.period.year)
    if cut is None:
        made.miss(
            f"the scheme sets no reduction for {made.period.year}",
            f"该标准未规定 {made.period.year} 年的降幅",
        )
        return
    mean = sum(years) / len(years)
    made.extra["mean"] = mean
    made.steps.append(Step(_MEAN, Words(f"{len(years)} years", f"{len(years)} 年平均"), mean, made.unit))
    _set(made, mean * (1 - cut), f"{mean:g} * (1 - {cut:g})")
