"""The published JSON Schema is that of the models, and real payloads pass it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

DOCS = Path(__file__).parent.parent / "docs"


def test_the_published_schemas_are_those_of_the_models() -> None:
    spec = importlib.util.spec_from_file_location("wire_docs", DOCS / "wire.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    published = {path.name: path.read_text("utf-8") for path in (DOCS / "wire").glob("*.json")}
    assert published == module.schemas(), "run: python docs/wire.py"


def test_a_batch_passes_and_a_stranger_does_not() -> None:
    check = Draft202012Validator(json.loads((DOCS / "wire" / "batch.schema.json").read_text("utf-8")))
    group = {
        "building": "330100A001",
        "device": "main",
        "kind": "electricity",
        "fields": ["active_power_total"],
        "rows": [[1_760_000_000_000, 0, 12.5], [1_760_000_001_000, 0, None]],
    }
    batch = {"v": 1, "spool": "abc", "seq": 1, "sealed_at": 1_760_000_002_000, "samples": [group]}
    check.validate(batch)
    event = {
        "building": "330100A001",
        "device": "main",
        "quantity": "active_energy_import_total",
        "kind": "reset",
        "at": 1_760_000_000_000,
        "before": 81_234.5,
        "after": 0.0,
    }
    check.validate(batch | {"events": [event, event | {"kind": "rollover", "counted": 1.5}]})
    with pytest.raises(ValidationError):
        check.validate(batch | {"events": [event | {"before": "much"}]})
    with pytest.raises(ValidationError):
        check.validate(batch | {"building": "330100A001"})
