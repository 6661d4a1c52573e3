"""Energy and carbon of one building in one period, from its daily rows and the factor tables.

Conventions (JS/T 303-2026; GHG Protocol Scope 2 Guidance 2015, ch. 6): own generation used on site is energy
used with zero CO2 and is not subtracted from the grid; export is reported beside, never deducted; green power
is zero in its own result, which stands beside the location-based one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from collector.model import DailyRow
from drivers.carrier import ITEMS, UNIT, Carrier
from rules.model import Account, Carbon, Factor, HeatPump, Renewables, Subject, Use, Words
from rules.names import CARRIER_ZH
from rules.period import Period
from rules.series import ELECTRICITY, Days
from rules.tables import Coefficient, Tables

CALORIFIC = "calorific"
SPF_LIMIT = 2.5
"""Least season performance factor of electric heat pumps whose heat is renewable: Decision 2013/114/EU."""
_SCOPE_2 = {Carrier.ELECTRICITY, Carrier.HEAT, Carrier.COOLING, Carrier.STEAM}
_NO_ENERGY = {Carrier.WATER}
DELIVERED = {Carrier.COAL, Carrier.LPG, Carrier.PETROL, Carrier.KEROSENE, Carrier.DIESEL, Carrier.OTHER}
"""Carriers that come by lorry and are booked when they come: days without a row are no gaps."""


@dataclass
class Book:
    """Looks factors up for one subject and year, and remembers which were used and which are missing."""

    tables: Tables
    subject: Subject
    year: int
    ids: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # kind -> carrier -> row id
    used: dict[str, Factor] = field(default_factory=dict)
    missing: list[Words] = field(default_factory=list)

    def coefficient(self, kind: str, carrier: str, method: str = "") -> Coefficient | None:
        """The coefficient per native unit; noted as used, or as missing."""
        if carrier == Carrier.COOLING and kind == "kgco2" and not self.ids.get(kind, {}).get(carrier):
            found = self._cooling()
        else:
            row_id = self.ids.get(kind, {}).get(carrier, "")
            if method == "net-of-nonfossil":
                row_id = ""
            found = self.tables.coefficient(
                kind,
                carrier,
                region=self.subject.region,
                year=self.year,
                method=method,
                row_id=row_id,
                heating_value=self.subject.inputs.get(f"{carrier}_mj_per_unit"),
            )
        if found is None:
            self._miss(kind, carrier, method)
            return None
        self.used.update({factor.id: factor for factor in found.factors})
        return found

    def _cooling(self) -> Coefficient | None:
        """Cold is charged with the electricity of its plant: no official factor exists."""
        cop = self.subject.inputs.get("cooling_plant_cop")
        electricity = self.coefficient("kgco2", ELECTRICITY) if cop else None
        return (
            Coefficient(electricity.value / float(cop), electricity.factors) if cop and electricity else None
        )

    def _miss(self, kind: str, carrier: str, method: str) -> None:
        en, zh = {
            "kgco2": ("carbon factor", "碳排放因子"),
            "kgce": ("coal equivalent", "折标准煤系数"),
            "kwh": ("heating value", "热值"),
        }[kind]
        cooling = carrier == Carrier.COOLING and kind == "kgco2"
        name = CARRIER_ZH.get(carrier, carrier)
        text = Words(
            f"{carrier}: no {en}{f' ({method})' if method else ''} for {self.year}"
            f"{'; give cooling_plant_cop' if cooling else ''}",
            f"{name}：缺少 {self.year} 年的{zh}{f'（{method}）' if method else ''}"
            f"{'；请提供冷站能效比 cooling_plant_cop' if cooling else ''}",
        )
        if text not in self.missing:
            self.missing.append(text)

    def factors(self) -> tuple[Factor, ...]:
        return tuple(sorted(self.used.values(), key=lambda factor: factor.id))


def account(
    subject: Subject,
    rows: Iterable[DailyRow],
    period: Period,
    tables: Tables,
    *,
    through: date | None = None,
    kgce_basis: str = CALORIFIC,
    factor_ids: Mapping[str, Mapping[str, str]] | None = None,
) -> Account:
    """Account for the days of `period` up to `through` (by default the last day with data).

    rows: of this building; other days are ignored, repetitions count once.
    kgce_basis: `calorific`, or the id of an equal-value electricity row.
    factor_ids: rows to take instead of the default ones, `{"kgco2": {"gas": "CN-JS-NG"}}`.
    """
    days = Days.of(rows, period.first, min(period.last, through) if through else period.last)
    return account_days(
        subject, days, period, tables, kgce_basis=kgce_basis, factor_ids=factor_ids, through=through
    )


def account_days(
    subject: Subject,
    days: Days,
    period: Period,
    tables: Tables,
    *,
    kgce_basis: str = CALORIFIC,
    factor_ids: Mapping[str, Mapping[str, str]] | None = None,
    through: date | None = None,
) -> Account:
    """`account` on arrays that are already there."""
    last = through or days.last_day()
    days = days.window(period.first, min(period.last, last) if last else period.last)
    ids = {kind: dict(by_carrier) for kind, by_carrier in (factor_ids or {}).items()}
    if kgce_basis != CALORIFIC:
        ids.setdefault("kgce", {})[ELECTRICITY] = kgce_basis
    book = Book(tables, subject, period.year, ids)
    uses = tuple(_use(book, days, carrier) for carrier in days.carriers())
    renewables = _renewables(subject, days)
    energy = [use for use in uses if use.carrier not in _NO_ENERGY]
    kgce = sum(use.kgce or 0.0 for use in energy)
    electricity = next((use for use in uses if use.carrier == ELECTRICITY), None)
    return Account(
        building=subject.id,
        period=period,
        through=days.last_day(),
        area_m2=subject.area_m2,
        uses=uses,
        items=_items(days),
        grid_kwh=_sum(days, "grid"),
        electricity_kwh=electricity.energy if electricity else 0.0,
        kwh=sum(use.kwh or 0.0 for use in energy),
        kgce=kgce,
        kgce_basis=kgce_basis,
        kgce_total_control=kgce - _renewable_kgce(book, renewables),
        carbon=_carbon(book, uses, days, renewables.green_power_kwh),
        renewables=renewables,
        heat_pump=_heat_pump_of(subject, days),
        coverage=min(
            (use.coverage for use in uses if use.carrier not in DELIVERED), default=1.0 if uses else 0.0
        ),
        estimated=_weighted(energy),
        factors=book.factors(),
        missing=tuple(book.missing),
        tables_version=tables.version,
    )


def _use(book: Book, days: Days, carrier: str) -> Use:
    total = days.total(carrier)
    assert total is not None  # `carriers` lists only those with a total
    scope = 0 if carrier in _NO_ENERGY or carrier == Carrier.RENEWABLE else 2 if carrier in _SCOPE_2 else 1
    values: dict[str, float | None] = {}
    ids: list[str] = []
    for kind in ("kwh", "kgce", "kgco2"):
        found = book.coefficient(kind, carrier) if carrier not in _NO_ENERGY else None
        amount = total.energy
        if kind == "kgco2" and carrier == ELECTRICITY:
            amount = _sum(days, "grid")
        values[kind] = amount * found.value if found else None
        ids += [factor.id for factor in found.factors] if found else []
    return Use(
        carrier, total.energy, UNIT.get(Carrier(carrier), ""), values["kwh"], values["kgce"], values["kgco2"],
        scope, total.coverage, total.estimated, tuple(dict.fromkeys(ids)),
    )  # fmt: skip


def _sum(days: Days, item: str, carrier: str = ELECTRICITY) -> float:
    total = days.total(carrier, item)
    return total.energy if total else 0.0


def _items(days: Days) -> dict[str, float]:
    found = {
        item: days.total(carrier, item)
        for carrier, item in days.keys
        if carrier == ELECTRICITY and item in ITEMS
    }
    return {item: total.energy for item, total in sorted(found.items()) if total}


def _renewables(subject: Subject, days: Days) -> Renewables:
    export, own = _sum(days, "export"), _sum(days, "pv_self_use")
    generation = _sum(days, "pv") or own + export
    green = _share_of_year(subject, days, "green_power_kwh")
    total = _sum(days, "total")
    return Renewables(
        pv_generation_kwh=generation,
        pv_self_use_kwh=own,
        pv_export_kwh=export,
        green_power_kwh=green,
        pv_self_consumption_rate=own / generation if generation else None,
        share_of_electricity=(own + green) / total if total else None,
    )


def _renewable_kgce(book: Book, renewables: Renewables) -> float:
    amount = renewables.pv_self_use_kwh + renewables.green_power_kwh
    found = book.coefficient("kgce", ELECTRICITY) if amount else None
    return amount * found.value if found else 0.0


def _carbon(book: Book, uses: Sequence[Use], days: Days, green_kwh: float) -> Carbon:
    grid = _sum(days, "grid")
    location = book.coefficient("kgco2", ELECTRICITY) if grid else None
    rest = book.coefficient("kgco2", ELECTRICITY, "net-of-nonfossil") if green_kwh else location
    bought = max(0.0, grid - green_kwh)
    ef = location.value if location else 0.0
    return Carbon(
        scope1=sum(use.kgco2 or 0.0 for use in uses if use.scope == 1),
        scope2_heat=sum(use.kgco2 or 0.0 for use in uses if use.scope == 2 and use.carrier != ELECTRICITY),
        scope2_electricity=grid * ef,
        scope2_electricity_green_power=bought * ef,
        scope2_electricity_net_of_nonfossil=bought * rest.value if rest else (None if grid else 0.0),
    )


def _weighted(uses: Sequence[Use]) -> float:
    weight = sum(abs(use.kwh or 0.0) for use in uses)
    return sum(abs(use.kwh or 0.0) * use.estimated for use in uses) / weight if weight else 0.0


def heat_pump(heat_kwh: float, electricity_kwh: float, spf_limit: float = SPF_LIMIT) -> HeatPump:
    """Renewable heat of a heat pump in one season, kWh.

    E_RES = Q * (1 - 1/SPF), only if SPF reaches the limit; 2009/28/EC annex VII, Decision 2013/114/EU.
    """
    spf = heat_kwh / electricity_kwh if electricity_kwh > 0 else None
    counts = spf is not None and spf >= spf_limit
    renewable = heat_kwh * (1 - 1 / spf) if counts and spf else 0.0
    return HeatPump(heat_kwh, electricity_kwh, spf, renewable, counts)


def _heat_pump_of(subject: Subject, days: Days) -> HeatPump | None:
    heat = _sum(days, "heat_pump_output", "heat") or _share_of_year(subject, days, "heat_pump_heat_kwh")
    drawn = _sum(days, "heat_pump_input") or _share_of_year(subject, days, "heat_pump_electricity_kwh")
    return heat_pump(heat, drawn) if heat or drawn else None


def _share_of_year(subject: Subject, days: Days, name: str) -> float:
    """A yearly amount from the subject's inputs, spread evenly over the days of its year."""
    return float(subject.inputs.get(name) or 0.0) * days.count / Period(days.first.year).days


def change(before: float | None, now: float | None) -> float | None:
    """Relative change of `now` against `before`, -0.1 for ten percent less; None if it has no meaning."""
    return now / before - 1 if before and now is not None else None


def monthly(
    subject: Subject, rows: Sequence[DailyRow], year: int, tables: Tables, *, kgce_basis: str = CALORIFIC
) -> list[Account]:
    """The twelve months of a year, each accounted for on its own."""
    days = Days.of(rows, date(year, 1, 1), date(year, 12, 31))
    return [
        account_days(subject, days, month, tables, kgce_basis=kgce_basis, through=month.last)
        for month in Period(year).months()
    ]
