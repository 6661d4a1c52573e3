"""Golden cases: a folder is a test. tests/golden/<profile>/<case>/registers.toml and expected.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from drivers.modbus.decode import decode_words, parse_words
from drivers.profile import load

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(path.parent for path in GOLDEN.glob("*/*/registers.toml"))


def test_there_are_golden_cases() -> None:
    assert CASES
    assert all((case / "expected.toml").is_file() for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_golden(case: Path) -> None:
    given = tomllib.loads((case / "registers.toml").read_text("utf-8"))
    expected = tomllib.loads((case / "expected.toml").read_text("utf-8"))
    words = {}
    for address, text in given["words"].items():
        words |= parse_words(f"{address}:{text}", given["function"])
    values = decode_words(load(case.parent.name), words, given.get("ratios"))
    for name in expected.get("absent", []):
        assert name in values, name
        assert values[name] is None, name
    for name, value in expected["values"].items():
        assert values[name] == pytest.approx(value, rel=1e-6, abs=1e-5), name
