"""What the read API gives, as OpenAPI describes it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from collector.registry import BuildingType
from dashboards.site.views.judged import LEVELS

Record = TypeVar("Record", bound=BaseModel)
Level = Annotated[str, Field(json_schema_extra={"enum": list(LEVELS)})]


class Problem(BaseModel):
    """Why there is no answer, in the language of Accept-Language."""

    detail: str = Field(description="one sentence for a person")


class Mistakes(BaseModel):
    """What is wrong with the request, one line a parameter."""

    detail: list[str] = Field(
        description="`parameter: what is wrong with it`",
        examples=[["limit: Input should be less than or equal to 1000"]],
    )


class Page(BaseModel, Generic[Record]):
    """Some of the records, in a fixed order. The next page is asked for with `offset` = `next`."""

    total: int = Field(description="records of all pages together")
    offset: int = Field(description="records before this page")
    next: int | None = Field(description="offset of the next page, null on the last")
    items: list[Record] = Field(description="at most `limit` records")


class BuildingRecord(BaseModel):
    """One building, its use of electricity and where it stands this year."""

    id: str = Field(description="region, letter of the type, serial number", examples=["330106A001"])
    name_zh: str = Field(description="name in Chinese")
    name_en: str = Field(description="name in English; empty where only the Chinese one is known")
    type: BuildingType = Field(description="type that it is compared with")
    region: str = Field(description="code of the county", examples=["330106"])
    area_m2: float = Field(description="floor area, m²")
    power_kw: float | None = Field(
        description="use now, kW; null without a sample of every main meter in the last ten minutes"
    )
    month_kwh: float | None = Field(description="electricity of this month's full days, kWh")
    change: float | None = Field(
        description="month_kwh against the same days of last year: 0.05 is 5 % more; null unless both were "
        "measured for at least nine tenths"
    )
    eui_kwh_m2: float | None = Field(description="electricity of the last 365 days per floor area, kWh/m²")
    level: Level = Field(description="of the most severe judgement of this year")
    share: float | None = Field(description="of the limit that is used up, of the same judgement: 1 is all")


class EnergyRecord(BaseModel):
    """Energy of one building, carrier and item on one local day or in one calendar month."""

    building: str = Field(description="id of the building")
    carrier: str = Field(description="`electricity`, `heat`, `gas`, `water` …")
    item: str = Field(
        description="`total` (final use), `grid`, `pv`, `export`, or a national sub-metering code"
    )
    period: str = Field(description="2026-10-05 or 2026-10, in the building's time zone")
    energy: float = Field(description="in `unit`")
    unit: str = Field(description="the carrier's unit", examples=["kWh", "m3"])
    coverage: float = Field(description="share of the time that the meters were read, 0 to 1")
    estimated: float = Field(description="share of the energy that was spread over gaps, 0 to 1")
    peak_kw: float | None = Field(description="highest mean power of a quarter hour, kW; of `total` only")
    base_kw: float | None = Field(description="lowest mean power of a quarter hour, kW; of `total` only")


class JudgementRecord(BaseModel):
    """One building against one limit in one period. used, limit and forecasts are in `unit`."""

    building: str = Field(description="id of the building")
    scheme: str = Field(description="id of the quota scheme")
    basis: str = Field(description="`energy_kwh`, `energy_kgce`, `carbon_kgco2` or a scheme's own")
    period: str = Field(description="2026 or 2026-10")
    judged_at: int = Field(description="ms UTC")
    unit: str = Field(description="of `used`, `limit` and the forecasts")
    used: float = Field(description="from the start of the period to the last whole day")
    limit: float | None = Field(description="of the whole period; null where none applies")
    share: float | None = Field(description="used / limit")
    expected_share: float | None = Field(description="what `share` would be today on an even course")
    forecast: float | None = Field(description="for the end of the period")
    forecast_low: float | None = Field(description="lower end of the forecast's 80 % band")
    forecast_high: float | None = Field(description="upper end of the forecast's 80 % band")
    level: Level = Field(description="on course, worth watching, heading over, over, or not enough data")
    coverage: float = Field(description="share of the time that was measured, 0 to 1")
    tables_version: str = Field(description="version of the factors and limits")
    passes_on: date | None = Field(description="day on which the limit will be passed, if it will be")


class AlertRecord(BaseModel):
    """One alert that is not resolved."""

    id: int = Field(description="number of the alert")
    building: str = Field(description="id of the building")
    device: str = Field(description="empty for the building as a whole, a period for a quota")
    rule: str = Field(description="id of the condition, or `quota:SCHEME:BASIS`, or `edge-offline`")
    severity: Literal["critical", "warning", "info"] = Field(description="how urgent it is")
    state: Literal["open", "acknowledged", "snoozed"] = Field(description="what somebody did about it")
    since: int = Field(description="ms UTC")
    value: float | None = Field(description="last value of what is watched, in the rule's unit")
    limit: float | None = Field(description="what it is compared with, in the same unit")
    title_zh: str = Field(description="what is wrong, in Chinese")
    title_en: str = Field(description="what is wrong, in English")


class EdgeRecord(BaseModel):
    """One edge as it last reported."""

    site: str = Field(description="first part of its name")
    edge: str = Field(description="second part of its name")
    online: bool = Field(description="reported in the last five minutes and did not sign off")
    received_at: int = Field(description="last report, ms UTC")
    version: str = Field(description="of its program")
    config_hash: str = Field(description="changes with its configuration")
    spool_batches: int = Field(description="batches that wait for the collector")
    spool_bytes: int = Field(description="size of what waits, bytes")
    oldest_at: int | None = Field(description="oldest reading that waits, ms UTC")
    dropped_samples: int = Field(description="given up because the edge's disk was full")
    clock: Literal["trusted", "untrusted"] = Field(description="whether it knows the time")
    poll_success: float | None = Field(description="share of polls answered since the report before, 0 to 1")
    failing: dict[str, str] = Field(
        description="device -> what is wrong, for devices that do not answer of buildings that the token sees"
    )


class DeviceRecord(BaseModel):
    """A device's last values."""

    building: str = Field(description="id of the building")
    device: str = Field(description="id of the device")
    kind: str = Field(description="`electricity`, `heat`, `water`, `gas`, `heat_pump` or `environment`")
    at: int = Field(description="ms UTC")
    values: dict[str, float] = Field(
        description="quantity -> value; units are those of the vocabulary: kW, kWh, V, A, °C, m³, bar …",
        examples=[{"active_power_total": 80.2, "voltage_l1n": 231.4}],
    )


class PointRecord(BaseModel):
    """One value of a series."""

    at: int = Field(description="ms UTC; of a mean, the start of its step")
    value: float = Field(description="in the quantity's unit")
