"""`beacon rules`: judge buildings, watch conditions, explain, recompute, try rules on the past."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beacon.commands.centre import COLLECTOR, RULES, Config, judging, period_of

if TYPE_CHECKING:
    from collector.registry import Registry
    from rules.backtest import Recorded
    from rules.period import Period

app = typer.Typer(help="Quotas, carbon, forecasts, conditions and alerts.", no_args_is_help=True)

RulesPath = Annotated[
    Path, typer.Option("--rules", help="rules.toml: schemes, limits, conditions, notifiers.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PeriodText = Annotated[str, typer.Option("--period", help="A year such as 2026, or a month such as 2026-10.")]


def _print_json(value: Any) -> None:
    import orjson

    typer.echo(
        orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str).decode()
    )


@app.command()
def run(config: Config = COLLECTOR, rules: RulesPath = RULES) -> None:
    """Judge, watch and notify until stopped."""
    import asyncio
    import gc

    from rules.alerts import AlertBook
    from rules.service import run as run_rules

    with judging(config, rules) as (centre, loaded), closing(AlertBook(loaded.alerts_path)) as book:
        gc.freeze()  # registry and tables stay: the collector need not walk them again and again
        try:
            asyncio.run(run_rules(centre.store, centre.registry, loaded, book))
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)


@app.command()
def evaluate(
    config: Config = COLLECTOR,
    rules: RulesPath = RULES,
    building: Annotated[list[str] | None, typer.Option(help="Only this building; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge the running periods once and store the judgements."""
    _evaluate(config, rules, building, None, as_json)


@app.command()
def recompute(
    start: Annotated[str, typer.Option("--from", help="First period, such as 2026-01 or 2025.")],
    config: Config = COLLECTOR,
    rules: RulesPath = RULES,
    building: Annotated[list[str] | None, typer.Option(help="Only this building; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge past periods again with the tables of today; judgements of other table versions stay beside."""
    _evaluate(config, rules, building, period_of(start, "--from"), as_json)


def _evaluate(
    config: Path, path: Path, buildings: list[str] | None, first: Period | None, as_json: bool
) -> None:
    from rules.runner import evaluate as judge_all
    from rules.runner import last_whole_day, now_ms, periods_from

    with judging(config, path) as ((store, registry, _), rules):
        _known(registry, buildings)
        now = now_ms()
        periods = None
        if first is not None and registry.buildings:
            through = max(last_whole_day(building, now) for building in registry.buildings.values())
            periods = periods_from(first, through)
        rows = judge_all(store, registry, rules, now, periods=periods, buildings=buildings)
    if as_json:
        from dataclasses import asdict

        import orjson

        _print_json([asdict(row) | {"detail": orjson.loads(row.detail)} for row in rows])
        return
    _table(rows)


def _table(rows: list[Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from rules.explain import number

    table = Table(box=None)
    numbers = {"used", "limit", "share", "forecast"}
    for column in (
        "building",
        "scheme",
        "basis",
        "period",
        "used",
        "limit",
        "share",
        "forecast",
        "unit",
        "level",
    ):
        table.add_column(column, justify="right" if column in numbers else "left", no_wrap=True)
    for row in rows:
        share = f"{row.share:.1%}" if row.share is not None else "–"
        table.add_row(
            row.building, row.scheme, row.basis, row.period, number(row.used), number(row.limit), share,
            number(row.forecast), row.unit, row.level,
        )  # fmt: skip
    console = Console()
    Console(width=max(console.width, 140)).print(table)
    typer.echo(f"{len(rows)} judgements stored")


def _known(registry: Registry, buildings: list[str] | None) -> None:
    from drivers.errors import BeaconError

    unknown = [name for name in buildings or () if name not in registry.buildings]
    if unknown:
        raise BeaconError(f"no such building in the registry: {', '.join(unknown)}")


@app.command()
def judge(
    file: Annotated[Path, typer.Argument(help="TOML or JSON; deploy/judge-example.toml shows every part.")],
    as_json: AsJson = False,
) -> None:
    """Judge a building described in one file; no store is needed.

    The file has [building], [inputs], [energy.monthly] or [energy.annual] with keys <what>_<unit>, the year,
    and schemes (see `beacon rules schemes`) or own [[budget]] limits. What: electricity, grid_electricity,
    pv_self_use, pv_export, pv_generation, heating_electricity, natural_gas, district_heat, diesel, petrol,
    lpg, coal, steam, water … Unit: kwh, mwh, m3, kg, t, l, mj, gj, kbtu, therm.
    """
    from rules.explain import account_text, judgement_text, report_json
    from rules.judgefile import read

    result = read(file)
    if as_json:
        _print_json(report_json(result.account, result.judgements))
        return
    typer.echo(account_text(result.account))
    for made in result.judgements:
        typer.echo("")
        typer.echo(judgement_text(made))


@app.command()
def schemes(
    rules: Annotated[Path | None, typer.Option("--rules", help="rules.toml.")] = None, as_json: AsJson = False
) -> None:
    """List the known quota schemes and what each needs."""
    from rules.config import load
    from rules.explain import needs
    from rules.scheme import packaged

    known = load(rules).schemes if rules else packaged()
    if as_json:
        _print_json([scheme.model_dump() for scheme in known.values()])
        return
    for scheme in known.values():
        typer.echo(f"{scheme.id}: {scheme.name_en}; {scheme.name_zh} ({scheme.confidence})")
        for measure in scheme.measure:
            typer.echo(
                f"    {measure.id} per {measure.period}: {', '.join(needs(measure)) or 'readings only'}"
            )


@app.command()
def explain(
    building: str,
    period: PeriodText,
    config: Config = COLLECTOR,
    rules: RulesPath = RULES,
    as_json: AsJson = False,
) -> None:
    """Show the whole chain of one building: meters, readings, factors, corrections, limit, forecast."""
    from rules.chain import chain, chain_text
    from rules.explain import account_text, judgement_text, report_json
    from rules.runner import now_ms

    wanted = period_of(period)
    with judging(config, rules) as ((store, registry, _), loaded):
        _known(registry, [building])
        made = chain(store, registry.buildings[building], loaded, wanted, now_ms())
    if as_json:
        _print_json({"meters": made.meters_json()} | dict(report_json(made.account, made.judgements)))
        return
    typer.echo(chain_text(made))
    typer.echo(account_text(made.account))
    for judgement in made.judgements:
        typer.echo("")
        typer.echo(judgement_text(judgement))


@app.command()
def cost(
    building: str,
    period: PeriodText,
    config: Config = COLLECTOR,
    rules: RulesPath = RULES,
    as_json: AsJson = False,
) -> None:
    """Show what the delivered energy of one building cost, line by line, by its tariffs ([[tariff]])."""
    from dataclasses import asdict

    from drivers.errors import BeaconError
    from rules.chain import account_of
    from rules.explain import cost_text
    from rules.runner import now_ms

    wanted = period_of(period)
    with judging(config, rules) as ((store, registry, _), loaded):
        _known(registry, [building])
        made = account_of(store, registry.buildings[building], loaded, wanted, now_ms())
    if made.cost is None:
        raise BeaconError(f"no tariff for {building}: name one as [[tariff]] in {rules}")
    if as_json:
        _print_json(
            {"building": building, "period": str(wanted), "through": made.through} | asdict(made.cost)
        )
        return
    typer.echo(f"{building}, {wanted}, counted through {made.through}")
    typer.echo(cost_text(made.cost))


@app.command()
def backtest(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="CSV files of day, kwh, outdoor_degc; none: the store."),
    ] = None,
    config: Config = COLLECTOR,
    rules: RulesPath = RULES,
    building: Annotated[list[str] | None, typer.Option(help="Of the store, only this building.")] = None,
    as_json: AsJson = False,
) -> None:
    """Try the forecast on recorded days: how early and how truly it warns, against the naive one.

    Without files, on every building's electricity in the store.
    """
    from dataclasses import asdict

    from rules.backtest import backtest as score
    from rules.backtest import read, table, verdict, whole

    if files:
        scores = [made for file in files for kind in ("year", "month") for made in score(read(file), kind)]
    else:
        recorded = _recorded(config, rules, building)
        scores = [made for each in recorded for kind in ("year", "month") for made in score(each, kind)]
        if len(recorded) > 1:
            scores += whole(scores)
    if as_json:
        _print_json([asdict(made) for made in scores])
        return
    typer.echo(table(scores))
    for line in verdict(scores):
        typer.echo(line)


def _recorded(config: Path, path: Path, buildings: list[str] | None) -> list[Recorded]:
    from datetime import date

    from drivers.errors import BeaconError
    from rules.backtest import YEARS, from_columns
    from rules.profiles import profile_of
    from rules.runner import last_whole_day, now_ms

    found = []
    with judging(config, path) as ((store, registry, _), rules):
        _known(registry, buildings)
        names = buildings or list(registry.buildings)
        for name in names:
            known = registry.buildings[name]
            through = last_whole_day(known, now_ms())
            first = date(through.year - YEARS, 1, 1)
            for columns in store.daily_columns(first, through, [name]):
                outdoor, profile = rules.outdoor(known.region), profile_of(known.type)
                found.append(from_columns(columns, first, outdoor, profile))
    if not any(found):
        raise BeaconError("the store has no electricity of these buildings; name CSV files instead")
    return [each for each in found if each is not None]


@app.command("dry-run")
def dry_run(
    days: Annotated[int, typer.Option(help="How many days back.", min=1, max=366)] = 30,
    condition: Annotated[str, typer.Option(help="Only this rule.")] = "",
    config: Config = COLLECTOR,
    rules: RulesPath = RULES,
    building: Annotated[list[str] | None, typer.Option(help="Only this building; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say how often each condition would have fired on the samples the store still has."""
    from dataclasses import asdict

    from rich.progress import track

    from drivers.errors import BeaconError
    from rules.replay import replay
    from rules.runner import now_ms

    with judging(config, rules) as ((store, registry, _), loaded):
        _known(registry, building)
        conditions = [rule for rule in loaded.file.condition if condition in ("", rule.id)]
        if not conditions:
            raise BeaconError(f"no condition {condition!r}" if condition else "rules.toml has no conditions")
        end = now_ms()
        start = end - round(timedelta(days=days).total_seconds() * 1000)
        names = building or list(registry.buildings)
        changes = []
        for name in track(names, description="replaying", disable=as_json):
            changes += replay(store, registry, name, conditions, loaded.file.calendar, start, end)
    if as_json:
        _print_json([asdict(change) for change in changes])
        return
    for rule in conditions:
        fired = [change for change in changes if change.condition == rule.id and change.state == "fire"]
        where = len({(change.building, change.device) for change in fired})
        typer.echo(
            f"{rule.id}: would have fired {len(fired)} times on {where} devices or buildings in {days} days"
        )
        for change in fired[:5]:
            at = datetime.fromtimestamp(change.since / 1000).astimezone().isoformat(timespec="minutes")
            typer.echo(f"    {at} {change.building} {change.device} {change.value}")
