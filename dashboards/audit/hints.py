"""What could be saved: sums that follow from the readings alone; no target from outside is assumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from collector.model import DailyRow
from collector.registry import Building
from dashboards.audit.baseline import FULL
from dashboards.audit.unusual import Unusual
from rules.model import Account, Text


@dataclass(frozen=True, slots=True)
class Hint:
    """What could be saved, with the sum behind it. kwh_a: kWh a year, None where it is no saving."""

    text: Text
    kwh_a: float | None


def hints(
    building: Building, days: Sequence[DailyRow], unusual: Sequence[Unusual], account: Account
) -> Iterator[Hint]:
    """days: electricity totals, one a day; unusual: those of them that stand out."""
    yield from _base_load(days)
    yield from _weekends(days)
    yield from _peak(building, days)
    yield from _excess(unusual)
    if not days:
        return
    pump = account.heat_pump
    if pump and pump.spf and pump.heat_kwh:
        saved = (pump.heat_kwh / pump.spf - pump.heat_kwh / (pump.spf + 0.1)) / len(days) * 365
        yield Hint(
            Text(
                f"Heat pumps: season performance factor {pump.spf:.2f}. "
                f"Each 0.1 more saves {saved:,.0f} kWh a year.",
                f"热泵季节性能系数 {pump.spf:.2f}，每提高 0.1 每年可节电约 {saved:,.0f} kWh。",
            ),
            saved,
        )
    exported = account.renewables.pv_export_kwh
    if exported > 0:
        yearly = exported / len(days) * 365
        yield Hint(
            Text(
                f"Photovoltaics: {exported:,.0f} kWh were exported; used on site they replace bought "
                f"electricity, {yearly:,.0f} kWh a year at this rate.",
                f"光伏上网 {exported:,.0f} kWh；若就地消纳，按此折算每年可替代购电约 {yearly:,.0f} kWh。",
            ),
            None,
        )


def _base_load(days: Sequence[DailyRow]) -> Iterator[Hint]:
    known = [row for row in days if row.base_kw is not None and row.coverage >= FULL]
    if not known:
        return
    base = fmean(row.base_kw or 0.0 for row in known)
    mean = fmean(row.energy for row in known) / 24
    if mean > 0:
        saved = 0.1 * base * 8760
        yield Hint(
            Text(
                f"Base load: {base:,.1f} kW day and night, {base / mean:.0%} of the mean power of "
                f"{mean:,.1f} kW. A tenth less saves {saved:,.0f} kWh a year.",
                f"基础负荷 {base:,.1f} kW（昼夜持续），占平均功率 {mean:,.1f} kW 的 {base / mean:.0%}；"
                f"每降低一成，每年可节电约 {saved:,.0f} kWh。",
            ),
            saved,
        )


def _weekends(days: Sequence[DailyRow]) -> Iterator[Hint]:
    full = [row for row in days if row.coverage >= FULL]
    week = [row.energy for row in full if row.day.weekday() < 5]
    end = [row.energy for row in full if row.day.weekday() >= 5]
    if len(week) >= 10 and len(end) >= 4 and fmean(week) > 0:
        share, saved = fmean(end) / fmean(week), 0.1 * fmean(week) * 104
        yield Hint(
            Text(
                f"Weekends: {fmean(end):,.0f} kWh a day, {share:.0%} of a working day. Ten points less save "
                f"{saved:,.0f} kWh a year.",
                f"周末日均 {fmean(end):,.0f} kWh，为工作日的 {share:.0%}；每降低 10 个百分点，"
                f"每年可节电约 {saved:,.0f} kWh。",
            ),
            saved,
        )


def _peak(building: Building, days: Sequence[DailyRow]) -> Iterator[Hint]:
    limit = building.contracted_kw
    peaks = [row for row in days if row.peak_kw is not None]
    if not limit or not peaks:
        return
    highest = max(peaks, key=lambda row: row.peak_kw or 0.0)
    over = sum((row.peak_kw or 0.0) > limit for row in peaks)
    yield Hint(
        Text(
            f"Peak: {highest.peak_kw:,.0f} kW on {highest.day}, {(highest.peak_kw or 0) / limit:.0%} of the "
            f"contracted {limit:,.0f} kW; above it on {over} days.",
            f"最大负荷 {highest.peak_kw:,.0f} kW（{highest.day}），为合同容量 {limit:,.0f} kW 的 "
            f"{(highest.peak_kw or 0) / limit:.0%}；超过合同容量 {over} 天。",
        ),
        None,
    )


def _excess(unusual: Sequence[Unusual]) -> Iterator[Hint]:
    high = [each.kwh - each.expected for each in unusual if each.kwh > each.expected]
    if high:
        yield Hint(
            Text(
                f"Unusual days: {len(high)} were above what is usual, by {sum(high):,.0f} kWh in all.",
                f"异常偏高 {len(high)} 天，合计高出正常水平 {sum(high):,.0f} kWh。",
            ),
            None,
        )
