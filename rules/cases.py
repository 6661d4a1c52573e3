"""A plan with its readings: everything of a judgement but the forecast, for many buildings together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from rules.accounting import DELIVERED
from rules.block import Block, Bools
from rules.plan import Plan
from rules.series import Floats, Key

HISTORY_DAYS = 730
"""Days before a period that the forecast looks at."""
_DELIVERED = {str(carrier) for carrier in DELIVERED}


@dataclass(slots=True)
class Case:
    """One plan with its readings.

    energy: what the weighted series came to, in the carriers' units. daily: amounts up to `through`, from the
    first day known on, at most HISTORY_DAYS before the period; elapsed: days of the period known.
    """

    plan: Plan
    through: date
    used: float
    coverage: float
    estimated: float
    energy: list[tuple[Key, float]] = field(default_factory=list)
    daily: Floats = field(default_factory=lambda: np.empty(0))

    @property
    def elapsed(self) -> int:
        return max(0, (self.through - self.plan.period.first).days + 1)

    @property
    def closed(self) -> bool:
        return self.through >= self.plan.period.last


def prepare(plans: Sequence[tuple[int, Plan]], block: Block, through: date) -> list[Case]:
    """Count what was used from the first day of the plans' common period through `through`.

    plans: (place of the building in the block, plan).
    """
    period = plans[0][1].period
    last = min(through, period.last)
    weights, named, slots = _weights(plans, block)
    totals = block.totals(period.first, last)
    parts = weights * totals.energy[:, None, :]
    size = np.abs(parts)
    whole = size.sum(axis=2)
    spread = (size * totals.estimated[:, None, :]).sum(axis=2) / np.where(whole > 0, whole, 1.0)
    amounts = parts.sum(axis=2).tolist()
    metered = named & np.array([carrier not in _DELIVERED for carrier, _ in block.keys], dtype=bool)
    covered = np.where(totals.heard, totals.coverage, 0.0)[:, None, :]
    least = np.where(metered, covered, np.inf).min(axis=2, initial=np.inf).tolist()
    spreads = np.where(whole > 0, spread, 0.0).tolist()
    daily = block.combine(weights, period.first - timedelta(days=HISTORY_DAYS), last)
    energies = totals.energy.tolist()
    heard = (named & totals.heard[:, None, :]).tolist()
    elapsed = max(0, (last - period.first).days + 1)
    share = elapsed / period.days
    cases = []
    for (place, plan), slot in zip(plans, slots, strict=True):
        weighted = bool(plan.weights)
        constant = plan.constant * share if weighted else plan.constant
        coverage = least[place][slot]
        if any(key not in block.index and key[0] not in _DELIVERED for key in plan.weights):
            coverage = 0.0
        elif coverage == np.inf:
            coverage = 1.0 if plan.constant or plan.grade or weighted else 0.0
        line = daily[place, slot]
        cases.append(
            Case(
                plan,
                last,
                amounts[place][slot] + constant,
                coverage,
                spreads[place][slot],
                [
                    (key, energy)
                    for key, energy, there in zip(
                        block.keys, energies[place], heard[place][slot], strict=True
                    )
                    if there
                ],
                line + constant / elapsed if constant and elapsed and weighted else line,
            )
        )
    return cases


def _weights(plans: Sequence[tuple[int, Plan]], block: Block) -> tuple[Floats, Bools, list[int]]:
    """Weights and which keys are named, shape (n, plans a building, keys); each plan's second index."""
    taken: dict[int, int] = {}
    slots = []
    for place, _ in plans:
        slots.append(taken.get(place, 0))
        taken[place] = slots[-1] + 1
    shape = (block.size, max(taken.values()), len(block.keys))
    weights, named = np.zeros(shape), np.zeros(shape, dtype=bool)
    lines: dict[int, tuple[Floats, Bools]] = {}
    for (place, plan), slot in zip(plans, slots, strict=True):
        line = lines.get(id(plan.weights))
        if line is None:
            line = lines[id(plan.weights)] = (np.zeros(shape[2]), np.zeros(shape[2], dtype=bool))
            for key, weight in plan.weights.items():
                if key in block.index:
                    line[0][block.index[key]], line[1][block.index[key]] = weight, True
        weights[place, slot], named[place, slot] = line
    return weights, named, slots
