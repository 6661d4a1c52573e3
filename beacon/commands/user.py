"""`beacon user`: who may log in to the site."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Users and API tokens of the site.", no_args_is_help=True)


class RoleName(StrEnum):
    """As dashboards.site.access.Role, without importing the site for --help."""

    viewer = "viewer"
    manager = "manager"
    supervisor = "supervisor"
    admin = "admin"


File = Annotated[Path, typer.Option("--file", help="The users file.")]
Name = Annotated[str, typer.Argument(help="Letters, digits and . @ - _", show_default=False)]
RoleOption = Annotated[RoleName, typer.Option("--role", help="What it may do.")]
Buildings = Annotated[
    list[str] | None, typer.Option("--building", help="Sees this building; repeat for more.")
]
Regions = Annotated[list[str] | None, typer.Option("--region", help="Sees this region (six digits); repeat.")]


@app.command()
def password(
    name: Name,
    role: RoleOption = RoleName.viewer,
    building: Buildings = None,
    region: Regions = None,
    file: File = Path("users.toml"),
) -> None:
    """Add a user, or set a user's password, role and scope. Asks for the password twice."""
    from dashboards.site.access import Role
    from dashboards.site.users_file import set_user

    secret = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    set_user(file, name, secret, Role(role), building or [], region or [])
    typer.echo(f"{file}: {name} is {role.value}")


@app.command()
def token(
    name: Name,
    role: RoleOption = RoleName.viewer,
    building: Buildings = None,
    region: Regions = None,
    file: File = Path("users.toml"),
) -> None:
    """Make an API token for a program; it is shown this once."""
    from dashboards.site.access import Role
    from dashboards.site.users_file import add_token

    typer.echo(add_token(file, name, Role(role), building or [], region or []))


@app.command()
def remove(name: Name, file: File = Path("users.toml")) -> None:
    """Take away the user and the token of that name."""
    from dashboards.site.users_file import remove as take_away
    from drivers.errors import BeaconError

    if not take_away(file, name):
        raise BeaconError(f"{file}: nobody is called {name!r}")
    typer.echo(f"{file}: {name} is removed")
