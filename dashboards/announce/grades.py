"""Grades from configurable edges. Which edges apply is data (`grades.toml`); this file holds none."""

from __future__ import annotations

import tomllib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from drivers.errors import ConfigError, Problem

Mode = Literal["percentile", "ratio_to_mean", "ratio_to_limit", "score_high_good", "score_low_good"]
Pair = tuple[str, str]  # (en, zh)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Strict):
    """One way to find a grade. edges: upper edges from the best grade on (lower edges for scores where
    high is good). min_peers: counted buildings of the type below which this way is not used."""

    mode: Mode
    edges: Annotated[tuple[float, ...], Field(min_length=1)]
    min_peers: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _ordered(self) -> Step:
        wanted = sorted(self.edges, reverse=self.mode == "score_high_good")
        if list(self.edges) != wanted or len(set(self.edges)) != len(self.edges):
            raise ValueError("edges must go from the best grade to the worst without repetition")
        return self

    def place(self, value: float) -> int:
        """Index of the grade, 0 is best. An edge belongs to the better grade."""
        if self.mode == "score_high_good":
            return sum(value < edge for edge in self.edges)
        return bisect_left(self.edges, value)


class GradeScheme(_Strict):
    """Letters from best to worst, what they mean, and the steps tried in order.

    input: name of the number that score modes take from the registry's occupancy table. unsubmitted: the
    letter of a building without it. exempt: the letter of one whose number `exempt_input` is not 0.
    about: which of a building's two figures the scheme grades.
    """

    name: Pair
    letters: tuple[str, ...]
    words: tuple[Pair, ...]
    source: str
    source_zh: str
    confirmed: bool
    step: Annotated[tuple[Step, ...], Field(min_length=1)]
    input: str = ""
    unsubmitted: str = ""
    exempt: str = ""
    exempt_input: str = ""
    about: Literal["both", "energy", "carbon"] = "both"

    @model_validator(mode="after")
    def _fits(self) -> GradeScheme:
        if len(self.words) != len(self.letters):
            raise ValueError("every letter needs words in both languages")
        if bool(self.exempt) != bool(self.exempt_input):
            raise ValueError("exempt and exempt_input belong together")
        if not self.input and any(step.mode.startswith("score") for step in self.step):
            raise ValueError("a score mode needs input, the name of its number")
        for step in self.step:
            if len(step.edges) != len(self.letters) - 1:
                raise ValueError(f"{len(self.letters)} letters need {len(self.letters) - 1} edges")
        return self


@dataclass(frozen=True, slots=True)
class Graded:
    """A grade and how it was found. place: 0 is best; value: what was compared with the edges, None where
    nothing was, or where it would give the building away."""

    letter: str
    place: int
    mode: str
    value: float | None


@dataclass(frozen=True)
class Peers:
    """The intensities of all counted buildings of one type, ascending."""

    values: Sequence[float]

    @cached_property
    def mean(self) -> float:
        return sum(self.values) / len(self.values)

    def rank(self, value: float) -> int:
        """1 for the lowest; equal values share a place."""
        return 1 + bisect_left(self.values, value)

    def percentile(self, value: float) -> float:
        return bisect_left(self.values, value) / len(self.values)

    def ratio(self, value: float) -> float | None:
        return value / self.mean if self.mean > 0 else None


def grade(
    scheme: GradeScheme,
    value: float,
    peers: Peers,
    share: float | None = None,
    score: float | None = None,
    *,
    exempt: bool = False,
) -> Graded | None:
    """The grade of one building, by the first step that can be used; None if none can.

    value: intensity per m². share: of its limit. score: from outside, for LL33 and DEC.
    """
    if exempt:
        return Graded(scheme.exempt, len(scheme.letters), "exempt", None)
    for step in scheme.step:
        if len(peers.values) < step.min_peers:
            continue
        compared = {
            "percentile": peers.percentile(value),
            "ratio_to_mean": peers.ratio(value),
            "ratio_to_limit": share,
        }.get(step.mode, score)
        if compared is not None:
            place = step.place(compared)
            return Graded(scheme.letters[place], place, step.mode, compared)
    if scheme.unsubmitted and score is None:
        return Graded(scheme.unsubmitted, len(scheme.letters), "unsubmitted", None)
    return None


def load_schemes(path: Path | None = None) -> Mapping[str, GradeScheme]:
    """The built-in schemes, or those of an operator's own file. Raises ConfigError with all problems."""
    file = str(path) if path else "grades.toml"
    try:
        text = path.read_text("utf-8") if path else (files(__package__) / "grades.toml").read_text("utf-8")
        tables = tomllib.loads(text)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([Problem(file, "", str(error))]) from error
    schemes, problems = {}, []
    for key, table in tables.items():
        try:
            schemes[key] = GradeScheme.model_validate(table)
        except ValidationError as error:
            problems += [
                Problem(file, ".".join(str(part) for part in (key, *each["loc"])), each["msg"])
                for each in error.errors()
            ]
    if problems:
        raise ConfigError(problems)
    return schemes
