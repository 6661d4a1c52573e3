"""The statistics workbook: a region's energy and carbon by region, type, carrier, item and month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from collector.model import DailyRow
from collector.registry import Building, Registry
from collector.store import Store
from dashboards.announce.build import in_region, region_text
from dashboards.announce.collect import CHUNK, Progress
from dashboards.announce.words import carrier_head, confidence, kind_name, say, type_name, word
from dashboards.boards.words import Lang, Text
from dashboards.workbook import Book, Cell
from drivers.carrier import ITEMS
from drivers.errors import BeaconError
from rules.accounting import account_days
from rules.config import Rules
from rules.model import Account, Factor
from rules.period import Period
from rules.runner import last_whole_day
from rules.series import Days

SHEETS: dict[str, Text] = {
    "regions": Text("分地区", "Regions"),
    "types": Text("分类型", "Types"),
    "months": Text("分月", "Months"),
    "items": Text("分项用电", "Items"),
    "buildings": Text("分建筑", "Buildings"),
    "factors": Text("系数", "Factors"),
    "month": Text("月份", "Month"),
    "item": Text("分项", "Item"),
    "share": Text("占电力比例", "Share of electricity"),
    "kgce": Text("综合能耗 kgce", "Energy kgce"),
    "kgco2": Text("碳排放 kgCO₂", "Carbon kgCO₂"),
    "kwh": Text("综合用能 kWh", "Final energy kWh"),
    "eui": Text("能耗强度 kWh/m²", "Energy kWh/m²"),
    "intensity": Text("碳强度 kgCO₂/m²", "Carbon kgCO₂/m²"),
    "area": Text("建筑面积 m²", "Floor area m²"),
    "through": Text("数据截至", "Data through"),
}


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
        raise BeaconError(f"period {period} has no whole day yet: it begins on {period.first}")
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
        raise BeaconError(f"period {period}: the store has no energy of any building in region {region}")
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


def statistics(
    found: Sequence[Measured], registry: Registry, period: Period, region: str, lang: Lang
) -> bytes:
    """The workbook's bytes. Amounts of the period, not extrapolated; intensities per m² of the period."""
    book = Book()
    carriers = _carriers(found)
    amount_heads = [
        *((carrier_head(each, lang), 16.0, book.number) for each in carriers),
        *((SHEETS[key].to(lang), 16.0, book.number) for key in ("kwh", "kgce", "kgco2")),
        *((SHEETS[key].to(lang), 14.0, book.fine) for key in ("eui", "intensity")),
    ]
    sizes = [
        (word("count", lang), 10.0, book.number),
        (SHEETS["area"].to(lang), 14.0, book.number),
    ]

    def grouped(name: str, heads: list[str], key: Callable[[Measured], tuple[str, ...]]) -> None:
        groups: dict[tuple[str, ...], list[Measured]] = defaultdict(list)
        for each in found:
            groups[key(each)].append(each)
        lines: list[list[Cell]] = []
        for labels, members in sorted(groups.items()):
            area = sum(each.building.area_m2 for each in members if each.whole.uses)
            amounts = _amounts([each.whole for each in members], carriers, area)
            lines.append([*labels, len(members), area, *amounts])
        columns = [*((head, 20.0, book.text) for head in heads), *sizes, *amount_heads]
        book.table(SHEETS[name].to(lang), columns, lines)

    place = {
        code: say(region_text(registry, code), lang)
        for each in found
        for code in (each.building.city, each.building.region)
    }
    kinds = {each.building.type: type_name(each.building.type, lang) for each in found}
    grouped(
        "regions",
        [word("region", lang), word("county", lang), word("type", lang)],
        lambda m: (place[m.building.city], place[m.building.region], kinds[m.building.type]),
    )
    grouped("types", [word("type", lang)], lambda m: (kinds[m.building.type],))
    _months(book, found, carriers, amount_heads, lang)
    _items(book, found, lang)
    _buildings(book, found, place, amount_heads, carriers, lang)
    _factors(book, found, lang)
    book.file.set_properties(
        {"title": f"{say(region_text(registry, region), lang)} {period}", "author": "Beacon"}
    )
    return book.done()


def _months(
    book: Book,
    found: Sequence[Measured],
    carriers: list[str],
    heads: list[tuple[str, float, object]],
    lang: Lang,
) -> None:
    groups: dict[tuple[str, str], list[tuple[Account, float]]] = defaultdict(list)
    for each in found:
        for account in each.months or (each.whole,):
            if account.uses:
                kind = type_name(each.building.type, lang)
                groups[str(account.period), kind].append((account, each.building.area_m2))
    lines: list[list[Cell]] = [
        [
            month,
            kind,
            len(members),
            *_amounts([account for account, _ in members], carriers, sum(area for _, area in members)),
        ]
        for (month, kind), members in sorted(groups.items())
    ]
    columns = [
        (SHEETS["month"].to(lang), 12.0, book.text),
        (word("type", lang), 20.0, book.text),
        (word("count", lang), 10.0, book.number),
        *heads,
    ]
    book.table(SHEETS["months"].to(lang), columns, lines)


def _items(book: Book, found: Sequence[Measured], lang: Lang) -> None:
    totals: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    electricity: dict[str, float] = defaultdict(float)
    for each in found:
        kind = type_name(each.building.type, lang)
        electricity[kind] += each.whole.electricity_kwh
        for item, kwh in each.whole.items.items():
            totals[kind][item] += kwh
    lines: list[list[Cell]] = [
        [
            kind,
            item,
            ITEMS[item][0 if lang == "zh" else 1],
            kwh,
            kwh / electricity[kind] if electricity[kind] else None,
        ]
        for kind, items in sorted(totals.items())
        for item, kwh in sorted(items.items())
    ]
    columns = [
        (word("type", lang), 20.0, book.text),
        (SHEETS["item"].to(lang), 10.0, book.text),
        (word("name", lang), 28.0, book.text),
        ("kWh", 16.0, book.number),
        (SHEETS["share"].to(lang), 16.0, book.share),
    ]
    book.table(SHEETS["items"].to(lang), columns, lines)


def _buildings(
    book: Book,
    found: Sequence[Measured],
    place: dict[str, str],
    heads: list[tuple[str, float, object]],
    carriers: list[str],
    lang: Lang,
) -> None:
    lines: list[list[Cell]] = []
    for each in found:
        building, account = each.building, each.whole
        lines.append(
            [
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
        )
    columns = [
        (word("factor_id", lang), 14.0, book.text),
        (word("name", lang), 28.0, book.text),
        (word("county", lang), 14.0, book.text),
        (word("type", lang), 18.0, book.text),
        (SHEETS["area"].to(lang), 14.0, book.number),
        (SHEETS["through"].to(lang), 12.0, book.text),
        (word("own_coverage", lang), 12.0, book.share),
        (word("estimated", lang), 12.0, book.share),
        *heads,
    ]
    book.table(SHEETS["buildings"].to(lang), columns, lines)


def _factors(book: Book, found: Sequence[Measured], lang: Lang) -> None:
    factors: dict[str, Factor] = {factor.id: factor for each in found for factor in each.whole.factors}
    lines: list[list[Cell]] = [
        [f.id, kind_name(f.kind, lang), f.value, f.unit, f.year, f.source, confidence(f.confidence, lang)]
        for f in sorted(factors.values(), key=lambda factor: factor.id)
    ]
    keys = (
        *(("factor_id", 24.0), ("kind", 14.0), ("value", 10.0), ("unit", 16.0), ("year", 8.0)),
        *(("source", 80.0), ("confidence", 20.0)),
    )
    columns = [(word(key, lang), width, book.text) for key, width in keys]
    book.table(SHEETS["factors"].to(lang), columns, lines)
