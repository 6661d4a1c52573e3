"""The registry on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.tree import Tree

from collector.registry import Building, Meter, Registry
from drivers.carrier import ITEMS


def buildings_table(registry: Registry) -> Table:
    """All buildings, one a line."""
    table = Table("id", "name", "region", "type", "area m²", "meters", "edges", title="Building registry")
    for building in registry.buildings.values():
        zh, en = registry.region_name(building.region)
        table.add_row(
            building.id,
            f"{building.name_zh}\n{building.name_en}",
            f"{zh}\n{en}",
            building.type.value,
            f"{building.area_m2:,.0f}",
            str(len(building.meters)),
            "\n".join(building.edges),
        )
    return table


def building_tree(registry: Registry, building: Building) -> Tree:
    """One building's meters by carrier, parts below what they are part of."""
    zh, en = registry.region_name(building.region)
    tree = Tree(f"[bold]{building.id}[/bold] {building.name_zh} / {building.name_en} ({zh}, {en})")
    for carrier in sorted({meter.carrier for meter in building.meters}):
        meters = [meter for meter in building.meters if meter.carrier is carrier]
        names = {meter.name for meter in meters}
        branch = tree.add(f"[bold]{carrier}[/bold]")
        for meter in meters:
            if meter.parent not in names:
                _add(branch, meter, meters)
    return tree


def _add(tree: Tree, meter: Meter, meters: Sequence[Meter]) -> None:
    item = f" {meter.item} {' / '.join(ITEMS[meter.item])}" if meter.item else ""
    source = f"device {meter.device}" if meter.device else _formula(meter)
    branch = tree.add(f"{meter.name} [cyan]{meter.role}[/cyan]{item} [dim]{source}[/dim]")
    for part in meters:
        if part.parent == meter.name:
            _add(branch, part, meters)


def _formula(meter: Meter) -> str:
    return f"= {' + '.join(meter.plus)}{''.join(f' - {name}' for name in meter.minus)}"
