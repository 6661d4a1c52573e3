"""Devices: heat pumps with their coefficient of performance, and the last samples of everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from collector.model import Latest
from collector.registry import Building
from collector.store import Store
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
            return cop_of(heat, power)
        return list(read("cop").items())

    return cache.get(("cop", building, device, start), 30.0, load)


@dataclass(frozen=True, slots=True)
class MachineDay:
    """One heat pump over the last 24 hours. Curves: (ms UTC, value) of quarter hours, None where it stood.

    starts: of the compressor; running, defrost: share of the time; all None where the machine does not tell.
    cop: mean heat over mean electricity while it ran.
    """

    device: str
    cop_curve: list[tuple[int, float | None]]
    temperatures: dict[str, list[tuple[int, float]]]
    powers: dict[str, list[tuple[int, float]]]
    cop: float | None
    starts: int | None
    running: float | None
    defrost: float | None


TEMPERATURES = ("supply_temperature", "return_temperature", "outdoor_temperature")


def machine_day(store: Store, building: str, device: str, start: int, end: int) -> MachineDay:
    """Read one machine in [start, end) ms. Raises StoreUnavailable."""

    def read(quantity: str, step_s: int = COP_STEP_S) -> list[tuple[int, float]]:
        return store.series(building, device, quantity, start, end, step_s)

    heat, drawn = read("thermal_power"), read("electric_power_input") or read("active_power_total")
    curve: list[tuple[int, float | None]] = (
        cop_of(dict(heat), dict(drawn)) if heat and drawn else [*read("cop")]
    )
    ran = [(h, e) for (at, h) in heat if (e := dict(drawn).get(at)) is not None and e >= RUNNING_KW]
    running = read("compressor_running", 0)
    if not running:
        running = [(at, float(kw >= RUNNING_KW)) for at, kw in drawn]
    defrost = read("defrost_active", 0)
    return MachineDay(
        device,
        curve,
        {name: points for name in TEMPERATURES if (points := read(name))},
        {name: points for name, points in (("thermal", heat), ("electric", drawn)) if points},
        sum(h for h, _ in ran) / sum(e for _, e in ran) if ran else None,
        _starts(read("compressor_starts", 0), read("compressor_running", 0)),
        _share(running),
        _share(defrost),
    )


def _share(points: Sequence[tuple[int, float]]) -> float | None:
    return sum(value > 0.5 for _, value in points) / len(points) if points else None


def _starts(counted: Sequence[tuple[int, float]], running: Sequence[tuple[int, float]]) -> int | None:
    """By the machine's own counter, whose fall is a reset; otherwise by the changes to running."""
    if len(counted) > 1:
        return round(sum(max(0.0, b[1] - a[1]) for a, b in pairwise(counted)))
    if len(running) > 1:
        return sum(a[1] <= 0.5 < b[1] for a, b in pairwise(running))
    return None


def cop_of(heat: Mapping[int, float], drawn: Mapping[int, float]) -> list[tuple[int, float | None]]:
    """COP at every time that both have; None where it stood still."""
    return [(at, heat[at] / kw if kw >= RUNNING_KW else None) for at, kw in drawn.items() if at in heat]


def unit_of(quantity: str) -> str:
    """The unit of a quantity, "" for a number without one or a quantity outside the vocabulary."""
    known = vocabulary().get(quantity)
    return known.unit if known else ""
