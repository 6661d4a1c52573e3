"""The folders are floors: a folder imports only from folders to its left."""

from __future__ import annotations

import ast
from pathlib import Path

FLOORS = ["drivers", "edge", "collector", "rules", "dashboards", "beacon"]
ROOT = Path(__file__).parent.parent


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names & set(FLOORS)


def steps_to_the_right(floor: str, source: str) -> set[str]:
    allowed = FLOORS[: FLOORS.index(floor) + 1]
    return imported(ast.parse(source)) - set(allowed)


def test_every_import_points_back_along_the_way_of_the_data() -> None:
    files = [(floor, path) for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]
    assert len(files) > 30
    wrong = {
        str(path.relative_to(ROOT)): found
        for floor, path in files
        if (found := steps_to_the_right(floor, path.read_text("utf-8")))
    }
    assert wrong == {}


def test_a_step_to_the_right_is_seen() -> None:
    assert steps_to_the_right("edge", "import drivers.sample\nfrom collector.store import Store") == {
        "collector"
    }
    assert steps_to_the_right("edge", "def f():\n    import rules.quota") == {"rules"}


def test_only_the_adapter_knows_pymodbus() -> None:
    users = {
        str(path.relative_to(ROOT))
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*.py")
        if "pymodbus" in {n.split(".")[0] for n in _modules(ast.parse(path.read_text("utf-8")))}
    }
    assert users == {"drivers/modbus/transport.py"}


def _modules(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names
