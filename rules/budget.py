"""Plain budgets: an operator's own yearly or monthly limits, expressed as schemes of one measure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rules.scheme import FactorSet, FixedLimit, Measure, Quantity, Scheme

Share = Annotated[float, Field(ge=0, le=1)]
Kind = Literal["year", "month"]
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
    """One limit of the operator. per: total, area, heated_area, net_area, or an input such as people.

    name_en, name_zh: what the scheme is called where people read it; by default its id.
    months: makes each month's limit out of a yearly one, and judges the months beside the year: 12 shares of
    the year, January first, or `profile`, the monthly shape of the building's type.
    """

    scheme: str = Field(default="budget", min_length=1, max_length=80)
    name_en: str = Field(default="", max_length=80)
    name_zh: str = Field(default="", max_length=80)
    basis: Basis
    limit: float = Field(gt=0, allow_inf_nan=False)
    per: str = "total"
    period: Kind = "year"
    months: tuple[Share, ...] | Literal["profile"] = ()
    years: tuple[int, int] = (0, 9999)
    carriers: tuple[str, ...] = ()
    electricity_kgce: str = ""  # id of the coal equivalent of electricity; calorific by default
    method: Literal["location", "green_power", "net_of_nonfossil"] = "location"
    leave_out_renewable: bool = False
    source: str = "operator"

    @model_validator(mode="after")
    def _whole_year(self) -> Budget:
        if not self.months:
            return self
        if self.period == "month":
            raise ValueError("months divide a yearly limit: leave period out")
        if self.months != "profile" and len(self.months) != 12:
            raise ValueError(f"months needs 12 shares, got {len(self.months)}")
        if self.months != "profile" and abs(sum(self.months) - 1) > 0.005:
            raise ValueError(f"the 12 shares must add up to 1, got {sum(self.months):.4g}")
        return self

    @property
    def periods(self) -> tuple[Kind, ...]:
        """The kinds of period that it judges."""
        return ("year", "month") if self.months else (self.period,)

    @cached_property
    def as_scheme(self) -> Scheme:
        """The same limit as a scheme, judged by the same machinery as any other."""
        return self._scheme(self.periods)

    @cached_property
    def by_period(self) -> dict[Kind, Scheme]:
        """The scheme of one kind of period alone, where another budget is narrower for the other kind."""
        return {period: self._scheme((period,)) for period in self.periods}

    def _scheme(self, periods: Sequence[Kind]) -> Scheme:
        own = self.scheme == "budget"
        return Scheme(
            id=self.scheme,
            name_en=self.name_en or self.name_zh or ("Own budget" if own else self.scheme),
            name_zh=self.name_zh or self.name_en or ("自定定额" if own else self.scheme),
            source=self.source,
            confidence="operator",
            measure=[self._measure(period) for period in periods],
        )

    def _measure(self, period: Kind) -> Measure:
        months = self.months if period == "month" else ()
        unit = _UNIT[self.basis]
        suffix = "a" if period == "year" else "month"
        metric = unit if self.per == "total" else f"{unit}/({_PER.get(self.per, self.per)}.{suffix})"
        kgce = {"electricity": self.electricity_kgce} if self.electricity_kgce else {}
        return Measure(
            id=self.basis,
            quantity=_QUANTITY[self.basis],
            method=self.method,
            leave_out_renewable=self.leave_out_renewable,
            carriers=list(self.carriers),
            per=self.per,
            metric_unit=metric,
            period=period,
            factors=[FactorSet(kgce=kgce)] if kgce else [],
            limit=FixedLimit(
                shape="fixed",
                levels={"constraint": self.limit},
                months=months if months == "profile" else list(months),
            ),
            within="within",
        )
