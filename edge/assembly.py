"""The parts of one edge, put together: buses, recorder, spool, uplink, and what they tell of themselves."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from drivers.modbus.device import ModbusDevice
from drivers.mqtt.mapper import MqttMapper
from drivers.mqtt.source import Broker
from drivers.mqtt.source import MqttSource as MqttListener
from drivers.profile import ALL
from edge.clock import Clock
from edge.config import Bus, Device, EdgeConfig, MqttSource, SparkplugSource
from edge.config_file import secret
from edge.devices import Connection, open_bus
from edge.recorder import Recorder
from edge.schedule import FAST_ONLY, BusSchedule, Polled
from edge.spool import Spool
from edge.uplink import Uplink
from edge.wire import EdgeStatus

if TYPE_CHECKING:
    from drivers.sparkplug.source import SparkplugSource as SparkplugHost

logger = logging.getLogger(__name__)

_TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")


class Reader(Protocol):
    """What reads until it is cancelled: a bus's schedule, or the listener to a broker."""

    async def run(self) -> None: ...


@dataclass(slots=True)
class Agent:
    """The running parts, for the status page and for tests."""

    config: EdgeConfig
    clock: Clock
    spool: Spool
    recorder: Recorder
    uplink: Uplink = field(init=False)
    schedules: list[BusSchedule] = field(default_factory=list)
    buses: list[Connection] = field(default_factory=list)
    page_port: int = 0
    mqtt_sources: list[MqttListener] = field(default_factory=list)
    sparkplug_sources: list[SparkplugHost] = field(default_factory=list)
    _polls_told: tuple[int, int] = (0, 0)
    _flushing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.uplink = Uplink(self.config, self.spool, self.clock, self.status)

    def add_bus(self, bus: Bus) -> BusSchedule | None:
        """Open nothing yet; the first read connects. None if no device is on it."""
        config, devices = self.config, self.config.devices_on(bus)
        if not devices:
            return None
        connection, drivers = open_bus(config, bus, devices, self.clock.now)
        polled = []
        for device, driver in zip(devices, drivers, strict=True):
            if isinstance(driver, ModbusDevice):
                for groups in (ALL, FAST_ONLY):  # plan now: the first round is a busy one
                    driver.plan(groups)
            fast_s, slow_s = device.fast_s or config.poll.fast_s, device.slow_s or config.poll.slow_s
            polled.append(Polled(driver, round(1000 * fast_s), round(1000 * slow_s)))
        self.buses.append(connection)
        timeout_ms = round(1000 * bus.timeout_s)
        schedule = BusSchedule(bus.name, polled, timeout_ms, self.clock, self.recorder.take)
        self.schedules.append(schedule)
        return schedule

    def add_source(self, source: MqttSource) -> MqttListener:
        """Connect to nothing yet."""
        mappers = [
            MqttMapper(device.id, self.config.profile_of(device), device.topic)
            for device in source.device
            if device.enabled
        ]
        listener = MqttListener(self._broker(source), mappers, self.recorder.take, self.clock.now)
        self.mqtt_sources.append(listener)
        return listener

    def add_sparkplug(self, source: SparkplugSource) -> SparkplugHost:
        """Connect to nothing yet. The library is loaded here, so that only who needs it carries it."""
        from drivers.sparkplug.mapper import SparkplugMapper
        from drivers.sparkplug.source import SparkplugSource as Host

        mapper = SparkplugMapper([device for device in source.device if device.enabled])
        broker, take = self._broker(source), self.recorder.take
        host = Host(broker, mapper, take, source.host_id, source.group, self.clock.now)
        self.sparkplug_sources.append(host)
        return host

    async def remove(self, reader: Reader) -> None:
        """Forget a reader that has ended, and close its connection."""
        if isinstance(reader, BusSchedule):
            place = next(i for i, schedule in enumerate(self.schedules) if schedule is reader)
            del self.schedules[place]
            await self.buses.pop(place).aclose()
        else:
            self.mqtt_sources = [source for source in self.mqtt_sources if source is not reader]
            self.sparkplug_sources = [source for source in self.sparkplug_sources if source is not reader]

    async def adopt(self, config: EdgeConfig) -> None:
        """Go on with another configuration of devices; what was read is durable first."""
        await self.flush(last=True)
        async with self._flushing:
            await self.recorder.adopt(config)
            self.config = config

    def _broker(self, source: MqttSource | SparkplugSource) -> Broker:
        context = ssl.create_default_context(cafile=source.ca_file) if source.tls else None
        password = secret(source.password_file, source.password_env)
        identifier = f"beacon-{self.config.site}-{self.config.edge}-{source.name}"
        return Broker(source.host, source.port, source.username, password, context, identifier)

    @property
    def dropped_samples(self) -> int:
        """Samples that were read and given up, for want of room or because the disk hung."""
        return self.spool.dropped_samples + self.recorder.overflowed

    @property
    def source_errors(self) -> dict[str, str]:
        """Device that publishes -> what is wrong with its payloads."""
        return {device: error for source in self.mqtt_sources for device, error in source.errors.items()}

    def status(self) -> EdgeStatus:
        """What the collector is told about this edge; poll_success covers the time since the last one."""
        devices = [device for schedule in self.schedules for device in schedule.devices]
        reads, failed = sum(d.reads for d in devices), sum(d.failed_reads for d in devices)
        new, new_failed = reads - self._polls_told[0], failed - self._polls_told[1]
        if new < new_failed or new_failed < 0:  # a reload began to count anew
            new, new_failed = reads, failed
        self._polls_told = (reads, failed)
        depth, trusted = self.spool.depth, self.clock.trusted
        return EdgeStatus(
            online=True,
            at=self.clock.now() if trusted else None,
            version=version(),
            config_hash=self.config.hash,
            spool_batches=depth.batches,
            spool_bytes=depth.bytes,
            oldest_at=depth.oldest_at,
            dropped_samples=self.dropped_samples,
            dropped_intervals=depth.dropped_intervals,
            rejected_batches=self.uplink.counts.rejected,
            trouble=self.spool.trouble,
            clock="trusted" if trusted else "untrusted",
            clock_offset_ms=self.clock.offset_ms,
            poll_success=1 - new_failed / new if new else None,
            bus_load={schedule.name: round(schedule.load, 4) for schedule in self.schedules},
            devices=self._device_states(),
            temperature_degc=temperature_degc(),
            memory_bytes=memory_bytes(),
        )

    def _device_states(self) -> dict[str, str]:
        states = {p.device_id: p.error or "ok" for schedule in self.schedules for p in schedule.devices}
        for source in self.config.sources():
            if not isinstance(source, Device):
                silent = source.id not in self.recorder.latest
                states[source.id] = "nothing received yet" if silent else "ok"
        return states | self.source_errors

    async def record(self) -> None:
        """Flush on a fixed beat until cancelled; a flush that has begun is finished first."""
        beat = self.config.spool.flush_s
        while True:
            await asyncio.sleep(beat)
            flush = asyncio.create_task(self.flush(), name="flush")
            try:
                await asyncio.shield(flush)
            except asyncio.CancelledError:
                await flush
                raise

    async def flush(self, *, last: bool = False) -> None:
        async with self._flushing:
            acknowledged, connected = self.uplink.take_acknowledged(), self.uplink.connected
            self.uplink.offer(await self.recorder.flush(acknowledged, last=last, connected=connected))


def version() -> str:
    try:
        return metadata.version("beacon")
    except metadata.PackageNotFoundError:
        return ""


def memory_bytes() -> int:
    """Resident memory of this process."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def temperature_degc() -> float | None:
    """The machine's own temperature, where it tells."""
    try:
        return int(_TEMPERATURE.read_text()) / 1000
    except (OSError, ValueError):
        return None
