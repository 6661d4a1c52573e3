"""From an amount to a scheme's metric: what it is divided by, and the scheme's corrections."""

from __future__ import annotations

from functools import cache

from rules.model import Step, Words
from rules.names import asked_zh, input_of
from rules.plan import Plan, rounded
from rules.scheme import Choice, Correction, Ratio, Steps

FT2_PER_M2 = 10.7639104
_AREAS = ("area", "net_area", "heated_area")
_DIVIDED_BY = Words("divided by", "除以")
_NOT_APPLIED = Words("not applied", "不作修正")
_NO_HEATED_AREA = Words("floor area, no heated area given", "未登记供暖面积，按建筑面积计")


@cache
def _not_given(name: str) -> Words:
    return Words(f"{name} not given", f"未提供{input_of(name).zh}")


def _given(name: str, value: str) -> Words:
    return Words(f"{name} = {value}", f"{input_of(name).zh}为 {value}")


def slope(made: Plan) -> None:
    measure = made.measure
    per = _per(made)
    slope = measure.scale / per if per else None
    for correction in measure.corrections:
        factor = _correct(made, correction)
        if slope is not None and factor is not None:
            slope = slope / factor if correction.divide else slope * factor
        elif not correction.optional:
            slope = None
    if measure.relative_to:
        base = made.number(measure.relative_to, "what the building is compared with", "用作比较基准")
        slope = slope * measure.relative_scale / base if slope is not None and base else None
    made.slope = slope


def _per(made: Plan) -> float | None:
    subject, name = made.subject, made.measure.per
    if name == "total":
        return 1.0
    fields: dict[str, float | None] = {
        "area": subject.area_m2,
        "net_area": subject.area_m2 - subject.special_area_m2 if subject.area_m2 else None,
        "heated_area": subject.heated_area_m2 or subject.area_m2,
        "area_ft2": subject.area_m2 * FT2_PER_M2 if subject.area_m2 else None,
    }
    own = subject.inputs.get("area_ft2") if name == "area_ft2" else None
    value = (
        float(own)
        if own
        else fields[name]
        if name in fields
        else made.number(name, "divides the amount", "用作除数")
    )
    if not value or value <= 0:
        made.miss(f"{name}: must be given and greater than zero", f"{asked_zh(name)}：须给出且大于零")
        return None
    note = _NO_HEATED_AREA if name == "heated_area" and not subject.heated_area_m2 else ""
    made.steps.append(Step(_DIVIDED_BY, input_of(name), value, "m2" if name in _AREAS else "", note))
    return value


def _correct(made: Plan, rule: Correction) -> float | None:
    given = made.subject.inputs.get(rule.input)
    if given is None and rule.optional:
        made.steps.append(Step(rule.name, _not_given(rule.input), 1.0, "", _NOT_APPLIED))
        return 1.0
    if isinstance(rule, Choice):
        if given not in rule.values:
            words = ", ".join(rule.values)
            return made.miss(
                f"{rule.input}: must be one of {words}, got {given!r}",
                f"{asked_zh(rule.input)}：须为 {words} 之一，实为 {given!r}",
            )
        chosen = rule.values[str(given)]
        made.steps.append(Step(rule.name, _given(rule.input, str(given)), chosen, ""))
        return chosen
    x = made.number(rule.input, f"needed for {rule.name}", f"修正系数 {rule.name} 需要该值")
    if x is None:
        return None
    return _ratio(made, rule, x) if isinstance(rule, Ratio) else _step(made, rule, x)


def _ratio(made: Plan, rule: Ratio, x: float) -> float | None:
    if x <= 0:
        return made.miss(
            f"{rule.input}: must be greater than zero, got {x:g}",
            f"{asked_zh(rule.input)}：须大于零，实为 {x:g}",
        )
    over = f"{rule.reference:g}/{x:g}" if rule.inverse else f"{x:g}/{rule.reference:g}"
    raw = rule.constant + rule.slope * (rule.reference / x if rule.inverse else x / rule.reference)
    value = max(rule.least, raw) if rule.least is not None else raw
    value = min(rule.most, value) if rule.most is not None else value
    value = rounded(value, rule.decimals) if rule.decimals is not None else value
    formula = f"{rule.constant:g} + {rule.slope:g} * {over}"
    note = Words(f"unrounded {raw:.6f}", f"取整前 {raw:.6f}") if value != raw else ""
    made.steps.append(Step(rule.name, formula, value, "", note))
    made.extra[rule.name] = {"value": value, "unrounded": raw}
    return value


def _step(made: Plan, rule: Steps, x: float) -> float | None:
    for below, factor in rule.steps:
        if x < below:
            en = f"{rule.input} = {x:g} is below {below:g}"
            formula = Words(en, f"{input_of(rule.input).zh} {x:g}，小于 {below:g}")
            made.steps.append(Step(rule.name, formula, factor, ""))
            return factor
    return made.miss(
        f"{rule.input}: {x:g} is above the scheme's last step",
        f"{asked_zh(rule.input)}：{x:g} 超出标准的最高一档",
    )
