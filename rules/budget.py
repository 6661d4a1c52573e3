"""Plain budgets: an operator's own yearly or monthly limits, expressed as schemes of one measure."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rules.scheme import FactorSet, FixedLimit, Measure, Quantity, Scheme

Basis = Literal["energy_kwh", "energy_kgce", "carbon_kgco2"]
_QUANTITY: dict[str, Quantity] = {"energy_kwh": "kwh", "energy_kgce": "kgce", "carbon_kgco2": "kgco2"}
_UNIT = {"energy_kwh": "kWh", "energy_kgce": "kgce", "carbon_kgco2": "kgCO2"}
_PER = {"area": "m2", "heated_area": "m2", "net_area": "m2", "people": "person", "beds": "bed"}


class Target(BaseModel):
    """Which buildings something holds for; empty means any. regions: prefixes such as `33` or `3301`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    buildings: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    def covers(self, building: str, kind: str, region: str) -> bool:
        return (
            (not self.buildings or building in self.buildings)
            and (not self.types or kind in self.types)
            and (not self.regions or any(region.startswith(prefix) for prefix in self.regions))
        )

    @property
    def rank(self) -> int:
        """How narrow the target is: a building before a type before a region before all."""
        return 4 * bool(self.buildings) + 2 * bool(self.types) + bool(self.regions)


class Budget(Target):
    """One limit of the operator. per: total, area, heated_area, net_area, or an input such as people."""

    scheme: str = Field(default="budget", min_length=1, max_length=80)
    basis: Basis
    limit: float = Field(gt=0, allow_inf_nan=False)
    per: str = "total"
    period: Literal["year", "month"] = "year"
    years: tuple[int, int] = (0, 9999)
    carriers: tuple[str, ...] = ()
    electricity_kgce: str = ""  # id of the coal equivalent of electricity; calorific by default
    method: Literal["location", "green_power", "net_of_nonfossil"] = "location"
    leave_out_renewable: bool = False
    source: str = "operator"

    @cached_property
    def as_scheme(self) -> Scheme:
        """The same limit as a scheme, judged by the same machinery as any other."""
        unit = _UNIT[self.basis]
        suffix = "a" if self.period == "year" else "month"
        metric = unit if self.per == "total" else f"{unit}/({_PER.get(self.per, self.per)}.{suffix})"
        kgce = {"electricity": self.electricity_kgce} if self.electricity_kgce else {}
        measure = Measure(
            id=self.basis,
            quantity=_QUANTITY[self.basis],
            method=self.method,
            leave_out_renewable=self.leave_out_renewable,
            carriers=list(self.carriers),
            per=self.per,
            metric_unit=metric,
            period=self.period,
            factors=[FactorSet(kgce=kgce)] if kgce else [],
            limit=FixedLimit(shape="fixed", levels={"constraint": self.limit}),
            within="within",
        )
        return Scheme(
            id=self.scheme,
            name_en="Own budget" if self.scheme == "budget" else self.scheme,
            name_zh="自定定额" if self.scheme == "budget" else self.scheme,
            source=self.source,
            confidence="operator",
            measure=[measure],
        )
