"""edge.toml: what is read, where to, and what may go wrong. All problems are found before anything starts."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from drivers.profile import Profile
from edge.wire import BuildingId, Name

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Port = Annotated[int, Field(ge=1, le=65_535)]
Ratio = Annotated[float, Field(gt=0, le=100_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Uplink(_Strict):
    """The broker. A password comes from a file of mode 0600 or from the environment.

    window: batches that may wait for their acknowledgement. ack_timeout_s: then they are sent again.
    backfill_per_s: most batches a second that are sent from the backlog, beside the live ones.
    """

    host: str
    port: Port = 8883
    tls: bool = True
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    username: str | None = None
    password_env: str | None = None
    password_file: Path | None = None
    protocol: Literal["5", "3.1.1"] = "5"
    keepalive_s: Annotated[int, Field(ge=5, le=3600)] = 30
    window: Annotated[int, Field(ge=1, le=1000)] = 64
    ack_timeout_s: Seconds = 30
    backfill_per_s: Annotated[float, Field(gt=0, le=10_000)] = 50
    status_s: Seconds = 60


class SpoolSettings(_Strict):
    """path: the database. max_age_days bounds raw samples only; intervals go last, for want of room."""

    path: Path = Path("/var/lib/beacon/spool.db")
    max_bytes: Annotated[int, Field(ge=1_000_000)] = 1_000_000_000
    max_age_days: Annotated[float, Field(gt=0)] = 60
    flush_s: Annotated[float, Field(ge=0.05, le=60)] = 1


class Poll(_Strict):
    """The grid: quantities of the fast group, and the slow ones."""

    fast_s: Seconds = 10
    slow_s: Seconds = 300


class StatusPage(_Strict):
    """The local page and metrics, for the machine itself only unless told otherwise."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 9801


class _Bus(_Strict):
    """timeout_s: without an answer for so long a device is silent. quiet_ms: pause between frames."""

    name: Name
    timeout_s: Annotated[float, Field(ge=0.02, le=60)] = 1.0
    quiet_ms: Annotated[int, Field(ge=0, le=10_000)] | None = None


class TcpBus(_Bus):
    """Modbus TCP, or RTU frames through a transparent serial server; baud: of the line behind it."""

    type: Literal["tcp", "rtu_over_tcp"]
    host: str
    port: Port = 502
    baud: Annotated[int, Field(ge=300, le=4_000_000)] = 9600


class SerialBus(_Bus):
    """A serial port; name it by-path or by-id, numbers change."""

    type: Literal["rtu"]
    port: str
    baud: Annotated[int, Field(ge=300, le=4_000_000)] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1


Bus = TcpBus | SerialBus


class _Source(_Strict):
    """What every device has. max_power: more than this per hour is no energy (kW for kWh, m3/h for m3)."""

    id: Name
    profile: str
    building: BuildingId | None = None
    enabled: bool = True
    max_power: Annotated[float, Field(gt=0)] | None = None
    ct_ratio: Ratio | None = None
    pt_ratio: Ratio | None = None
    ratios: dict[str, Ratio] = {}

    def all_ratios(self) -> dict[str, float]:
        named = {"ct_ratio": self.ct_ratio, "pt_ratio": self.pt_ratio}
        return self.ratios | {name: value for name, value in named.items() if value is not None}


class Device(_Source):
    """A device on a bus. quantities: read only these; fast_s, slow_s: its own grid."""

    bus: str
    quantities: list[str] | None = None
    unit_id: Annotated[int, Field(ge=0, le=255)] | None = None
    fast_s: Seconds | None = None
    slow_s: Seconds | None = None


class MqttDevice(_Source):
    """A device that publishes by itself.

    topic: what stands for `{device}` in the profile's topics. period_s: how often it publishes; when it
    was silent for three periods, the energy between is an estimate.
    """

    topic: str | None = None
    period_s: Seconds = 300


class MqttSource(_Strict):
    """A broker in the building that devices publish to."""

    name: Name
    host: str
    port: Port = 1883
    username: str | None = None
    password_env: str | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    device: list[MqttDevice] = []


class EdgeConfig(_Strict):
    """A checked edge.toml. Made by `edge.config_file.load` only."""

    site: Name
    edge: Name
    building: BuildingId | None = None
    clock: Literal["auto", "trusted"] = "auto"
    profiles: Path | None = None
    uplink: Uplink
    spool: SpoolSettings = SpoolSettings()
    poll: Poll = Poll()
    status: StatusPage = StatusPage()
    bus: list[Bus] = []
    device: list[Device] = []
    mqtt_source: list[MqttSource] = []

    _hash: str = PrivateAttr(default="")
    _profiles: dict[str, Profile] = PrivateAttr(default_factory=dict)
    _parts: dict[tuple[str, ...], Profile] = PrivateAttr(default_factory=dict)

    @property
    def hash(self) -> str:
        """Twelve digits that change whenever the file does."""
        return self._hash

    def profile_of(self, source: Device | MqttDevice) -> Profile:
        """The device's profile, cut down to the quantities it shall be read for."""
        whole = self._profiles[source.profile]
        if isinstance(source, MqttDevice) or source.quantities is None:
            return whole
        key = (source.profile, *source.quantities)
        if key not in self._parts:
            self._parts[key] = replace(
                whole,
                points=tuple(p for p in whole.points if p.quantity.name in source.quantities),
                counters=tuple(c for c in whole.counters if c.quantity in source.quantities),
            )
        return self._parts[key]

    def building_of(self, source: Device | MqttDevice) -> str:
        building = source.building or self.building
        if building is None:
            raise LookupError(source.id)
        return building

    def unit_id_of(self, device: Device) -> int:
        if device.unit_id is not None:
            return device.unit_id
        modbus = self.profile_of(device).modbus
        return modbus.unit_id if modbus else 1

    def devices_on(self, bus: Bus) -> list[Device]:
        return [device for device in self.device if device.enabled and device.bus == bus.name]

    def sources(self) -> list[Device | MqttDevice]:
        """Every device that is switched on."""
        found: list[Device | MqttDevice] = [device for device in self.device if device.enabled]
        for source in self.mqtt_source:
            found += [device for device in source.device if device.enabled]
        return found

    def adopt(self, text: bytes, profiles: dict[str, Profile]) -> None:
        """Remember what the file was and the profiles that it names."""
        self._hash = hashlib.sha256(text).hexdigest()[:12]
        self._profiles = profiles
