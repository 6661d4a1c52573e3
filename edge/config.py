"""edge.toml: what is read, where to, and what may go wrong. All problems are found before anything starts."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from drivers import models
from drivers.profile import Profile
from drivers.sparkplug.entry import DeviceEntry
from drivers.sparkplug.entry import profile as sparkplug_profile
from edge.wire import BuildingId, Name

if TYPE_CHECKING:
    from drivers.models import Meter, Model

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Port = Annotated[int, Field(ge=1, le=65_535)]
Ratio = Annotated[float, Field(gt=0, le=100_000)]
Baud = Annotated[int, Field(ge=300, le=4_000_000)]
Parity = Literal["N", "E", "O"]
ANY_ADDRESS = "any"


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
    """Modbus TCP, or a line of any serial protocols behind a transparent serial server; baud: of the line."""

    type: Literal["tcp", "rtu_over_tcp"]
    host: str
    port: Port = 502
    baud: Baud = 9600


class SerialBus(_Bus):
    """A serial port for devices of any serial protocols; name it by-path or by-id, numbers change.

    DL/T 645 and CJ/T 188 meters are read at their standard 2400 baud 8E1 where neither bus nor device says
    otherwise.
    """

    type: Literal["rtu"]
    port: str
    baud: Baud = 9600
    parity: Parity = "N"
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
    """A device on a bus. quantities: read only these; fast_s, slow_s: its own grid.

    unit_id: of a Modbus device. address: of a DL/T 645 meter the twelve digits on its plate, of a CJ/T 188
    meter the fourteen; "any" for the only such meter on its bus. protocol: only where the profile does
    not tell, as "modbus_ascii". baud, parity, stop_bits: where they differ from the bus's.
    flow_decimals: of a CJ/T 188 heat meter, decimals of its flow, see its manual. wake_up_bytes: FE bytes
    before a request to a CJ/T 188 meter; battery meters may sleep through four.
    """

    bus: str
    quantities: list[str] | None = None
    unit_id: Annotated[int, Field(ge=0, le=255)] | None = None
    address: str | None = None
    protocol: Literal["modbus", "modbus_ascii", "dlt645_2007", "dlt645_1997", "cjt188"] | None = None
    baud: Baud | None = None
    parity: Parity | None = None
    stop_bits: Literal[1, 2] | None = None
    flow_decimals: Annotated[int, Field(ge=0, le=4)] | None = None
    wake_up_bytes: Annotated[int, Field(ge=0, le=250)] | None = None
    fast_s: Seconds | None = None
    slow_s: Seconds | None = None


class MqttDevice(_Source):
    """A device that publishes by itself.

    topic: what stands for `{device}` in the profile's topics. period_s: how often it publishes; when it
    was silent for three periods, the energy between is an estimate.
    """

    topic: str | None = None
    period_s: Seconds = 300


class _Broker(_Strict):
    name: Name
    host: str
    port: Port = 1883
    username: str | None = None
    password_env: str | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None


class MqttSource(_Broker):
    """A broker in the building that devices publish to."""

    device: list[MqttDevice] = []


class SparkplugDevice(DeviceEntry):
    """A device behind a Sparkplug B edge node. device: empty for metrics of the node itself.

    metrics: name of the metric = quantity, or { quantity, unit, scale, sentinels, rollover }.
    period_s, max_power: as of other devices.
    """

    id: Name
    building: BuildingId | None = None
    enabled: bool = True
    max_power: Annotated[float, Field(gt=0)] | None = None
    period_s: Seconds = 300

    def all_ratios(self) -> dict[str, float]:
        return {}


class SparkplugSource(_Broker):
    """A broker with Sparkplug B edge nodes; the edge is its host application.

    host_id: its name below `spBv1.0/STATE`. group: listen to this group only.
    """

    host_id: Name = "beacon"
    group: str = "+"
    device: list[SparkplugDevice] = []


Source = Device | MqttDevice | SparkplugDevice


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
    sparkplug_source: list[SparkplugSource] = []

    _hash: str = PrivateAttr(default="")
    _models: dict[str, Model] = PrivateAttr(default_factory=dict)
    _parts: dict[tuple[str, ...], Profile] = PrivateAttr(default_factory=dict)

    @property
    def hash(self) -> str:
        """Twelve digits that change whenever the file does."""
        return self._hash

    def protocol_of(self, device: Device) -> str:
        """`modbus`, `modbus_ascii`, `dlt645_2007`, `dlt645_1997` or `cjt188`."""
        return device.protocol or models.protocol_of(self._models[device.profile])

    def model_of(self, device: Device | MqttDevice) -> Model:
        """The model that the device's profile names; one object until its file changes."""
        return self._models[device.profile]

    def meter_of(self, device: Device) -> Meter | None:
        """The DL/T 645 or CJ/T 188 meter, cut down as `profile_of`; None for a Modbus device."""
        model = self._models[device.profile]
        if isinstance(model, Profile):
            return None
        if device.wake_up_bytes is not None:
            from drivers.cjt188.meter import Meter as Cjt188Meter

            if isinstance(model, Cjt188Meter):
                model = replace(model, wake_up=b"\xfe" * device.wake_up_bytes)
        return replace(model, profile=self.profile_of(device))

    def profile_of(self, source: Source) -> Profile:
        """The device's profile, cut down to the quantities it shall be read for."""
        if isinstance(source, SparkplugDevice):
            return sparkplug_profile(source)
        whole = models.profile_of(self._models[source.profile])
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

    def building_of(self, source: Source) -> str:
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

    def sources(self) -> list[Source]:
        """Every device that is switched on."""
        found: list[Source] = [device for device in self.device if device.enabled]
        for source in self.mqtt_source:
            found += [device for device in source.device if device.enabled]
        for host in self.sparkplug_source:
            found += [device for device in host.device if device.enabled]
        return found

    def adopt(self, text: bytes, known: dict[str, Model]) -> None:
        """Remember what the file was and the models that it names."""
        self._hash = hashlib.sha256(text).hexdigest()[:12]
        self._models = known
