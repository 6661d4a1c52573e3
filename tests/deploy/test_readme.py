"""README says only what is there: links, commands, dependencies."""

from __future__ import annotations

import re
import tomllib
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "CONTRIBUTING.md"]
LINES = [line for page in PAGES for line in (ROOT / page).read_text("utf-8").splitlines()]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text("utf-8")):
        assert (ROOT / target).exists(), target


def command(words: list[str]) -> Any:
    """The command that the words name. Raises AssertionError if there is none."""
    import typer

    from beacon.__main__ import app

    found: Any = typer.main.get_command(app)
    for word in words:
        if not hasattr(found, "commands"):
            break
        assert word in found.commands, " ".join(words)
        found = found.commands[word]
    return found


def test_every_command_exists_with_its_options() -> None:
    seen = 0
    for line in LINES:
        for text in re.findall(r"(?:^|`|sudo )beacon ([a-z][^`#]*)", line):
            words = text.replace("&", "").split()
            names = list(takewhile(lambda word: not word.startswith("-"), words))
            if "|" in text:
                group, *alternatives = re.split(r" |\\?\|", text.strip())
                for alternative in alternatives:
                    command([group, alternative])
                continue
            options = {name for each in command(names).params for name in each.opts}
            for word in words:
                if word.startswith("--"):
                    assert word in options, text
            seen += 1
    assert seen >= 12


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = list(project["dependencies"])
    for extra, packages in project["optional-dependencies"].items():
        needed += packages if extra != "dev" else []
    names = {re.split(r"[<>=;\[ ]", need)[0] for need in needed} - {"beacon"}
    table = "\n".join(line for line in LINES if line.startswith("| "))
    said = set(re.findall(r"[a-z0-9-]+", table))
    assert names - said == set()
