"""What the read API gives, as OpenAPI describes it."""

from __future__ import annotations

from datetime import date
from typing import Generic, TypeVar

from pydantic import BaseModel, Field

Record = TypeVar("Record", bound=BaseModel)


class Page(BaseModel, Generic[Record]):
    """A page of records. total: of all pages; next: offset of the next page, absent on the last."""

    total: int
    offset: int
    next: int | None
    items: list[Record]


class BuildingRecord(BaseModel):
    """One building and where it stands. Electricity in kWh; eui over the last twelve months."""

    id: str
    name_zh: str
    name_en: str
    type: str
    region: str
    area_m2: float
    power_kw: float | None = Field(
        description="use now, kW; absent without a fresh sample of every main meter"
    )
    month_kwh: float | None = Field(description="electricity of this month's full days")
    change: float | None = Field(
        description="of month_kwh against the same days of last year, 0.05 is 5 % more"
    )
    eui_kwh_m2: float | None
    level: str
    share: float | None = Field(description="share of the limit that is used, of the most severe judgement")


class EnergyRecord(BaseModel):
    """Energy of one local day or month, in the carrier's unit. coverage, estimated: 0 to 1."""

    building: str
    carrier: str
    item: str
    period: str = Field(description="2026-10-05 or 2026-10")
    energy: float
    unit: str
    coverage: float
    estimated: float
    peak_kw: float | None
    base_kw: float | None


class JudgementRecord(BaseModel):
    """One building against one limit in one period."""

    building: str
    scheme: str
    basis: str
    period: str
    judged_at: int = Field(description="ms UTC")
    unit: str
    used: float
    limit: float | None
    share: float | None
    expected_share: float | None
    forecast: float | None
    forecast_low: float | None
    forecast_high: float | None
    level: str
    coverage: float
    tables_version: str
    passes_on: date | None


class AlertRecord(BaseModel):
    """One alert that is not resolved. since: ms UTC. device is "" for the building as a whole."""

    id: int
    building: str
    device: str
    rule: str
    severity: str
    state: str
    since: int
    value: float | None
    limit: float | None
    title_zh: str
    title_en: str


class EdgeRecord(BaseModel):
    """One edge as it last reported. received_at, oldest_at: ms UTC."""

    site: str
    edge: str
    online: bool
    received_at: int
    version: str
    config_hash: str
    spool_batches: int
    spool_bytes: int
    oldest_at: int | None
    dropped_samples: int
    clock: str
    poll_success: float | None
    failing: dict[str, str] = Field(description="device -> error in words")


class DeviceRecord(BaseModel):
    """A device's last sample: values by quantity, in the vocabulary's units. at: ms UTC."""

    building: str
    device: str
    kind: str
    at: int
    values: dict[str, float]


class PointRecord(BaseModel):
    """at: ms UTC; value in the quantity's unit."""

    at: int
    value: float
