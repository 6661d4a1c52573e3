"""`beacon user`: who may log in to the site."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collector.registry import Registry
    from dashboards.site.access import Grant

app = typer.Typer(help="Users and API tokens of the site.", no_args_is_help=True)


class RoleName(StrEnum):
    """As dashboards.site.access.Role, without importing the site for --help."""

    viewer = "viewer"
    manager = "manager"
    supervisor = "supervisor"
    admin = "admin"


File = Annotated[Path, typer.Option("--file", help="The users file, as [web] users of site.toml names it.")]
Name = Annotated[str, typer.Argument(help="Letters, digits and . @ - _", show_default=False)]
RoleOption = Annotated[
    RoleName | None,
    typer.Option("--role", help="What it may do. Left out: as before, or viewer for a new name."),
]
Buildings = Annotated[
    list[str] | None,
    typer.Option(
        "--building",
        help="Sees this building; repeat for more. Without --building and --region: as before, "
        "and a new name sees EVERYTHING.",
    ),
]
Regions = Annotated[
    list[str] | None,
    typer.Option(
        "--region", help="Sees this region, of 2, 4 or 6 digits (33, 3301, 330106); repeat for more."
    ),
]
Everything = Annotated[bool, typer.Option("--everything", help="Sees all buildings, whatever it saw before.")]


@app.command()
def password(
    name: Name,
    role: RoleOption = None,
    building: Buildings = None,
    region: Regions = None,
    everything: Everything = False,
    file: File = Path("users.toml"),
) -> None:
    """Add a user, or give one another password, role or scope. Asks for the password twice."""
    from dashboards.site.access import Role
    from dashboards.site.users_file import MIN_PASSWORD, planned, set_user

    scope = _scope(building, region, everything)
    grant = planned(file, "user", name, Role(role) if role else None, *scope)
    _warn_of_strangers(file, grant)
    text = f"Password of {name}, at least {MIN_PASSWORD} characters"
    set_user(file, grant, typer.prompt(text, hide_input=True, confirmation_prompt=True))
    typer.echo(f"{file}: {said(grant)}")
    _warn_of_open_site(file)


@app.command()
def token(
    name: Name,
    role: RoleOption = None,
    building: Buildings = None,
    region: Regions = None,
    everything: Everything = False,
    file: File = Path("users.toml"),
) -> None:
    """Make an API token for a program, instead of one of that name; it is shown this once."""
    from dashboards.site.access import Role
    from dashboards.site.users_file import add_token, planned

    scope = _scope(building, region, everything)
    grant = planned(file, "token", name, Role(role) if role else None, *scope)
    _warn_of_strangers(file, grant)
    typer.echo(add_token(file, grant))
    typer.echo(f"{file}: {said(grant)}", err=True)
    _warn_of_open_site(file)


@app.command()
def remove(name: Name, file: File = Path("users.toml")) -> None:
    """Take away the user and the token of that name; sessions of theirs end at once."""
    from dashboards.site.users_file import remove as take_away
    from drivers.errors import RequestError

    if not take_away(file, name):
        raise RequestError(f"{file}: nobody is called {name!r}")
    typer.echo(f"{file}: {name} is removed")


def said(grant: Grant) -> str:
    """`li is supervisor, sees region 330100`."""
    seen = [
        f"{one if len(codes) == 1 else many} {', '.join(codes)}"
        for one, many, codes in (
            ("region", "regions", grant.regions),
            ("building", "buildings", grant.buildings),
        )
        if codes
    ]
    what = "everything" if grant.visitor().everything else " and ".join(seen)
    return f"{grant.name} is {grant.role}, sees {what}"


def _scope(
    buildings: Sequence[str] | None, regions: Sequence[str] | None, everything: bool
) -> tuple[Sequence[str] | None, Sequence[str] | None]:
    """None: as before. Raises RequestError for everything and a part of it."""
    from drivers.errors import RequestError

    if everything and (buildings or regions):
        raise RequestError("--everything goes with neither --building nor --region")
    return ((), ()) if everything else (buildings or None, regions or None)


def _warn_of_strangers(file: Path, grant: Grant) -> None:
    """Say which buildings and regions the registry beside the users file does not have, if there is one."""
    registry = _registry_beside(file)
    if registry is None:
        return
    known = registry.buildings
    visitor = grant.visitor()
    strange = [f"building {id_}" for id_ in grant.buildings if id_ not in known]
    strange += [
        f"region {code}"
        for code, digits in zip(grant.regions, visitor.regions, strict=True)
        if not any(id_.startswith(digits) for id_ in known)
    ]
    for each in strange:
        typer.echo(f"note: the registry has no {each}", err=True)


def _registry_beside(file: Path) -> Registry | None:
    """The registry of site.toml or collector.toml in the users file's folder."""
    from collector.registry_file import load_registry
    from drivers.errors import ConfigError

    folder = file.resolve().parent
    collector = folder / str(_table(folder / "site.toml").get("collector", "collector.toml"))
    section = _table(collector).get("registry")
    files = section.get("files") if isinstance(section, dict) else None
    try:
        return load_registry([collector.parent / str(each) for each in files]) if files else None
    except ConfigError:
        return None  # `beacon site check` tells what is wrong with it


def _warn_of_open_site(file: Path) -> None:
    """Say that site.toml in the same folder does not name the users file, if so."""
    site = file.resolve().parent / "site.toml"
    web = _table(site).get("web", {})
    if not site.exists() or not isinstance(web, dict):
        return
    named = web.get("users")
    if named is None or (site.parent / str(named)).resolve() != file.resolve():
        typer.echo(
            f'note: {site} does not name this file. Write users = "{file.name}" below [web] and start the '
            "site again" + ("; until then it is open to everybody who reaches it" if named is None else ""),
            err=True,
        )


def _table(path: Path) -> dict[str, object]:
    """The file's content, {} if there is none or it cannot be read."""
    import tomllib

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
