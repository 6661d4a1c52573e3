"""`beacon devices`: the profiles there are, and what registers and frames mean to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from drivers.profile import Point, Profile

app = typer.Typer(
    help="Device profiles: list them, show one, decode registers and frames.", no_args_is_help=True
)

_SHORT = {"dlt645_2007": "DL/T 645", "dlt645_1997": "DL/T 645", "cjt188": "CJ/T 188"}

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Own = Annotated[Path | None, typer.Option("--profiles", help="Folder with own profiles.")]
Name = Annotated[str, typer.Argument(help="A profile's name, as `beacon devices list` shows it.")]


@app.command("list")
def list_(
    word: Annotated[
        str, typer.Argument(help="Only profiles with these words in name, vendor, model or protocol.")
    ] = "",
    kind: Annotated[
        str, typer.Option(help="Only electricity, heat, water, gas, heat_pump or environment.")
    ] = "",
    own: Own = None,
    as_json: Json = False,
) -> None:
    """List the profiles, by kind of device."""
    from drivers.errors import BeaconError
    from drivers.models import load, names, profile_of, protocol_of

    loaded = [(load(name, own), name) for name in names(own)]
    kinds = list(dict.fromkeys(sorted(profile_of(model).kind for model, _ in loaded)))
    if kind and kind not in kinds:
        raise BeaconError(f"--kind {kind}: one of {', '.join(kinds)}")
    rows = []
    for model, name in loaded:
        p, protocol = profile_of(model), protocol_of(model)
        over = _transports(p) or [protocol]
        text = f"{name} {p.vendor} {p.model} {p.kind} {' '.join(p.variants)} {' '.join(over)}".lower()
        if (not kind or p.kind == kind) and all(part in text for part in word.lower().split()):
            rows.append(
                {
                    "profile": name,
                    "vendor": p.vendor,
                    "model": p.model,
                    "kind": p.kind,
                    "transports": over,
                    "quantities": len(p.quantities()),
                    "confirmed": _confirmed(p),
                }
            )
    if as_json:
        _print_json(rows)
        return
    _print_list(rows, kinds)


def _print_list(rows: list[dict[str, Any]], kinds: list[str]) -> None:
    """One table a kind, readable at 80 columns."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for kind in kinds:
        of_kind = [row for row in rows if row["kind"] == kind]
        if not of_kind:
            continue
        table = Table(title=f"{kind} ({len(of_kind)})", title_justify="left", box=None, pad_edge=False)
        table.add_column("profile", no_wrap=True)
        table.add_column("device")
        table.add_column("over", no_wrap=True)
        table.add_column("values", justify="right")
        for row in of_kind:
            device = (
                row["model"] if row["vendor"] in ("any", "generic") else f"{row['vendor']} {row['model']}"
            )
            over = "+".join(_SHORT.get(name, name) for name in row["transports"])
            table.add_row(row["profile"], device, over, str(row["quantities"]))
        console.print(table)
        console.print()
    more = "`beacon devices show NAME` shows one" if rows else "try fewer words, or a maker's name alone"
    console.print(f"{len(rows)} profiles; {more}")


@app.command()
def show(profile: Name, own: Own = None, as_json: Json = False) -> None:
    """Show a profile: values, registers, confidence, traps, ratios to give."""
    from drivers.models import load, profile_of, protocol_of

    model = load(profile, own)
    found = profile_of(model)
    if as_json:
        _print_json(_as_document(found))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    over = ", ".join(_transports(found)) or protocol_of(model)
    console.print(f"[bold]{found.vendor} {found.model}[/bold]  ({found.kind}, {over})")
    for note in found.notes:
        console.print(f"  • {note}", markup=False)
    for name, factor in found.factors.items():
        origin = f"register {factor.cell.address}" if factor.cell else "to be given in edge.toml"
        console.print(f"  factor {name}: {origin}. {factor.note}", markup=False)
    for identity in found.identity:
        expected = f" is {identity.equals!r}" if identity.equals is not None else ""
        console.print(f"  {identity.means}{expected}: register {identity.cell.address}", markup=False)
    table = Table()
    table.add_column("quantity", no_wrap=True)
    for heading in ("unit", "where", "type", "read", "confidence", "note"):
        table.add_column(heading, overflow="fold")
    for row in _as_document(found)["values"]:
        table.add_row(
            *(str(row[key]) for key in ("quantity", "unit", "where", "type", "group", "confidence", "note"))
        )
    console.print(table)
    for name, text in found.sources.items():
        console.print(f"  {name}: {text}", markup=False)


@app.command()
def decode(
    profile: Name,
    registers: Annotated[
        list[str] | None, typer.Option(help="ADDRESS:HEX, address counted from 0; may be repeated.")
    ] = None,
    frame: Annotated[
        list[str] | None,
        typer.Option(help="An answer in hex, RTU or TCP; the request's frame may stand before it."),
    ] = None,
    address: Annotated[
        int | None, typer.Option(help="First address of the answer, without its request.")
    ] = None,
    function: Annotated[
        int, typer.Option(help="Function code of --registers; 0: the profile's.", min=0, max=4)
    ] = 0,
    ratio: Annotated[list[str] | None, typer.Option(help="NAME=NUMBER, for profiles that need one.")] = None,
    own: Own = None,
    as_json: Json = False,
) -> None:
    """Decode registers or frames as a device of this profile means them."""
    from drivers.errors import BeaconError
    from drivers.modbus.decode import Words, decode_words, parse_exchange, parse_words
    from drivers.profile import load

    found = load(profile, own)
    if found.modbus is None:
        raise BeaconError(f"{profile} is no Modbus profile")
    code = function or found.points[0].cells[0].function
    words: Words = {}
    for text in registers or []:
        words |= parse_words(text, code)
    if frame:
        words |= parse_exchange([_bytes(text) for text in frame], address)
    if not words:
        raise BeaconError("give --registers or --frame")
    values = decode_words(found, words, dict(_ratio(text) for text in ratio or []))
    if as_json:
        _print_json(values)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("quantity", "value", "unit", "raw", "plausible")
    for point in found.points:
        name = point.quantity.name
        if name in values:
            value = values[name]
            raw = " ".join(
                f"{words.get((cell.function, at), 0):04X}"
                for cell in point.cells
                for at in range(cell.address, cell.end)
            )
            shown = "—" if value is None else f"{value:.10g}"
            table.add_row(name, shown, point.quantity.unit, raw, "no value" if value is None else "yes")
    Console().print(table)


def _transports(profile: Profile) -> list[str]:
    return [*(profile.modbus.transports if profile.modbus else ()), *(["mqtt"] if profile.mqtt else [])]


def _confirmed(profile: Profile) -> str:
    if not profile.points:
        return "—"
    agreed = sum(point.confidence.startswith("two agree") for point in profile.points)
    return f"{100 * agreed // len(profile.points)} %"


def _as_document(profile: Profile) -> dict[str, Any]:
    values = [_point_row(point) for point in profile.points]
    for topic in profile.mqtt.topics if profile.mqtt else ():
        values += [
            _mqtt_row(name, topic.topic, mapped.path, topic.confidence)
            for name, mapped in topic.points.items()
        ]
    return {
        "profile": profile.name,
        "vendor": profile.vendor,
        "model": profile.model,
        "variants": list(profile.variants),
        "kind": profile.kind,
        "transports": _transports(profile),
        "notes": list(profile.notes),
        "ratios": profile.installer_ratios,
        "counters": [counter.quantity for counter in profile.counters],
        "values": values,
        "sources": dict(profile.sources),
    }


def _point_row(point: Point) -> dict[str, Any]:
    where = kind = ""
    if point.cells:  # DL/T 645 and CJ/T 188 have no registers
        first = point.cells[0]
        where = f"{first.function}:" + "+".join(str(cell.address) for cell in point.cells)
        kind = first.type + (" low word first" if first.word_order == "little" and first.words > 1 else "")
    return {
        "quantity": point.quantity.name,
        "unit": point.quantity.unit,
        "where": where,
        "type": kind,
        "group": point.group,
        "confidence": point.confidence,
        "note": point.note,
    }


def _mqtt_row(name: str, topic: str, path: str, confidence: str) -> dict[str, Any]:
    from drivers.quantity import quantity

    where = f"{topic} {path}".strip()
    unit = quantity(name).unit
    return {
        "quantity": name,
        "unit": unit,
        "where": where,
        "type": "json" if path else "text",
        "group": "—",
    } | {
        "confidence": confidence,
        "note": "",
    }


def _bytes(text: str) -> bytes:
    from drivers.errors import BeaconError

    try:
        return bytes.fromhex(text.replace("0x", "").replace(",", " "))
    except ValueError:
        raise BeaconError(f"{text!r} is not hexadecimal") from None


def _ratio(text: str) -> tuple[str, float]:
    from drivers.errors import BeaconError

    name, _, number = text.partition("=")
    try:
        return name.strip(), float(number)
    except ValueError:
        raise BeaconError(f"{text!r} is not NAME=NUMBER") from None


def _print_json(document: object) -> None:
    import orjson

    print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
