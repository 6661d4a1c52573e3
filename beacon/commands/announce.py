"""`beacon announce`: publish an announcement, and verify what was published."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beacon.commands.centre import COLLECTOR, RULES, Config, counting, judging, period_of

if TYPE_CHECKING:
    from dashboards.announce.build import Options
    from dashboards.announce.publication import Published

app = typer.Typer(
    help="Announce buildings' energy and carbon performance; published announcements never change.",
    invoke_without_command=True,
)

Period = Annotated[
    str, typer.Option(help="A month such as 2026-10, or a year such as 2026.", show_default=False)
]
Region = Annotated[
    str, typer.Option(help="2, 4 or 6 digits, such as 33, 3301 or 330105.", show_default=False)
]
Out = Annotated[Path, typer.Option(help="Where announcements are kept; each gets a folder of its number.")]
RulesPath = Annotated[Path, typer.Option("--rules", help="rules.toml: schemes, limits, factors.")]


@app.callback()
def announce(
    context: typer.Context,
    period: Period = "",
    region: Region = "",
    out: Out = Path("announcements"),
    config: Config = COLLECTOR,
    rules: RulesPath = RULES,
    named: Annotated[
        bool, typer.Option("--named/--anonymised", help="Name buildings marked as public.")
    ] = True,
    lang: Annotated[str, typer.Option(help="zh, en or both.")] = "both",
    forms: Annotated[
        str, typer.Option("--format", help="Any of html,pdf,csv,xlsx,json.")
    ] = "html,pdf,csv,xlsx,json",
    issuer_zh: Annotated[str, typer.Option(help="Who announces, in Chinese.")] = "",
    issuer_en: Annotated[str, typer.Option(help="Who announces, in English.")] = "",
    contact_zh: Annotated[str, typer.Option(help="Where to object, in Chinese.")] = "",
    contact_en: Annotated[str, typer.Option(help="Where to object, in English.")] = "",
    grades: Annotated[
        str, typer.Option(help="Scheme of grades: a_to_e, a_to_e_percentile, ll33, dec …")
    ] = "a_to_e",
    grades_file: Annotated[
        Path | None, typer.Option(help="TOML file with own grade schemes.", exists=True)
    ] = None,
    coverage: Annotated[float, typer.Option(help="Least data coverage to be counted.", min=0, max=1)] = 0.75,
    corrects: Annotated[str, typer.Option(help="Number of the announcement that this one corrects.")] = "",
    reason: Annotated[str, typer.Option(help="Why it is corrected; goes into the announcement.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Publish the announcement of a period and region."""
    if context.invoked_subcommand is not None:
        return
    if not period or not region:
        raise typer.BadParameter("both --period and --region are needed")
    if corrects and not reason:
        raise typer.BadParameter("a correction needs its --reason")
    from dashboards.announce.build import Options
    from dashboards.announce.grades import load_schemes
    from drivers.errors import RequestError
    from rules.model import Text

    schemes = load_schemes(grades_file)
    if grades not in schemes:
        raise RequestError(f"there is no grade scheme {grades!r}; known: {', '.join(schemes)}")
    options = Options(
        issuer=Text(issuer_en or issuer_zh or "Beacon", issuer_zh or issuer_en or "Beacon 平台"),
        issued_on=_today(),
        grades=schemes[grades],
        named=named,
        coverage_limit=coverage,
        contact=Text(contact_en or contact_zh, contact_zh or contact_en),
        corrects=corrects,
        correction=Text(reason, reason),
    )
    published = _publish(period, region, out, config, rules, lang, forms, options)
    _show(published, out, as_json)


def _today() -> date:
    return datetime.now().astimezone().date()


def _publish(
    period: str,
    region: str,
    out: Path,
    config: Path,
    rules_path: Path,
    lang: str,
    forms: str,
    options: Options,
) -> Published:
    from dashboards.announce.collect import collect
    from dashboards.announce.issue import FORMS, issue
    from dashboards.boards.words import LANGUAGES
    from drivers.errors import RequestError
    from rules.runner import now_ms

    wanted = period_of(period)
    languages = [each for each in LANGUAGES if lang in {each, "both"}]
    chosen = [each for each in FORMS if each in forms.split(",")]
    if unknown := sorted(set(forms.split(",")) - set(FORMS)):
        raise RequestError(f"there is no format {', '.join(unknown)}; known: {', '.join(FORMS)}")
    if not languages:
        raise RequestError(f"there is no language {lang!r}; known: zh, en, both")
    with judging(config, rules_path) as (centre, rules):
        store, registry, settings = centre
        with counting("buildings") as told:
            made = collect(store, registry, rules, wanted, region, options, now_ms(), told)
        published = issue(made, out, chosen, languages)
        if settings.store.kind == "influxdb":
            from dashboards.boards.mirror import show_announcement

            show_announcement(settings.store, replace(made, number=published.number))
        return published


def _show(published: Published, out: Path, as_json: bool) -> None:
    folder = out / published.number
    if as_json:
        typer.echo(published.model_dump_json())
        return
    typer.echo(
        f"published {published.number}"
        + ("" if published.official else " (rests partly on unconfirmed rows)")
    )
    for name in published.files:
        typer.echo(f"  {folder / name}")


@app.command()
def verify(
    directory: Annotated[
        Path, typer.Argument(help="The folder of announcements.", exists=True, file_okay=False)
    ],
) -> None:
    """Check that every published file and the index are as they were published."""
    from dashboards.announce.publication import read_index
    from dashboards.announce.publication import verify as check

    problems = check(directory)
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{len(read_index(directory).announcements)} announcements, all as published")
