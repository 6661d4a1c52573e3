"""Devices: heat pumps with their coefficient of performance, and the last samples of everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.model import Latest
from collector.registry import Building
from dashboards.site.cache import Cache
from dashboards.site.services import SiteServices
from dashboards.site.views.power import fresh_value
from drivers.quantity import vocabulary

COP_STEP_S = 900
RUNNING_KW = 0.1
"""Below this electric power a heat pump stands still and has no COP."""


@dataclass(frozen=True, slots=True)
class HeatPumpNow:
    """One heat pump's last word. Powers in kW, temperatures in °C; running is None when its sample is old."""

    device: str
    at: int
    cop: float | None
    thermal_kw: float | None
    electric_kw: float | None
    flow_degc: float | None
    return_degc: float | None
    outdoor_degc: float | None
    running: bool | None


def heat_pumps(building: Building, latest: Mapping[str, Latest], now: int) -> list[HeatPumpNow]:
    """The building's heat pumps, by device id."""
    return [
        _heat_pump(sample, now)
        for device, sample in sorted(latest.items())
        if sample.kind == "heat_pump" and sample.building == building.id
    ]


def _heat_pump(sample: Latest, now: int) -> HeatPumpNow:
    def value(*names: str) -> float | None:
        return next((v for name in names if (v := fresh_value(sample, name, now)) is not None), None)

    thermal, electric = value("thermal_power"), value("electric_power_input", "active_power_total")
    cop = value("cop")
    if electric is not None and thermal is not None:
        cop = thermal / electric if electric >= RUNNING_KW else None
    running = None if electric is None else electric >= RUNNING_KW
    return HeatPumpNow(
        device=sample.device,
        at=sample.at,
        cop=cop,
        thermal_kw=thermal,
        electric_kw=electric,
        flow_degc=value("supply_temperature"),
        return_degc=value("return_temperature"),
        outdoor_degc=value("outdoor_temperature"),
        running=running,
    )


def cop_curve(
    services: SiteServices, cache: Cache, building: str, device: str, start: int, end: int
) -> list[tuple[int, float | None]]:
    """COP of each quarter hour in [start, end): mean heat over mean electricity, None while it stood still.

    A device that measures no powers but gives a COP of its own is drawn from that.
    """

    def load() -> list[tuple[int, float | None]]:
        def read(quantity: str) -> dict[int, float]:
            return dict(services.store.series(building, device, quantity, start, end, COP_STEP_S))

        heat = read("thermal_power")
        power = read("electric_power_input") or read("active_power_total")
        if heat and power:
            return [
                (at, heat[at] / kw if kw >= RUNNING_KW else None) for at, kw in power.items() if at in heat
            ]
        return list(read("cop").items())

    return cache.get(("cop", building, device, start), 30.0, load)


def unit_of(quantity: str) -> str:
    """The unit of a quantity, "" for a number without one or a quantity outside the vocabulary."""
    known = vocabulary().get(quantity)
    return known.unit if known else ""
