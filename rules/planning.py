"""Make the plan of one measure for one subject and period."""

from __future__ import annotations

from collections.abc import Sequence

from rules.allowance import allow
from rules.limits import LimitRow, packaged
from rules.model import Factor, Step, Subject, Words
from rules.period import Period
from rules.plan import Plan
from rules.scheme import Measure, Scheme
from rules.series import Key
from rules.slope import slope
from rules.tables import Tables, is_confirmed
from rules.weights import weigh

AMOUNT_UNIT = {"kwh": "kWh", "kgce": "kgce", "kgco2": "kgCO2"}


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
    made.factors[scheme.id] = _as_factor(scheme, tables)
    status = str(subject.inputs.get("status", ""))
    if status in measure.special:
        made.grade = measure.special[status]
        made.steps.append(
            Step(
                Words("status", "状态"),
                Words(f"status is {status!r}", f"状态为 {status}"),
                None,
                "",
                Words(f"graded {made.grade}", f"评为 {made.grade}"),
            )
        )
        return made
    weigh(made, tables, tuple(keys))
    slope(made)
    allow(made, tables, packaged() if limits is None else limits)
    return made


def _as_factor(scheme: Scheme, tables: Tables) -> Factor:
    """The scheme among the things a judgement rests on; one object for all buildings."""
    key = ("scheme", id(scheme))
    if key not in tables.plans:
        confirmed = is_confirmed(scheme.confidence) or scheme.id in tables.confirmed
        tables.plans[key] = (
            scheme,
            Factor(
                scheme.id, "scheme", 0.0, "", "", scheme.edition, scheme.source, scheme.confidence, confirmed,
                name=Words(scheme.name_en, scheme.name_zh),
            ),
        )  # fmt: skip
    found: Factor = tables.plans[key][1]
    return found
