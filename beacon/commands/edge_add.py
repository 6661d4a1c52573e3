"""`beacon edge add`: writes a device into edge.toml, and shows what changed."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax

from beacon.commands.edge_ratio import ratios
from drivers.errors import BeaconError
from edge.commission.add import NewDevice, propose
from edge.commission.place import Place


def add(
    path: Path,
    *,
    device: str,
    bus: str,
    profile: str,
    unit: int | None,
    address: str,
    place: Place,
    building: str,
    ratio: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Raises ConfigError with all problems that the file would have; then it stays as it was."""
    new = NewDevice(device, bus, profile, unit, address, place, building, ratios(ratio))
    change = propose(path, new)
    Console().print(Syntax(change.diff(), "diff", background_color="default"))
    if dry_run:
        print("nothing written: --dry-run")
        return
    try:
        change.write()
    except OSError as error:
        raise BeaconError(f"{path} cannot be written: {error.strerror}") from None
    print(f"{device} is in {path.name}; see the plan with: beacon edge check {path}")
