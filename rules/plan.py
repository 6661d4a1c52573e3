"""From a scheme's measure and a subject to plain numbers: weights of the readings, one slope, one limit.

Everything a scheme says about one building and one period is linear in the readings:
    amount = sum(weight[key] * energy[key]) + constant        value = amount * slope
so a plan is made once and a portfolio is judged with array arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from drivers.carrier import UNIT, Carrier
from rules.accounting import Book
from rules.limits import LEVELS, LimitRow, choose, packaged
from rules.model import Factor, Step, Subject
from rules.period import Period
from rules.scheme import (
    Choice,
    Correction,
    FixedLimit,
    HistoryLimit,
    Measure,
    MixedUseLimit,
    PartsLimit,
    Ratio,
    ReferenceLimit,
    Scheme,
    Steps,
    TableLimit,
    Term,
)
from rules.series import ELECTRICITY, Key
from rules.tables import Tables, is_confirmed

FT2_PER_M2 = 10.7639104
AMOUNT_UNIT = {"kwh": "kWh", "kgce": "kgce", "kgco2": "kgCO2"}


@dataclass
class Plan:
    """What one measure asks of one subject in one period.

    weights: readings to amount. constant: part of the whole period's amount that no reading gives.
    slope: amount to the scheme's metric, None if an input is missing.
    levels: level name -> metric value. limit_value, limit: the quota, as metric and as amount.
    grade: set where the scheme grades without numbers (not submitted, exempt).
    """

    subject: Subject
    scheme: Scheme
    measure: Measure
    period: Period
    unit: str
    weights: dict[Key, float] = field(default_factory=dict)
    constant: float = 0.0
    slope: float | None = 1.0
    levels: dict[str, float] = field(default_factory=dict)
    limit_value: float | None = None
    limit: float | None = None
    grade: str = ""
    steps: list[Step] = field(default_factory=list)
    factors: dict[str, Factor] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


def rounded(value: float, decimals: int) -> float:
    """Half up at `decimals`, as the schemes do, and not to the even neighbour."""
    exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return float(exact)


def plan(
    subject: Subject,
    scheme: Scheme,
    measure: Measure,
    period: Period,
    tables: Tables,
    keys: Sequence[Key],
    limits: Sequence[LimitRow] | None = None,
) -> Plan:
    """Make the plan; what the scheme needs and the subject lacks is named in `missing`, one by one.

    keys: the series there are readings of.
    """
    made = Plan(subject, scheme, measure, period, measure.unit or AMOUNT_UNIT.get(measure.quantity, ""))
    confirmed = is_confirmed(scheme.confidence) or scheme.id in tables.confirmed
    made.factors[scheme.id] = Factor(
        scheme.id, "scheme", 0.0, "", "", scheme.edition, scheme.source, scheme.confidence, confirmed
    )
    status = str(subject.inputs.get("status", ""))
    if status in measure.special:
        made.grade = measure.special[status]
        made.steps.append(Step("status", f"status is {status!r}", None, "", f"graded {made.grade}"))
        return made
    _weigh_once(made, tables, tuple(keys))
    _slope(made)
    _limit(made, tables, packaged() if limits is None else limits)
    return made


def _number(made: Plan, name: str, what: str) -> float | None:
    """An input as a number; when it is not there it is named."""
    value = made.subject.inputs.get(name)
    try:
        return float(value) if value is not None else _miss(made, f"{name}: {what}")
    except (TypeError, ValueError):
        return _miss(made, f"{name}: {value!r} is not a number")


def _miss(made: Plan, text: str) -> float | None:
    """Name what is missing; None, for the caller to return in the value's place."""
    if text not in made.missing:
        made.missing.append(text)
    return None


_OWN_INPUTS = ("cooling_plant_cop", "green_power_kwh")


def _weigh_once(made: Plan, tables: Tables, keys: tuple[Key, ...]) -> None:
    """Weights of buildings of one region with the same series are the same: found once, then shared."""
    inputs = made.subject.inputs
    special = any(name in _OWN_INPUTS or name.endswith(("_items", "_mj_per_unit")) for name in inputs)
    if special or any(term.input for term in made.measure.terms):
        _weigh(made, tables, keys)
        return
    key = (id(made.measure), made.period, tables.region_chain(made.subject.region)[0], keys)
    shared = tables.plans.get(key)
    if shared is None:
        first = Plan(made.subject, made.scheme, made.measure, made.period, made.unit)
        _weigh(first, tables, keys)
        shared = tables.plans[key] = first
    made.weights, made.constant = shared.weights, shared.constant
    made.steps += shared.steps
    made.factors.update(shared.factors)
    made.missing += shared.missing


def _weigh(made: Plan, tables: Tables, keys: Sequence[Key]) -> None:
    measure, period = made.measure, made.period
    ids: dict[str, Mapping[str, str]] = {}
    for chosen in measure.factors:
        if chosen.years[0] <= period.year <= chosen.years[1]:
            ids = {"kgce": chosen.kgce, "kgco2": chosen.kgco2}
    if measure.factors and not ids:
        _miss(made, f"the scheme has no factors for {period.year}")
    book = Book(tables, made.subject, period.year, ids)
    there = set(keys)
    for term in measure.terms or _terms(measure, keys):
        _add(made, book, term, there)
    if measure.leave_out_renewable or measure.method != "location":
        _green(made, book)
    made.factors.update(book.used)
    for text in book.missing:
        _miss(made, text)


def _terms(measure: Measure, keys: Sequence[Key]) -> list[Term]:
    """All carriers there are readings of, or those the measure names; water is no energy."""
    there = {carrier for carrier, item in keys if item == "total" and carrier != Carrier.WATER}
    return [Term(carrier=carrier) for carrier in (measure.carriers or sorted(there))]


def _add(made: Plan, book: Book, term: Term, keys: set[Key]) -> None:
    measure = made.measure
    if term.input:
        value = _number(made, term.input, "needed by the scheme") if not _absent(made, term) else 0.0
        made.constant += term.sign * (value or 0.0)
        made.steps.append(
            Step(term.input, "input" if term.sign > 0 else "input, subtracted", value, made.unit)
        )
        return
    grid_only = measure.quantity == "kgco2" and term.carrier == ELECTRICITY
    item = term.item or ("grid" if grid_only else "total")
    members = [item]
    if (term.carrier, item) not in keys:
        members = list(made.subject.inputs.get(f"{item}_items", ()))
    found = [(term.carrier, member) for member in members if (term.carrier, member) in keys]
    if not found:
        optional = term.optional or (not measure.terms and not measure.carriers)
        if not (optional or (measure.carriers and term.carrier != ELECTRICITY)):
            _miss(made, f"{term.carrier}{f' for {item}' if term.item else ''}: no readings")
        return
    method = "net-of-nonfossil" if grid_only and measure.method == "net_of_nonfossil" else ""
    kind = measure.quantity
    coefficient = book.coefficient(kind, term.carrier, method) if kind != "native" else None
    if kind != "native" and coefficient is None:
        return
    weight = term.sign * (coefficient.value if coefficient else 1.0)
    for key in found:
        made.weights[key] = made.weights.get(key, 0.0) + weight
    if coefficient:
        unit = f"{made.unit}/{UNIT[Carrier(term.carrier)]}"
        names = ", ".join(factor.id for factor in coefficient.factors) or "unit"
        made.steps.append(Step(f"factor of {term.carrier} ({item})", names, weight, unit))


def _absent(made: Plan, term: Term) -> bool:
    return term.optional and made.subject.inputs.get(term.input) is None


def _green(made: Plan, book: Book) -> None:
    """Take green power, and with total control own PV, out of what the readings give."""
    measure = made.measure
    annual = float(made.subject.inputs.get("green_power_kwh") or 0.0)
    green = annual * made.period.days / Period(made.period.year).days
    method = (
        "net-of-nonfossil" if measure.method == "net_of_nonfossil" and measure.quantity == "kgco2" else ""
    )
    coefficient = (
        book.coefficient(measure.quantity, ELECTRICITY, method) if measure.quantity != "native" else None
    )
    if coefficient is None:
        return
    made.constant -= green * coefficient.value
    made.steps.append(Step("green power left out", f"{green:g} kWh", -green * coefficient.value, made.unit))
    if measure.leave_out_renewable and (ELECTRICITY, "total") in made.weights:
        key = (ELECTRICITY, "pv_self_use")
        made.weights[key] = made.weights.get(key, 0.0) - coefficient.value
        made.steps.append(Step("own PV left out", "pv_self_use", -coefficient.value, f"{made.unit}/kWh"))


def _slope(made: Plan) -> None:
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
        base = _number(made, measure.relative_to, "what the building is compared with")
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
        float(own) if own else fields[name] if name in fields else _number(made, name, "divides the amount")
    )
    if not value or value <= 0:
        _miss(made, f"{name}: must be given and greater than zero")
        return None
    note = "floor area, no heated area given" if name == "heated_area" and not subject.heated_area_m2 else ""
    made.steps.append(Step("divided by", name, value, "", note))
    return value


def _correct(made: Plan, rule: Correction) -> float | None:
    given = made.subject.inputs.get(rule.input)
    if given is None and rule.optional:
        made.steps.append(Step(rule.name, f"{rule.input} not given", 1.0, "", "not applied"))
        return 1.0
    if isinstance(rule, Choice):
        if given not in rule.values:
            return _miss(made, f"{rule.input}: must be one of {', '.join(rule.values)}, got {given!r}")
        chosen = rule.values[str(given)]
        made.steps.append(Step(rule.name, f"{rule.input} = {given}", chosen, ""))
        return chosen
    x = _number(made, rule.input, f"needed for {rule.name}")
    if x is None:
        return None
    return _ratio(made, rule, x) if isinstance(rule, Ratio) else _step(made, rule, x)


def _ratio(made: Plan, rule: Ratio, x: float) -> float | None:
    if x <= 0:
        return _miss(made, f"{rule.input}: must be greater than zero, got {x:g}")
    over = f"{rule.reference:g}/{x:g}" if rule.inverse else f"{x:g}/{rule.reference:g}"
    raw = rule.constant + rule.slope * (rule.reference / x if rule.inverse else x / rule.reference)
    value = max(rule.least, raw) if rule.least is not None else raw
    value = min(rule.most, value) if rule.most is not None else value
    value = rounded(value, rule.decimals) if rule.decimals is not None else value
    formula = f"{rule.constant:g} + {rule.slope:g} * {over}"
    made.steps.append(Step(rule.name, formula, value, "", f"unrounded {raw:.6f}" if value != raw else ""))
    made.extra[rule.name] = {"value": value, "unrounded": raw}
    return value


def _step(made: Plan, rule: Steps, x: float) -> float | None:
    for below, factor in rule.steps:
        if x < below:
            made.steps.append(Step(rule.name, f"{rule.input} = {x:g} is below {below:g}", factor, ""))
            return factor
    return _miss(made, f"{rule.input}: {x:g} is above the scheme's last step")


def _limit(made: Plan, tables: Tables, rows: Sequence[LimitRow]) -> None:
    rule = made.measure.limit
    if isinstance(rule, FixedLimit):
        made.levels = dict(rule.levels)
        if rule.input and (value := _number(made, rule.input, "the limit itself")) is not None:
            made.levels[made.measure.limit_level or "constraint"] = value
    elif isinstance(rule, TableLimit):
        _table(made, rule, tables, rows)
    elif isinstance(rule, MixedUseLimit):
        _mixed(made, rule, tables, rows)
    elif isinstance(rule, HistoryLimit):
        _history(made, rule)
    elif isinstance(rule, ReferenceLimit):
        base = _number(made, rule.input, "the reference year's value")
        cut = _newest(rule.cuts, made.period.year)
        if cut is None:
            _miss(made, f"the scheme sets no target for {made.period.year}")
        elif base is not None:
            _set(made, base * (1 - cut), f"{base:g} * (1 - {cut:g})")
    elif isinstance(rule, PartsLimit):
        parts = [_number(made, name, "a part of the limit") for name in rule.inputs]
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
            Step("limit", f"{made.limit_value:g} {made.measure.metric_unit} / slope", made.limit, made.unit)
        )


def _set(made: Plan, value: float, formula: str) -> None:
    made.levels = {made.measure.limit_level or "constraint": value}
    made.steps.append(Step("limit of the scheme", formula, value, made.measure.metric_unit))


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
            _miss(made, f"{name}: chooses the row of {rule.scheme}")
    if len(wanted) < len(rule.select):
        return
    found = choose(rows, rule.scheme, rule.metric, made.period.year, wanted)
    if len(found) != 1:
        shown = ", ".join(f"{key} {value!r}" for key, value in wanted.items())
        what = "has no row" if not found else f"has {len(found)} rows"
        _miss(made, f"{rule.scheme}, {rule.metric}: {what} for {shown} in {made.period.year}")
        return
    _use_row(made, found[0], tables)
    made.levels = dict(found[0].levels)


def _use_row(made: Plan, row: LimitRow, tables: Tables) -> None:
    level = next(level for level in reversed(LEVELS) if level in row.levels)
    made.factors[row.id] = row.factor(tables.confirmed, level)
    shown = ", ".join(f"{name} {value:g}" for name, value in row.levels.items())
    made.steps.append(Step("limit of the scheme", row.id, row.levels[level], row.unit, shown))


def _mixed(made: Plan, rule: MixedUseLimit, tables: Tables, rows: Sequence[LimitRow]) -> None:
    uses = made.subject.inputs.get(rule.input)
    if uses is None and rule.fallback_type:
        kind = made.subject.inputs.get(rule.fallback_type) or getattr(made.subject, rule.fallback_type, "")
        area = _number(made, rule.fallback_area, "floor area") if kind else None
        uses = {kind: area} if kind and area else None
    if not isinstance(uses, Mapping) or not uses:
        _miss(made, f"{rule.input}: areas by use")
        return
    total = 0.0
    for use, area in uses.items():
        found = choose(rows, rule.scheme, rule.metric, made.period.year, {"type": str(use)})
        if len(found) != 1:
            _miss(made, f"{rule.scheme}: no row for use {use!r} in {made.period.year}")
            return
        _use_row(made, found[0], tables)
        total += float(area) * max(found[0].levels.values())
    _set(made, total, " + ".join(f"{float(area):g} * limit of {use}" for use, area in uses.items()))


def _history(made: Plan, rule: HistoryLimit) -> None:
    values = made.subject.inputs.get(rule.input)
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        _miss(made, f"{rule.input}: use of the previous {rule.years} years, or of the years there are")
        return
    years = [float(value) for value in values][-rule.years :]
    own = made.subject.inputs.get(rule.reduction_input) if rule.reduction_input else None
    cut = float(own) if own is not None else _newest(rule.reduction, made.period.year)
    if cut is None:
        _miss(made, f"the scheme sets no reduction for {made.period.year}")
        return
    mean = sum(years) / len(years)
    made.extra["mean"] = mean
    made.steps.append(Step("mean of the years before", f"{len(years)} years", mean, made.unit))
    _set(made, mean * (1 - cut), f"{mean:g} * (1 - {cut:g})")
