"""`beacon edge probe`: single registers in hex, with every usual decoding side by side."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import orjson
from rich.console import Console
from rich.table import Table

from drivers.modbus.registers import Block
from edge.commission.decodings import Decoding, decodings, plausible, text
from edge.commission.place import Place, open_modbus

_TYPES_32 = ("u32", "s32", "f32", "bcd32")
_TYPES_64 = ("u64", "f64")


def show(place: Place, unit: int, function: int, address: int, count: int, *, as_json: bool) -> None:
    """Read the registers once and print them. Raises DeviceError if they are not answered."""
    block = Block(function, address, count)
    data = asyncio.run(_read(place, unit, block))
    if function in (1, 2):
        bits = {address + i: data[i >> 3] >> (i & 7) & 1 for i in range(count)}
        _print_bits(bits, as_json)
        return
    words = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
    if as_json:
        print(orjson.dumps(_document(words, block)).decode())
        return
    console = Console()
    for table in _tables(words, address):
        console.print(table)
    _print_plausible(console, plausible(words), address)


async def _read(place: Place, unit: int, block: Block) -> bytes:
    bus = open_modbus(place)
    try:
        return await bus.read(unit, block)
    finally:
        await bus.aclose()


def _document(words: list[int], block: Block) -> dict[str, object]:
    rows = [asdict(one) | {"address": block.address + one.offset} for one in decodings(words)]
    return {
        "function": block.function,
        "address": block.address,
        "words": [f"{word:04X}" for word in words],
        "text": text(words),
        "text_bytes_swapped": text(words, "little"),
        "decodings": rows,
    }


def _print_bits(bits: dict[int, int], as_json: bool) -> None:
    if as_json:
        print(orjson.dumps({str(at): bit for at, bit in bits.items()}).decode())
        return
    table = Table("address", "bit")
    for at, bit in bits.items():
        table.add_row(str(at), str(bit))
    Console().print(table)


def _tables(words: list[int], first: int) -> list[Table]:
    """One row a register, as far as types of that length fit; green is plausible."""
    found = decodings(words)
    by = {(one.offset, one.type, one.word_order, one.byte_order): one for one in found}
    single = Table(
        "address",
        "hex",
        "u16",
        "s16",
        "BCD",
        "bytes swapped",
        "text",
        title="one register",
        title_justify="left",
    )
    for i, word in enumerate(words):
        row = [by[i, kind, "big", "big"] for kind in ("u16", "s16", "bcd16")]
        single.add_row(
            *(str(first + i), f"{word:04X}", *map(_shown, row)),
            _shown(by[i, "u16", "big", "little"]),
            text([word]),
        )
    tables = [single]
    for size, kinds in ((2, _TYPES_32), (4, _TYPES_64)):
        if len(words) < size:
            continue
        table = Table(
            title=f"{size} registers; the bytes of 0x0A0B 0C0D… in this order", title_justify="left"
        )
        table.add_column("address")
        table.add_column("order")
        for kind in kinds:
            table.add_column(kind, justify="right")
        for i in range(len(words) - size + 1):
            for words_first, bytes_first, name in _ORDERS:
                row = [by[i, kind, words_first, bytes_first] for kind in kinds]
                if bytes_first == "big" or any(_physical(one) for one in row):
                    table.add_row(str(first + i), name, *map(_shown, row))
        tables.append(table)
    return tables


_ORDERS = (
    ("big", "big", "AB CD"),
    ("little", "big", "CD AB"),
    ("big", "little", "BA DC"),
    ("little", "little", "DC BA"),
)


def _physical(one: Decoding) -> bool:
    return one.meaning not in ("", "number")


def _shown(one: Decoding) -> str:
    if one.value is None:
        return "—"
    figure = f"{one.value:.7g}" if isinstance(one.value, float) else str(one.value)
    return f"[bold green]{figure}[/]" if _physical(one) else figure


def _print_plausible(console: Console, found: list[Decoding], first: int) -> None:
    told = [one for one in found if _physical(one)]
    if not told:
        console.print("nothing looks like a mains voltage or frequency")
        return
    console.print("could be:")
    for one in told:
        order = (
            f", words {one.word_order} first, bytes {one.byte_order} first" if one.type[-2:] != "16" else ""
        )
        console.print(f"  {first + one.offset}: {one.meaning}: {one.value:.7g} ({one.type}{order})")
