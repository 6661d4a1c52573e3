"""Calendar periods: a year or a month of a building's local calendar."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_TEXT = re.compile(r"(\d{4})(?:-(\d{2}))?")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A calendar year (`month` is 0) or one month of it."""

    year: int
    month: int = 0

    def __post_init__(self) -> None:
        if not (1 <= self.year <= 9999 and 0 <= self.month <= 12):
            raise ValueError(f"no such period: year {self.year}, month {self.month}")

    @classmethod
    def parse(cls, text: str) -> Period:
        """The period of `2026` or `2026-10`. Raises ValueError for anything else."""
        match = _TEXT.fullmatch(text.strip())
        if not match or match[2] == "00":
            raise ValueError(f"{text!r} is not a period; write a year like 2026 or a month like 2026-10")
        return cls(int(match[1]), int(match[2] or 0))

    @classmethod
    def containing(cls, day: date, *, monthly: bool = False) -> Period:
        return cls(day.year, day.month if monthly else 0)

    @property
    def first(self) -> date:
        return date(self.year, self.month or 1, 1)

    @property
    def last(self) -> date:
        month = self.month or 12
        return date(self.year, month, calendar.monthrange(self.year, month)[1])

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def monthly(self) -> bool:
        return self.month > 0

    def months(self) -> list[Period]:
        return [self] if self.month else [Period(self.year, month) for month in range(1, 13)]

    def shifted(self, count: int) -> Period:
        """The period `count` of its own length later, or earlier if negative."""
        if not self.month:
            return Period(self.year + count)
        index = self.year * 12 + self.month - 1 + count
        return Period(index // 12, index % 12 + 1)

    def dates(self) -> Iterator[date]:
        return (self.first + timedelta(days=index) for index in range(self.days))

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}" if self.month else f"{self.year:04d}"
