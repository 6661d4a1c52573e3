"""Write docs/configuration.md from the models that load the files: `python docs/generate.py`."""

from __future__ import annotations

import inspect
import types
import typing
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from beacon.site_file import SiteFile
from collector.registry import Building, Meter
from collector.registry_entry import BuildingEntry, MeterEntry, RegionEntry
from collector.settings import Settings
from edge.config import EdgeConfig
from rules.config import RulesFile

TARGET = Path(__file__).parent / "configuration.md"


class RegistryFile(BaseModel):
    building: list[BuildingEntry] = []
    region: list[RegionEntry] = []


FILES: list[tuple[str, type[BaseModel], str]] = [
    ("edge.toml", EdgeConfig, "What one machine beside the meters reads, and where it sends it."),
    ("collector.toml", Settings, "Broker, store, registry and limits of the centre."),
    (
        "buildings.toml",
        RegistryFile,
        "The building registry. Several files together are one registry; CSV files may say the same.",
    ),
    ("rules.toml", RulesFile, "Quotas, conditions and notifiers."),
    ("site.toml", SiteFile, "Which parts run together in one process."),
]
BETTER_TEXT = {BuildingEntry: Building.__doc__, MeterEntry: Meter.__doc__}
HEAD = """# Configuration reference

Generated from the models that load the files (`python docs/generate.py`); a test compares.
Unknown keys are errors, and all problems of all files are reported at once as `file: key: problem`.
Paths are relative to the file they stand in. Secrets stand in the environment or in files of mode 0600.
`deploy/` has a commented sample of every file.
"""


def main() -> None:
    TARGET.write_text(reference(), "utf-8")


def reference() -> str:
    parts = [HEAD]
    for name, model, purpose in FILES:
        parts.append(f"\n## {name}\n\n{purpose}\n")
        done: set[type[BaseModel]] = set()
        _section(model, "", parts, done)
    return "".join(parts)


def _section(model: type[BaseModel], path: str, parts: list[str], done: set[type[BaseModel]]) -> None:
    if model in done:
        return
    done.add(model)
    if path:
        parts.append(f"\n### `{path}`\n")
    text = inspect.cleandoc(BETTER_TEXT.get(model) or model.__doc__ or "")
    if text and path:
        parts.append("\n" + "\n".join(line.strip() for line in text.splitlines()) + "\n")
    rows: list[str] = []
    below: list[tuple[type[BaseModel], str]] = []
    for name, field in model.model_fields.items():
        if field.repr is False:  # a secret: from the environment or a file, never in this one
            continue
        key = field.alias or name
        nested = list(_models(field.annotation))
        if nested:
            listed = _is_list(field.annotation)
            inner = f"{path.strip('[]')}.{key}".strip(".")
            below += [(each, f"[[{inner}]]" if listed else f"[{inner}]") for each in nested]
            continue
        rows.append(f"| `{key}` | {_type(field)} | {_default(field)} |\n")
    if rows:
        parts.append("\n| key | value | default |\n|---|---|---|\n" + "".join(rows))
    for each, inner in below:
        variant = each if len([1 for other, where in below if where == inner]) == 1 else None
        label = inner if variant else f"{inner} {_kind(each)}".strip()
        _section(each, label, parts, done)


def _kind(model: type[BaseModel]) -> str:
    """`type = "rtu"`: what tells this variant of a table from its others."""
    for name in ("type", "kind"):
        field = model.model_fields.get(name)
        if field is not None and get_origin(field.annotation) is Literal:
            return f"with {name} " + " or ".join(str(word) for word in get_args(field.annotation))
    return ""


def _models(annotation: Any) -> typing.Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return origin in (list, tuple) or any(_is_list(argument) for argument in get_args(annotation))


def _type(field: FieldInfo) -> str:
    words = _words(field.annotation)
    limits = [limit for part in field.metadata for limit in _limits(part)]
    return ", ".join([words, *limits])


def _words(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = [limit for part in arguments[1:] for limit in _limits(part)]
        return ", ".join([_words(arguments[0]), *inner])
    if origin is Literal:
        return " or ".join(f"`{word}`" if word != "" else "empty" for word in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_words(part) for part in arguments if part is not type(None))
    if origin in (list, tuple):
        inside = [_words(part) for part in arguments if part is not ...]
        return f"list of {' and '.join(dict.fromkeys(inside)) or 'anything'}"
    if origin is dict:
        return f"table of {_words(arguments[1])}"
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}
    if annotation in names:
        return names[annotation]
    if inspect.isclass(annotation) and hasattr(annotation, "__members__"):
        return " or ".join(f"`{member.value}`" for member in annotation)
    return "anything" if annotation is Any else str(getattr(annotation, "__name__", annotation))


def _limits(part: Any) -> list[str]:
    found = []
    for name, words in (("gt", "above"), ("ge", "from"), ("lt", "below"), ("le", "to")):
        value = getattr(part, name, None)
        if value is not None:
            found.append(f"{words} {value:,}".replace(",", "_"))
    pattern = getattr(part, "pattern", None)
    if pattern:
        found.append("`" + pattern.replace("|", "\\|") + "`")
    for inner in getattr(part, "metadata", []):
        found += _limits(inner)
    return found


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ("", [], {}, ()):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{list(value)}`" if isinstance(value, tuple) else f"`{value}`"


if __name__ == "__main__":
    main()
