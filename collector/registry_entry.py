"""The form of registry files: buildings, meters and regions as TOML tables or CSV rows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.registry import Building, BuildingType, Meter, Role
from drivers.carrier import Carrier
from drivers.errors import Problem

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
EdgeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Positive = Annotated[float, Field(gt=0, le=1e8)]
Climate = Literal[
    "", "severe_cold", "cold", "hot_summer_cold_winter", "hot_summer_warm_winter", "mild"
]  # fmt: skip


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True)


class MeterEntry(Strict):
    """One `[[building.meter]]`; fields as in collector.registry.Meter."""

    name: Name
    device: Name | None = None
    carrier: Carrier
    role: Role
    item: str = ""
    parent: str = ""
    plus: list[Name] = []
    minus: list[Name] = []

    def meter(self) -> Meter:
        virtual = bool(self.plus or self.minus)
        return Meter(
            name=self.name,
            device="" if virtual else self.device or self.name,
            carrier=self.carrier,
            role=self.role,
            item=self.item,
            parent=self.parent,
            plus=tuple(self.plus),
            minus=tuple(self.minus),
        )


class BuildingEntry(Strict):
    """One `[[building]]`; fields as in collector.registry.Building."""

    id: Annotated[str, Field(pattern=r"^[0-9]{6}[A-H][0-9]{3}$")]
    name_zh: Annotated[str, Field(min_length=1, max_length=100)]
    name_en: Annotated[str, Field(min_length=1, max_length=100)]
    type: BuildingType
    area_m2: Positive
    heated_area_m2: Positive | None = None
    special_area_m2: Annotated[float, Field(ge=0)] = 0.0
    year_built: Annotated[int, Field(ge=1000, le=2200)] | None = None
    sub_class: str = ""
    climate_zone: Climate = ""
    address: str = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    owner: str = ""
    operator: str = ""
    time_zone: str = "Asia/Shanghai"
    occupancy: dict[str, Annotated[float, Field(ge=0)]] = {}
    contracted_kw: Positive | None = None
    public: bool = False
    edges: list[EdgeName] = []
    meter: list[MeterEntry] = []

    def building(self) -> Building:
        plain = self.model_dump(exclude={"meter", "edges"})
        return Building(**plain, edges=tuple(self.edges), meters=tuple(each.meter() for each in self.meter))


class RegionEntry(Strict):
    """One `[[region]]`: a name for a region code."""

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")]
    name_zh: Annotated[str, Field(min_length=1)]
    name_en: Annotated[str, Field(min_length=1)]


def problems_of(error: ValidationError, file: str, key: str) -> list[Problem]:
    """One problem for each thing pydantic found, in words for the editor of the file."""
    return [_problem(detail, file, key) for detail in error.errors(include_url=False)]


def _problem(detail: Any, file: str, key: str) -> Problem:
    place = ".".join(str(part) for part in (key, *detail["loc"]) if part != "")
    if detail["type"] == "extra_forbidden":
        return Problem(file, place, "unknown key")
    if detail["type"] == "missing":
        return Problem(file, place, "is missing")
    return Problem(file, place, f"{detail['msg']}, got {detail['input']!r:.80}")
