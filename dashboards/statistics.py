"""The statistics workbook: a region's energy and carbon by region, type, carrier, item and month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from collector.model import DailyRow
from collector.registry import Building, BuildingType, Registry
from collector.store import Store
from dashboards.announce.build import in_region, region_text
from dashboards.announce.collect import CHUNK, Progress
from dashboards.announce.tables import factor_sheet
from dashboards.announce.words import (
    carrier_head,
    carrier_name,
    date_text,
    period_text,
    say,
    type_name,
    unit_text,
    word,
)
from dashboards.boards.words import Lang, Text
from dashboards.workbook import Book, Cell, Column
from drivers.carrier import ITEMS
from drivers.errors import RequestError
from rules.accounting import account_days
from rules.config import Rules
from rules.model import Account, Factor
from rules.period import Period
from rules.runner import last_whole_day
from rules.series import Days

SHEETS: dict[str, Text] = {
    "title": Text("公共建筑能耗统计", "Statistics of public buildings' energy"),
    "about": Text("统计说明", "About"),
    "regions": Text("分地区", "Regions"),
    "types": Text("分类型", "Types"),
    "carriers": Text("分品种", "Carriers"),
    "months": Text("分月", "Months"),
    "items": Text("分项用电", "Items"),
    "buildings": Text("分建筑", "Buildings"),
    "month": Text("月份", "Month"),
    "item": Text("分项编码", "Item"),
    "item_name": Text("分项名称", "Name"),
    "total": Text("合计", "Total"),
    "all_types": Text("全部类型", "All types"),
    "share": Text("占用电量比例", "Share of electricity"),
    "share_of_kwh": Text("占能耗总量比例", "Share of energy"),
    "measured": Text("有数据栋数", "With data"),
    "kgce": Text("综合能耗 kgce", "Energy kgce"),
    "kgco2": Text("碳排放量 kgCO₂", "Carbon kgCO₂"),
    "kwh": Text("能耗总量 kWh", "Final energy kWh"),
    "eui": Text("单位建筑面积能耗 kWh/m²", "Energy kWh/m²"),
    "intensity": Text("碳排放强度 kgCO₂/m²", "Carbon kgCO₂/m²"),
    "area": Text("建筑面积 m²", "Floor area m²"),
    "amount": Text("用量", "Amount"),
    "unit": Text("单位", "Unit"),
    "through": Text("数据截至", "Data through"),
    "period": Text("统计期", "Period"),
    "made_on": Text("编制日期", "Made on"),
    "tables": Text("系数表版本", "Version of the tables"),
}
NOTES: tuple[Text, ...] = (
    Text(
        "各项为统计期内数值，不折算为全年；强度指标以有数据建筑的建筑面积为分母。",
        "Amounts are of the period, not extrapolated; intensities are per floor area of buildings with data.",
    ),
    Text(
        "能耗总量为各能源品种折算为 kWh 之和，不含水；综合能耗中电力按当量值折标准煤。",
        "Final energy is the sum of all carriers in kWh, without water; in coal equivalent electricity "
        "counts at its calorific value.",
    ),
    Text(
        "碳排放量按基于位置的方法核算。",
        "Carbon is location-based.",
    ),
    Text(
        "分项互不包含，占比以该类型用电量为分母；未分项计量的用电不列出。",
        "Items exclude each other; shares are of the type's electricity, part of which may have none.",
    ),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One building in the period and in each of its months. months: empty when the period is one month."""

    building: Building
    whole: Account
    months: tuple[Account, ...]


def measure(
    store: Store,
    registry: Registry,
    rules: Rules,
    period: Period,
    region: str,
    now: int,
    progress: Progress = lambda done, total: None,
) -> list[Measured]:
    """Accounts of every building of the region, up to the last whole day at `now` (ms UTC).

    Raises BeaconError: unknown or empty region, a period that has not begun; StoreUnavailable.
    """
    buildings = in_region(registry, region)
    if period.first > max(last_whole_day(building, now) for building in buildings):
        raise RequestError(f"period {period} has no whole day yet: it begins on {period.first}")
    found: list[Measured] = []
    for low in range(0, len(buildings), CHUNK):
        part = buildings[low : low + CHUNK]
        rows: dict[str, list[DailyRow]] = defaultdict(list)
        for row in store.daily(period.first, period.last, [building.id for building in part]):
            rows[row.building].append(row)
        for building in part:
            days = Days.of(rows[building.id], period.first, period.last)
            subject, through = rules.subject(building), min(period.last, last_whole_day(building, now))
            whole = account_days(subject, days, period, rules.tables, through=through)
            months = () if period.monthly else tuple(m for m in period.months() if m.first <= through)
            found.append(
                Measured(
                    building,
                    whole,
                    tuple(
                        account_days(subject, days, month, rules.tables, through=min(month.last, through))
                        for month in months
                    ),
                )
            )
        progress(low + len(part), len(buildings))
    if not any(each.whole.uses for each in found):
        raise RequestError(f"period {period}: the store has no energy of any building in region {region}")
    return found


def _carriers(found: Iterable[Measured]) -> list[str]:
    return sorted({use.carrier for each in found for use in each.whole.uses})


def _amounts(accounts: Sequence[Account], carriers: Sequence[str], area: float) -> list[Cell]:
    """Native energy by carrier, then kWh, kgce, kgCO2, and the two intensities."""
    native: list[Cell] = []
    for carrier in carriers:
        uses = [use.energy for account in accounts for use in account.uses if use.carrier == carrier]
        native.append(sum(uses) if uses else None)
    kwh, kgco2 = sum(account.kwh for account in accounts), sum(account.kgco2 for account in accounts)
    kgce = sum(account.kgce for account in accounts)
    return [*native, kwh, kgce, kgco2, kwh / area if area else None, kgco2 / area if area else None]


def _group(members: Sequence[Measured], carriers: Sequence[str]) -> list[Cell]:
    """How many there are, how many have data, their area, and the amounts."""
    known = [each for each in members if each.whole.uses]
    area = sum(each.building.area_m2 for each in known)
    return [len(members), len(known), area, *_amounts([each.whole for each in known], carriers, area)]


def statistics(
    found: Sequence[Measured],
    registry: Registry,
    period: Period,
    region: str,
    lang: Lang,
    made_on: date,
) -> bytes:
    """The workbook's bytes. Amounts of the period, not extrapolated; intensities per m² of the period."""
    title = f"{say(region_text(registry, region), lang)} {period_text(period, lang)} {_said('title', lang)}"
    book = Book(title, made=made_on, note=date_text(made_on, lang))
    carriers = _carriers(found)
    _about(book, found, period, title, lang, made_on)
    native = [Column(carrier_head(each, lang), 16.0, "whole") for each in carriers]
    sizes = [
        Column(word("count", lang), 9.0, "whole"),
        Column(_said("measured", lang), 11.0, "whole"),
        Column(_said("area", lang), 15.0, "whole"),
    ]
    amounts = [
        *native,
        *(Column(_said(key, lang), 17.0, "whole") for key in ("kwh", "kgce", "kgco2")),
        *(Column(_said(key, lang), 14.0, "fine") for key in ("eui", "intensity")),
    ]
    place = {
        code: say(region_text(registry, code), lang)
        for each in found
        for code in (each.building.city, each.building.region)
    }
    _regions(book, found, place, carriers, [*sizes, *amounts], lang)
    _types(book, found, carriers, [*sizes, *amounts], lang)
    _by_carrier(book, found, carriers, lang)
    _months(book, found, carriers, amounts, lang)
    _items(book, found, lang)
    _buildings(book, found, place, amounts, carriers, lang)
    factors: dict[str, Factor] = {factor.id: factor for each in found for factor in each.whole.factors}
    factor_sheet(book, sorted(factors.values(), key=lambda factor: (factor.kind, factor.id)), lang)
    return book.done()


def _said(key: str, lang: Lang) -> str:
    return SHEETS[key].to(lang)


def _kinds(found: Iterable[Measured]) -> list[BuildingType]:
    """The types there are, in the vocabulary's order."""
    there = {each.building.type for each in found}
    return [kind for kind in BuildingType if kind in there]


def _about(
    book: Book, found: Sequence[Measured], period: Period, title: str, lang: Lang, made_on: date
) -> None:
    page = book.page(_said("about", lang), [26, 60])
    known = [each for each in found if each.whole.uses]
    through = max((each.whole.through for each in known if each.whole.through), default=None)
    versions = sorted({each.whole.tables_version for each in known})
    page.title(title)
    page.gap()
    facts = [
        ("period", period_text(period, lang)),
        ("through", date_text(through, lang) if through else "–"),
        ("made_on", date_text(made_on, lang)),
        ("tables", ", ".join(versions)),
    ]
    for key, value in facts:
        page.line((_said(key, lang), "text"), (value, "text"))
    page.line((word("count", lang), "text"), (f"{len(found):,}", "text"))
    page.line((_said("measured", lang), "text"), (f"{len(known):,}", "text"))
    page.gap()
    for note in NOTES:
        page.note(note.to(lang))


def _regions(
    book: Book,
    found: Sequence[Measured],
    place: Mapping[str, str],
    carriers: Sequence[str],
    columns: Sequence[Column],
    lang: Lang,
) -> None:
    """A line for every district and type, each city's sum, and the sum of all."""
    total, everything = _said("total", lang), _said("all_types", lang)
    lines: list[list[Cell]] = []
    for city in sorted({each.building.city for each in found}):
        of_city = [each for each in found if each.building.city == city]
        for region in sorted({each.building.region for each in of_city}):
            for kind in _kinds(of_city):
                members = [e for e in of_city if (e.building.region, e.building.type) == (region, kind)]
                if members:
                    labels = (place[city], place[region], type_name(kind, lang))
                    lines.append([*labels, *_group(members, carriers)])
        lines.append([place[city], total, everything, *_group(of_city, carriers)])
    lines.append([total, "", everything, *_group(found, carriers)])
    heads = [Column(word(key, lang), 16.0) for key in ("region", "county", "type")]
    book.table(_said("regions", lang), [*heads, *columns], lines, held=3)


def _types(
    book: Book, found: Sequence[Measured], carriers: Sequence[str], columns: Sequence[Column], lang: Lang
) -> None:
    lines: list[list[Cell]] = [
        [
            type_name(kind, lang),
            *_group([each for each in found if each.building.type == kind], carriers),
        ]
        for kind in _kinds(found)
    ]
    lines.append([_said("total", lang), *_group(found, carriers)])
    book.table(_said("types", lang), [Column(word("type", lang), 18.0), *columns], lines, held=1)


def _by_carrier(book: Book, found: Sequence[Measured], carriers: Sequence[str], lang: Lang) -> None:
    whole = sum(each.whole.kwh for each in found)
    lines: list[list[Cell]] = []
    for carrier in carriers:
        uses = [use for each in found for use in each.whole.uses if use.carrier == carrier]
        kwh, kgce, kgco2 = (
            sum(amount or 0.0 for amount in column) if any(amount is not None for amount in column) else None
            for column in zip(*((use.kwh, use.kgce, use.kgco2) for use in uses), strict=True)
        )
        amount, unit = sum(use.energy for use in uses), unit_text(uses[0].unit, lang)
        share = kwh / whole if whole and kwh is not None else None
        lines.append([carrier_name(carrier, lang), len(uses), amount, unit, kwh, kgce, kgco2, share])
    columns = [
        Column(word("carrier", lang), 18.0),
        Column(word("count", lang), 10.0, "whole"),
        Column(_said("amount", lang), 18.0, "whole"),
        Column(_said("unit", lang), 8.0),
        *(Column(_said(key, lang), 18.0, "whole") for key in ("kwh", "kgce", "kgco2")),
        Column(_said("share_of_kwh", lang), 14.0, "share"),
    ]
    book.table(_said("carriers", lang), columns, lines)


def _months(
    book: Book, found: Sequence[Measured], carriers: Sequence[str], amounts: Sequence[Column], lang: Lang
) -> None:
    """A line for every month and type, and every month's sum."""
    groups: dict[str, dict[BuildingType, list[tuple[Account, float]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for each in found:
        for account in each.months or (each.whole,):
            if account.uses:
                groups[str(account.period)][each.building.type].append((account, each.building.area_m2))

    def line(month: str, label: str, members: Sequence[tuple[Account, float]]) -> list[Cell]:
        area = sum(area for _, area in members)
        return [
            month, label, len(members), area, *_amounts([account for account, _ in members], carriers, area)
        ]  # fmt: skip

    lines: list[list[Cell]] = []
    for month, kinds in sorted(groups.items()):
        lines += [line(month, type_name(kind, lang), kinds[kind]) for kind in BuildingType if kind in kinds]
        everybody = [member for members in kinds.values() for member in members]
        lines.append(line(month, _said("all_types", lang), everybody))
    columns = [
        Column(_said("month", lang), 12.0),
        Column(word("type", lang), 18.0),
        Column(_said("measured", lang), 11.0, "whole"),
        Column(_said("area", lang), 15.0, "whole"),
    ]
    book.table(_said("months", lang), [*columns, *amounts], lines, held=2)


def _items(book: Book, found: Sequence[Measured], lang: Lang) -> None:
    totals: dict[BuildingType, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    electricity: dict[BuildingType, float] = defaultdict(float)
    for each in found:
        kind = each.building.type
        electricity[kind] += each.whole.electricity_kwh
        for item, kwh in each.whole.items.items():
            totals[kind][item] += kwh
    lines: list[list[Cell]] = [
        [
            type_name(kind, lang),
            item,
            ITEMS[item][0] if lang == "zh" else ITEMS[item][1].capitalize(),
            kwh,
            kwh / electricity[kind] if electricity[kind] else None,
        ]
        for kind in BuildingType
        for item, kwh in sorted(totals.get(kind, {}).items())
    ]
    columns = [
        Column(word("type", lang), 18.0),
        Column(_said("item", lang), 11.0),
        Column(_said("item_name", lang), 28.0),
        Column("kWh", 16.0, "whole"),
        Column(_said("share", lang), 16.0, "share"),
    ]
    book.table(_said("items", lang), columns, lines)


def _buildings(
    book: Book,
    found: Sequence[Measured],
    place: Mapping[str, str],
    amounts: Sequence[Column],
    carriers: Sequence[str],
    lang: Lang,
) -> None:
    def line(building: Building, account: Account) -> list[Cell]:
        return [
            building.id,
            building.name_zh if lang == "zh" else building.name_en,
            place[building.region],
            type_name(building.type, lang),
            building.area_m2,
            account.through.isoformat() if account.through else None,
            account.coverage,
            account.estimated,
            *_amounts([account], carriers, building.area_m2),
        ]

    columns = [
        Column(word("factor_id", lang), 14.0),
        Column(word("name", lang), 28.0),
        Column(word("county", lang), 14.0),
        Column(word("type", lang), 18.0),
        Column(_said("area", lang), 14.0, "whole"),
        Column(_said("through", lang), 12.0),
        Column(word("own_coverage", lang), 12.0, "share"),
        Column(word("estimated", lang), 12.0, "share"),
        *amounts,
    ]
    book.table(_said("buildings", lang), columns, [line(each.building, each.whole) for each in found], held=2)
