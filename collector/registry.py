"""The building registry: who is who, how large, and which meters count for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from drivers.carrier import Carrier


class BuildingType(StrEnum):
    """Types as announcements rank them; the id's letter is the national, coarser one."""

    GOVERNMENT_OFFICE = "government_office"  # A
    COMMERCIAL_OFFICE = "commercial_office"  # A
    MALL = "mall"  # B
    HOTEL = "hotel"  # C
    SCHOOL = "school"  # D
    UNIVERSITY = "university"  # D
    LIBRARY = "library"  # D
    HOSPITAL = "hospital"  # E
    SPORT = "sport"  # F
    MIXED_USE = "mixed_use"  # G
    OTHER = "other"  # H


class Role(StrEnum):
    """What a meter's energy means for its building."""

    MAIN = "main"  # counts towards the building's total of its carrier
    SUB = "sub"  # a part of a main meter, counts towards its item only
    PV = "pv"  # on-site generation: export register of the meter is generation
    CHECK = "check"  # looked at, never counted
    HEAT_PUMP = "heat_pump"  # a machine: gives heat and draws electricity that another meter counts


@dataclass(frozen=True, slots=True)
class Meter:
    """One meter of the tree. A virtual meter has no device: its energy is sum(plus) - sum(minus).

    name: unique in the building. device: the edge's device id, by default the name.
    A main meter of electricity counts import to `grid` and its export register to `export`.
    """

    name: str
    device: str
    carrier: Carrier
    role: Role
    item: str = ""  # national code such as 01B00; sub-meters only
    parent: str = ""
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Building:
    """One building as the centre knows it. Areas in m²; id is region + type letter + serial."""

    id: str
    name_zh: str
    name_en: str
    type: BuildingType
    area_m2: float
    heated_area_m2: float | None = None
    special_area_m2: float = 0.0
    year_built: int | None = None
    sub_class: str = ""  # star class, office class …: selects a quota
    climate_zone: str = ""  # severe_cold, cold, hot_summer_cold_winter, hot_summer_warm_winter, mild
    address: str = ""
    latitude: float | None = None
    longitude: float | None = None
    owner: str = ""
    operator: str = ""
    time_zone: str = "Asia/Shanghai"
    occupancy: Mapping[str, float] = field(default_factory=dict)  # people, hours_per_year, beds, …
    contracted_kw: float | None = None
    public: bool = False  # may be named in public announcements
    edges: tuple[str, ...] = ()  # "site/edge" that may publish for this building
    meters: tuple[Meter, ...] = ()

    @property
    def region(self) -> str:
        return self.id[:6]

    @property
    def province(self) -> str:
        return self.id[:2] + "0000"

    @property
    def city(self) -> str:
        return self.id[:4] + "00"


@dataclass(frozen=True, slots=True)
class Registry:
    """All buildings by id, in id order."""

    buildings: Mapping[str, Building]
    region_names: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # code -> (zh, en)

    def zones(self) -> dict[str, str]:
        """Building id -> IANA time zone."""
        return {building.id: building.time_zone for building in self.buildings.values()}

    def region_name(self, code: str) -> tuple[str, str]:
        """(zh, en) of a region code, of the city or province that holds it, or the code itself."""
        for candidate in (code, code[:4] + "00", code[:2] + "0000"):
            if candidate in self.region_names:
                return self.region_names[candidate]
        return code, code


TYPE_LETTER: dict[BuildingType, str] = {
    BuildingType.GOVERNMENT_OFFICE: "A",
    BuildingType.COMMERCIAL_OFFICE: "A",
    BuildingType.MALL: "B",
    BuildingType.HOTEL: "C",
    BuildingType.SCHOOL: "D",
    BuildingType.UNIVERSITY: "D",
    BuildingType.LIBRARY: "D",
    BuildingType.HOSPITAL: "E",
    BuildingType.SPORT: "F",
    BuildingType.MIXED_USE: "G",
    BuildingType.OTHER: "H",
}
"""The letter that a building's id carries for its type."""
