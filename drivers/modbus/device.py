"""One Modbus device: plans its requests, reads them, gives one sample."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Protocol

from drivers.errors import ConfigError, DeviceError, DeviceRefused, DeviceUnreachable, Problem
from drivers.frames.quiet import QuietTimes
from drivers.modbus.plan import Cost
from drivers.modbus.plan import plan as cheapest
from drivers.modbus.registers import Block, identity_value
from drivers.modbus.requests import ReadPlan, needs, read_plan
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings, TcpSettings
from drivers.profile import ALL, Profile
from drivers.sample import Sample, Status

logger = logging.getLogger(__name__)

_MOST_PROBES = 24  # requests that one read spends on finding what is refused


class Bus(Protocol):
    """What a Modbus device asks of its bus: `modbus.transport.ModbusBus`, `frames.modbus_line.ModbusLine`."""

    @property
    def settings(self) -> TcpSettings | RtuOverTcpSettings | SerialSettings: ...

    @property
    def cost(self) -> Cost: ...

    @property
    def quiet(self) -> QuietTimes: ...

    async def read(self, unit_id: int, block: Block, device: str = "", quiet_s: float = 0.0) -> bytes:
        """The data bytes of one answer. Raises DeviceUnreachable, DeviceRefused or FrameError."""
        ...


class ModbusDevice:
    """One device on a bus, read as its profile says.

    ratios: CT and PT ratios that the profile asks of the installer.
    clock: Unix time in milliseconds. Raises ConfigError if a ratio is missing or unknown.
    absent: values of the last read that were sentinels, out of range or not numbers.
    """

    def __init__(
        self,
        device_id: str,
        profile: Profile,
        unit_id: int,
        bus: Bus,
        ratios: Mapping[str, float] | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.device_id = device_id
        self.profile = profile
        self.unit_id = unit_id
        self.absent = 0
        self._bus = bus
        self._clock = clock
        self._ratios = _ratios(device_id, profile, ratios or {})
        self._factors: dict[str, Fraction | None] = dict(self._ratios)
        self._refused: set[tuple[int, int]] = set()
        self._probes = 0
        self._plans: dict[frozenset[str], ReadPlan] = {}
        assert profile.modbus is not None
        self._limits = profile.modbus
        self._quiet_s = 0.0 if bus.settings.kind == "tcp" else profile.modbus.quiet_ms / 1000
        self._cost = _cost(bus, self._quiet_s)

    @property
    def learnt_quiet_s(self) -> float:
        """See `drivers.driver.Driver`."""
        return self._bus.quiet.before(self.unit_id)

    @property
    def refused(self) -> list[str]:
        """Registers that the device refuses, with what is missing for it."""
        told = []
        for function, address in sorted(self._refused):
            names = ", ".join(self._names_at(function, address)) or "unused"
            told.append(f"function {function} register {address}: {names}")
        return told

    def plan(self, groups: frozenset[str] = ALL) -> ReadPlan:
        """The requests for these poll groups, refused registers left out."""
        if groups not in self._plans:
            self._plans[groups] = read_plan(
                self.profile, self._limits, groups, self._cost, frozenset(self._refused)
            )
        return self._plans[groups]

    async def read(self, groups: frozenset[str] = ALL) -> Sample:
        """One sample; PARTIAL if some requests failed. Raises DeviceError if every request did.

        Its time is the middle between the first and the last answer. After a request without any answer
        the rest is not tried: a dead device costs one timeout.
        """
        plan = self.plan(groups)
        values: list[float | None] = []
        status = Status.GOOD
        failed: DeviceError | None = None
        first = last = 0
        answered = refused = False
        before, self._probes = frozenset(self._refused), _MOST_PROBES
        for request in plan.requests:
            if isinstance(failed, DeviceUnreachable):
                values += [None] * len(request.decoder.fields)
                continue
            try:
                data = await self._bus.read(self.unit_id, request.block, self.device_id, self._quiet_s)
                values += request.decoder.decode(data, self._factors)
                answered, last = True, self._clock()
                first = first or last
            except DeviceRefused as error:
                failed, status, refused = error, Status.PARTIAL, True
                values += [None] * len(request.decoder.fields)
                known = len(self._refused)
                if await self._learn(request.block, error):
                    answered = True
                    if len(self._refused) == known and self._probes >= 0:
                        self._ask_for_less(request.block)
            except DeviceError as error:
                failed, status = error, Status.PARTIAL
                values += [None] * len(request.decoder.fields)
        if refused:
            self._plans.clear()
        if not answered:
            self._refused = set(before)  # a device that refuses everything says nothing of its registers
            raise failed or DeviceRefused(
                f"{self.device_id}: the device refuses every register of its profile"
            )
        self.absent = values.count(None)
        at = (first + last) // 2 if first else self._clock()
        return Sample(self.device_id, at, plan.fields, tuple(values), status)

    async def identify(self) -> dict[str, str | int]:
        """What the device says of itself: vendor, model, serial_number, firmware, as far as it answers.

        Raises DeviceUnreachable or FrameError; a refused register is left out.
        """
        told: dict[str, str | int] = {}
        for identity in self.profile.identity:
            cell = identity.cell
            block = Block(cell.function, cell.address, cell.words)
            try:
                data = await self._bus.read(self.unit_id, block, self.device_id, self._quiet_s)
            except DeviceRefused:
                continue
            value = identity_value(cell, data)
            if value is not None:
                told[identity.means] = value
        return told

    async def _learn(self, block: Block, error: DeviceRefused) -> bool:
        """Find the refused registers of a block by halving it; True if a part of it was answered.

        Costs at most two requests a level, once: what is found is left out from then on. What one read
        does not find, because it has asked enough, the next one looks for.
        """
        parts = self._halves(block)
        if not parts:
            if error.code in (1, 2, 3):
                self._refused |= {(block.function, block.address + i) for i in range(block.count)}
                names = ", ".join(self._names_at(block.function, block.address, block.count))
                logger.warning("%s: left out from now on: %s (%s)", self.device_id, names or "a hole", error)
            return False
        answered = False
        for part in parts:
            self._probes -= 1
            if self._probes < 0:
                return answered
            try:
                await self._bus.read(self.unit_id, part, self.device_id, self._quiet_s)
                answered = True
            except DeviceRefused as refusal:
                answered |= await self._learn(part, refusal)
            except DeviceError:
                return answered
        return answered

    def _ask_for_less(self, block: Block) -> None:
        """Every part of a refused block was answered: it has a hole too many, or is too long."""
        if self._limits.holes:
            self._limits = replace(self._limits, holes=())
        else:
            self._limits = replace(self._limits, max_words=max(4, block.count // 2))
        logger.info("%s: reads shorter blocks from now on: it refused %s", self.device_id, block)

    def _halves(self, block: Block) -> list[Block]:
        """The requests for the first and the second half of the needs in a block; [] if it is one need."""
        inside = sorted(
            {
                need
                for need in needs(self.profile, self.profile.points)
                if need.function == block.function
                and need.address >= block.address
                and need.end <= block.address + block.count
            }
        )
        halves: list[Block] = []
        for half in (inside[: len(inside) // 2], inside[len(inside) // 2 :]):
            halves += cheapest(half, self._limits, self._cost, self._refused)
        return halves if halves != [block] and len(inside) > 1 else []

    def _names_at(self, function: int, address: int, count: int = 1) -> list[str]:
        return [
            point.quantity.name
            for point in self.profile.points
            for cell in point.cells
            if cell.function == function and cell.address < address + count and address < cell.end
        ]


def _cost(bus: Bus, quiet_s: float) -> Cost:
    """What a request costs on this bus, with the pause that this device wants before it."""
    settings = bus.settings
    if settings.kind == "tcp" or quiet_s <= settings.quiet_s:
        return bus.cost
    longer = (quiet_s - settings.quiet_s) * settings.baud / 10
    return replace(bus.cost, per_request=bus.cost.per_request + longer)


def _ratios(device_id: str, profile: Profile, given: Mapping[str, float]) -> dict[str, Fraction | None]:
    wanted = profile.installer_ratios
    problems = [f"the profile {profile.name} knows no ratio {name!r}" for name in given if name not in wanted]
    problems += [
        f"the profile {profile.name} needs the ratio {name!r}: {profile.factors[name].note}"
        for name, default in wanted.items()
        if default is None and name not in given
    ]
    if problems:
        raise ConfigError([Problem("edge.toml", f"devices.{device_id}.ratios", p) for p in problems])
    return {name: Fraction(str(given.get(name, default))) for name, default in wanted.items()}
