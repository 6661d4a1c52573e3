"""Totals and means of counted buildings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from dashboards.announce.model import CarrierUse, Entry, Totals, TypeSummary
from rules.accounting import change


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _change(
    entries: Iterable[Entry], value: Callable[[Entry], float], rate: Callable[[Entry], float | None]
) -> float | None:
    """Change of the area-weighted mean, of the buildings counted in both years."""
    now = then = 0.0
    for entry in entries:
        changed = rate(entry)
        if changed is not None:
            now += value(entry) * (entry.area_m2 or 0.0)
            then += value(entry) * (entry.area_m2 or 0.0) / (1 + changed)
    return change(then, now) if then else None


def summary(kind: str, entries: tuple[Entry, ...]) -> TypeSummary:
    area = sum(entry.area_m2 or 0.0 for entry in entries)
    kwh = sum(entry.kwh or 0.0 for entry in entries)
    return TypeSummary(
        type=kind,
        count=len(entries),
        area_m2=area,
        kwh=kwh,
        mean_eui=_mean([entry.eui for entry in entries]),
        eui_by_area=kwh / area if area else 0.0,
        kgco2=sum(entry.kgco2 or 0.0 for entry in entries),
        mean_kgco2_m2=_mean([entry.kgco2_m2 for entry in entries]),
        over=sum(bool(entry.over) for entry in entries),
        change_eui=_change(entries, lambda each: each.eui, lambda each: each.change_eui),
        entries=entries,
    )


def totals_of(entries: Sequence[Entry], listed: int) -> Totals:
    area = sum(entry.area_m2 or 0.0 for entry in entries)
    kwh, kgco2 = sum(entry.kwh or 0.0 for entry in entries), sum(entry.kgco2 or 0.0 for entry in entries)
    uses: dict[tuple[str, str], float] = defaultdict(float)
    for entry in entries:
        for use in entry.uses:
            uses[use.carrier, use.unit] += use.energy
    return Totals(
        listed=listed,
        counted=len(entries),
        area_m2=area,
        kwh=kwh,
        electricity_kwh=sum(entry.electricity_kwh or 0.0 for entry in entries),
        uses=tuple(CarrierUse(carrier, energy, unit) for (carrier, unit), energy in sorted(uses.items())),
        kgce=sum(entry.kgce or 0.0 for entry in entries),
        kgco2=kgco2,
        eui=kwh / area if area else 0.0,
        kgco2_m2=kgco2 / area if area else 0.0,
        renewable_kwh=sum(
            (entry.renewable_share or 0.0) * (entry.electricity_kwh or 0.0) for entry in entries
        ),
        coverage=_mean([entry.coverage for entry in entries]),
        over=sum(bool(entry.over) for entry in entries),
        over_official=sum(any(each.official for each in entry.over) for entry in entries),
        change_eui=_change(entries, lambda each: each.eui, lambda each: each.change_eui),
        change_kgco2_m2=_change(entries, lambda each: each.kgco2_m2, lambda each: each.change_kgco2_m2),
    )
