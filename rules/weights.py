"""Which readings count in a measure, and with what factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drivers.carrier import Carrier
from rules.accounting import Book
from rules.model import Step, Words, chinese
from rules.names import CARRIER_ZH, factor_of, input_of, unit_of
from rules.period import Period
from rules.plan import Plan
from rules.scheme import Measure, Term
from rules.series import ELECTRICITY, Key
from rules.tables import Tables

_GREEN = Words("green power left out", "扣除绿电")
_OWN_PV = Words("own PV left out", "扣除自用光伏")
_UNIT = Words("unit", "按计量值")
_INPUT, _LESS_INPUT = Words("input", "登记值"), Words("input, subtracted", "登记值（扣减）")
_OWN_INPUTS = ("cooling_plant_cop", "green_power_kwh")


def weigh(made: Plan, tables: Tables, keys: tuple[Key, ...]) -> None:
    """Weights of buildings of one region with the same series are the same: found once, then shared."""
    inputs = made.subject.inputs
    special = any(name in _OWN_INPUTS or name.endswith(("_items", "_mj_per_unit")) for name in inputs)
    if special or any(term.input for term in made.measure.terms):
        _weigh_anew(made, tables, keys)
        return
    key = (id(made.measure), made.period, tables.region_chain(made.subject.region)[0], keys)
    shared = tables.plans.get(key)
    if shared is None:
        first = Plan(made.subject, made.scheme, made.measure, made.period, made.unit)
        _weigh_anew(first, tables, keys)
        shared = tables.plans[key] = first
    made.weights, made.constant = shared.weights, shared.constant
    made.steps += shared.steps
    made.factors.update(shared.factors)
    made.missing += shared.missing


def _weigh_anew(made: Plan, tables: Tables, keys: Sequence[Key]) -> None:
    measure, period = made.measure, made.period
    ids: dict[str, Mapping[str, str]] = {}
    for chosen in measure.factors:
        if chosen.years[0] <= period.year <= chosen.years[1]:
            ids = {"kgce": chosen.kgce, "kgco2": chosen.kgco2}
    if measure.factors and not ids:
        made.miss(f"the scheme has no factors for {period.year}", f"该标准未给出 {period.year} 年的系数")
    book = Book(tables, made.subject, period.year, ids)
    there = set(keys)
    for term in measure.terms or _terms(measure, keys):
        _add(made, book, term, there)
    if measure.leave_out_renewable or measure.method != "location":
        _green(made, book)
    made.factors.update(book.used)
    for text in book.missing:
        made.miss(text, chinese(text))


def _terms(measure: Measure, keys: Sequence[Key]) -> list[Term]:
    """All carriers there are readings of, or those the measure names; water is no energy."""
    there = {carrier for carrier, item in keys if item == "total" and carrier != Carrier.WATER}
    return [Term(carrier=carrier) for carrier in (measure.carriers or sorted(there))]


def _add(made: Plan, book: Book, term: Term, keys: set[Key]) -> None:
    measure = made.measure
    if term.input:
        asked = not _absent(made, term)
        value = made.number(term.input, "needed by the scheme", "标准要求该值") if asked else 0.0
        made.constant += term.sign * (value or 0.0)
        made.steps.append(
            Step(input_of(term.input), _INPUT if term.sign > 0 else _LESS_INPUT, value, made.unit)
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
            made.miss(
                f"{term.carrier}{f' for {item}' if term.item else ''}: no readings",
                f"{CARRIER_ZH[term.carrier]}{f'（{item}）' if term.item else ''}：无读数",
            )
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
        unit = f"{made.unit}/{unit_of(term.carrier)}"
        names = ", ".join(factor.id for factor in coefficient.factors) or _UNIT
        made.steps.append(Step(factor_of(term.carrier, item), names, weight, unit))


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
    made.steps.append(Step(_GREEN, f"{green:g} kWh", -green * coefficient.value, made.unit))
    if measure.leave_out_renewable and (ELECTRICITY, "total") in made.weights:
        key = (ELECTRICITY, "pv_self_use")
        made.weights[key] = made.weights.get(key, 0.0) - coefficient.value
        made.steps.append(Step(_OWN_PV, input_of("pv_self_use"), -coefficient.value, f"{made.unit}/kWh"))
