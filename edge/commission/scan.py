"""Finds the devices on a line or behind hosts, and says which model each may be.

Nothing is written to any device. Questions are short reads with a pause before each.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from drivers.diagnosis import Finding, Observation, diagnose
from drivers.errors import DeviceError, DeviceRefused, DeviceUnreachable, FrameError
from drivers.frames.line import SerialLine, SerialParameters
from drivers.frames.modbus_line import ModbusLine
from drivers.frames.modbus_rtu import crc16
from drivers.modbus.device import Bus
from drivers.modbus.registers import Block
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings, TcpSettings
from drivers.modbus.transport import ModbusBus
from edge.commission.asking import RememberingBus, answers, tapped_bus
from edge.commission.meters import ask_wildcard
from edge.commission.recognise import Candidate, Recognised, recognise
from edge.commission.sweep import Step

QUIET_S = 0.03
_UNLIKELY_UNIT = 231
_NOISE_KEPT = 64
_HOSTS_AT_ONCE = 8
_CONNECT_S = 1.5
_PATIENT_S = 1.0

Sleep = Callable[[float], Awaitable[object]]
Progress = Callable[[float, str], None]
"""(seconds of the plan that are done, what is being asked)."""


@dataclass(frozen=True, slots=True)
class Found:
    """One device. place: port or host:port. address: unit id, or the digits of a DL/T 645 or CJ/T 188 meter.

    protocol: modbus_tcp, modbus_rtu, dlt645_2007, dlt645_1997 or cjt188. parameters: of a serial port.
    any_unit: it answers to every unit id, so the number says nothing.
    """

    place: str
    protocol: str
    address: str
    parameters: SerialParameters | None = None
    candidates: tuple[Candidate, ...] = ()
    identity: dict[str, str | int] = field(default_factory=dict)
    requests: int = 0
    any_unit: bool = False


@dataclass
class Scan:
    """What a scan has found so far; whole even if it is interrupted."""

    found: list[Found] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def findings(self) -> list[Finding]:
        """What is wrong with the line, if nothing was found on it or some answers were garbled."""
        return diagnose(self.observations) if not self.found or self._garbled() else []

    def _garbled(self) -> bool:
        return any(one.garbled for one in self.observations)


class LineScan:
    """Scans one line: a serial port, or a transparent serial server.

    device_s: the longest that recognising one device may take. quiet_s: silence before every question.
    """

    def __init__(
        self,
        settings: SerialSettings | RtuOverTcpSettings,
        place: str,
        scan: Scan,
        device_s: float = 30.0,
        sleep: Sleep = asyncio.sleep,
        quiet_s: float = QUIET_S,
    ) -> None:
        self._settings = settings.model_copy(update={"quiet_s": quiet_s, "retries": 0})
        self._place = place
        self._scan = scan
        self._device_s = device_s
        self._sleep = sleep
        self._heard = bytearray()
        self._line = tapped_bus(self._settings, self._heard)
        self._known: set[str] = set()

    async def run(self, steps: Sequence[Step], progress: Progress) -> None:
        """Ask every step's question. Raises DeviceUnreachable if the port cannot be opened."""
        if isinstance(self._settings, SerialSettings):
            await SerialLine.open(self._settings.port, SerialParameters(9600, "N", 1)).aclose()
        for step in steps:
            speed = f" {step.parameters}" if step.parameters else ""
            name = f"unit {step.unit}" if step.protocol == "modbus" else "any address"
            progress(0.0, f"{self._place}{speed}, {step.protocol} {name}")
            await self.ask(step)
            progress(step.longest_s, "")

    async def aclose(self) -> None:
        """Close the line."""
        await self._line.aclose()

    async def ask(self, step: Step) -> None:
        """One question; what answers is recognised at once."""
        self._line.timeout_s = step.timeout_s
        self._heard.clear()
        if step.protocol == "modbus":
            if f"modbus {step.unit}" not in self._known:
                await self._ask_modbus(step)
            return
        found = await ask_wildcard(self._line, step.protocol, step.parameters)
        if found.garbled:
            self._observe(step, garbled=1)
            self._scan.notes.append(
                f"{self._place}: several {step.protocol} meters answer to the wildcard at once: connect them "
                "one by one, or give their addresses"
            )
        for meter in found.meters:
            key = f"{meter.protocol} {meter.address}"
            if key not in self._known:
                self._known.add(key)
                self._scan.found.append(
                    Found(
                        self._place,
                        meter.protocol,
                        meter.address,
                        step.parameters,
                        (Candidate(meter.profile, meter.model, 0.95, meter.why),),
                    )
                )

    async def _ask_modbus(self, step: Step) -> None:
        bus = ModbusLine(self._settings, "rtu", self._line, step.parameters)
        try:
            there = await answers(bus, step.unit)
        except FrameError:
            late = _unit_of(bytes(self._heard))
            if late is None or f"modbus {late}" in self._known:
                self._observe(step, garbled=1)
                return
            step = Step(step.parameters, "modbus", late, _PATIENT_S)
            there = await self._patiently(bus, late)
        if there:
            await self._add(bus, step)
        else:
            self._observe(step, silent=1)

    async def _patiently(self, bus: Bus, unit: int) -> bool:
        """A slow device whose answer came while another was asked."""
        self._line.timeout_s = _PATIENT_S
        await self._sleep(_PATIENT_S)
        try:
            return await answers(bus, unit)
        except DeviceError:
            return False

    async def _add(self, bus: Bus, step: Step) -> None:
        self._known.add(f"modbus {step.unit}")
        self._line.timeout_s = max(step.timeout_s, 0.5)
        self._observe(step, answered=1)
        told = await _recognised(bus, step.unit, "rtu", self._device_s, self._sleep)
        self._scan.found.append(
            Found(
                self._place,
                "modbus_rtu",
                str(step.unit),
                step.parameters,
                tuple(told.candidates),
                told.identity,
                told.requests,
            )
        )

    def _observe(self, step: Step, *, answered: int = 0, silent: int = 0, garbled: int = 0) -> None:
        noise = bytes(self._heard[:_NOISE_KEPT]) if garbled else b""
        self._scan.observations.append(
            Observation(
                f"unit {step.unit}" if step.protocol == "modbus" else step.protocol,
                answered=answered,
                silent=silent,
                garbled=garbled,
                lengths=(len(noise),) if garbled else (),
                noise=noise,
            )
        )


async def scan_host(
    host: str, port: int, steps: Sequence[Step], scan: Scan, progress: Progress, device_s: float = 20.0
) -> None:
    """Scan one host: Modbus TCP and RTU over TCP are told apart by the first answer.

    A host that cannot be reached is only noted.
    """
    place = f"{host}:{port}"
    whole_s = sum(step.longest_s for step in steps)
    try:
        async with asyncio.timeout(_CONNECT_S):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except (OSError, TimeoutError) as error:
        scan.observations.append(
            Observation(place, unreachable=f"{place}: {error or 'no connection in time'}")
        )
        progress(whole_s, f"{place}: nothing listens")
        return
    await _HostScan(host, port, scan, progress, device_s).run(steps)


class _HostScan:
    def __init__(self, host: str, port: int, scan: Scan, progress: Progress, device_s: float) -> None:
        self._host, self._port = host, port
        self._place = f"{host}:{port}"
        self._scan = scan
        self._progress = progress
        self._device_s = device_s
        self._framing = ""

    async def run(self, steps: Sequence[Step]) -> None:
        """Modbus TCP first, because an RTU frame may confuse a Modbus TCP server for good."""
        settings = RtuOverTcpSettings(host=self._host, port=self._port, timeout_s=_PATIENT_S)
        line = LineScan(settings, self._place, self._scan, self._device_s)
        try:
            for step in steps:
                self._progress(0.0, f"{self._place}, {step.protocol} {step.unit or 'any address'}")
                await self._step(step, line)
                self._progress(step.longest_s, "")
                if self._framing == "tcp whole":
                    break
        except DeviceUnreachable as error:
            self._scan.notes.append(str(error))
        finally:
            await line.aclose()

    async def _step(self, step: Step, line: LineScan) -> None:
        if step.protocol == "modbus" and self._framing != "rtu":
            if await self._tcp(step):
                return
            if self._framing == "tcp":
                self._scan.observations.append(Observation(f"unit {step.unit}", silent=1))
                return
        if self._framing != "tcp":
            before = len(self._scan.found)
            await line.ask(step)
            if len(self._scan.found) > before:
                self._framing = "rtu"
            elif self._framing == "":
                await line.aclose()  # a server with one client must be free for Modbus TCP

    async def _tcp(self, step: Step) -> bool:
        """Whether the unit answered in Modbus TCP; a found device is recognised."""
        bus = ModbusBus(TcpSettings(host=self._host, port=self._port, timeout_s=step.timeout_s, retries=0))
        try:
            kind = await self._kind_of_answer(bus, step.unit)
            if not kind:
                return False
            self._framing = "tcp"
            if kind == "gateway":
                return True
            any_unit = await self._kind_of_answer(bus, _UNLIKELY_UNIT) == "device"
            told = await _recognised(bus, step.unit, "tcp", self._device_s)
            self._scan.observations.append(Observation(f"unit {step.unit}", answered=1))
            self._scan.found.append(
                Found(
                    self._place,
                    "modbus_tcp",
                    str(step.unit),
                    None,
                    tuple(told.candidates),
                    told.identity,
                    told.requests,
                    any_unit,
                )
            )
            if any_unit:
                self._framing = "tcp whole"
            return True
        finally:
            await bus.aclose()

    async def _kind_of_answer(self, bus: ModbusBus, unit: int) -> str:
        """`device`, `gateway` for one that says that nobody is behind it, or nothing."""
        for function in (3, 4):
            try:
                await bus.read(unit, Block(function, 0, 2), "scan")
            except DeviceRefused:
                return "device"
            except FrameError:
                return ""
            except DeviceUnreachable as error:
                if "exception 10" in str(error) or "exception 11" in str(error):
                    return "gateway"
                if not bus.connected or self._framing == "":
                    return ""
                continue
            return "device"
        return ""


async def _recognised(
    bus: Bus, unit: int, transport: str, device_s: float, sleep: Sleep = asyncio.sleep
) -> Recognised:
    remembering = RememberingBus(bus, time.monotonic() + device_s)
    try:
        return await recognise(remembering, unit, transport, sleep)
    except DeviceError:
        return Recognised()


async def scan_hosts(
    hosts: Sequence[str], port: int, steps: Sequence[Step], scan: Scan, progress: Progress
) -> None:
    """Scan hosts, a few at a time."""
    free = asyncio.Semaphore(_HOSTS_AT_ONCE)

    async def one(host: str) -> None:
        async with free:
            await scan_host(host, port, steps, scan, progress)

    async with asyncio.TaskGroup() as tasks:
        for host in hosts:
            tasks.create_task(one(host), name=f"scan {host}")


def _unit_of(data: bytes) -> int | None:
    """The unit whose whole RTU frame stands in the bytes: an answer that came late."""
    for start in range(len(data) - 4):
        for end in range(start + 5, min(len(data), start + 16) + 1):
            if crc16(data[start : end - 2]).to_bytes(2, "little") == data[end - 2 : end]:
                return data[start] if 1 <= data[start] <= 247 else None
    return None
