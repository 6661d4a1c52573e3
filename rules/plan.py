"""From a scheme's measure and a subject to plain numbers: weights of the readings, one slope, one limit.

Everything a scheme says about one building and one period is linear in the readings:
    amount = sum(weight[key] * energy[key]) + constant        value = amount * slope
so a plan is made once and a portfolio is judged with array arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rules.model import Factor, Step, Subject, Words
from rules.names import asked_zh
from rules.period import Period
from rules.scheme import Measure, Scheme
from rules.series import Key


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
    missing: list[Words] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def miss(self, en: str, zh: str) -> float | None:
        """Name what is missing; None, for the caller to return in the value's place."""
        if en not in self.missing:
            self.missing.append(Words(en, zh))
        return None

    def number(self, name: str, en: str, zh: str) -> float | None:
        """An input as a number; when it is not there it is named."""
        value = self.subject.inputs.get(name)
        if value is None:
            return self.miss(f"{name}: {en}", f"{asked_zh(name)}：{zh}")
        try:
            return float(value)
        except (TypeError, ValueError):
            return self.miss(f"{name}: {value!r} is not a number", f"{asked_zh(name)}：{value!r} 不是数值")


def rounded(value: float, decimals: int) -> float:
    """Half up at `decimals`, as the schemes do, and not to the even neighbour."""
    exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return float(exact)
