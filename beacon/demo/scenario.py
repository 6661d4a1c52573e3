"""What happens in the demo: how each invented building behaves, and what must be found out about it."""

from __future__ import annotations

from beacon.demo.load import Scenario

SCENARIOS: dict[str, Scenario] = {
    "330100A001": Scenario(level=0.86, pv_kwp=180, heat_pump_m2=2800),
    "330106E001": Scenario(level=0.97, boiler=5.5),
    "330108A002": Scenario(level=1.3),
    "330203B001": Scenario(level=1.24),
    "330203C001": Scenario(level=1.1, heat_pump_m2=6000),
    "330302A001": Scenario(level=0.9),
    "330402D001": Scenario(level=0.94, pv_kwp=260),
    "330502D002": Scenario(level=0.98, lost=0.3),
    "330602D001": Scenario(level=0.92, district_heat=True),
    "330702G001": Scenario(level=0.93),
    "331002F001": Scenario(level=0.9, pv_kwp=220),
    "331102E001": Scenario(level=0.84),
}

DEAD_DEVICE = "pine-special"
"""A meter that does not answer: its alert and its line in the edge's health must show."""
