"""One CJ/T 188 meter (water, heat or gas): reads its current data, gives one sample."""

from __future__ import annotations

import time
from collections.abc import Callable

from drivers.cjt188.frame import ANY_ADDRESS, Frame
from drivers.cjt188.meter import Meter
from drivers.cjt188.session import ReadExchange
from drivers.cjt188.values import Reading, decode_reading
from drivers.errors import DeviceError, DeviceRefused
from drivers.frames.exchange import LineBus
from drivers.profile import ALL
from drivers.sample import Sample, Status

PLACES = 6


class Cjt188Device:
    """One meter on a line.

    address: fourteen digits as on its plate, or `ANY_ADDRESS` where it is the only one on the line.
    swapped: the identifier order that the meter answers to; None until it has answered once.
    flow_decimals: of a heat meter, by its maker; see `decode_reading`.
    reading: the last answer, with clock, valve and battery.
    """

    def __init__(
        self,
        device_id: str,
        meter: Meter,
        address: str,
        bus: LineBus,
        flow_decimals: int | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.device_id = device_id
        self.meter = meter
        self.profile = meter.profile
        self.address = address
        self.swapped: bool | None = None
        self.reading: Reading | None = None
        self.absent = 0
        self._bus = bus
        self._flow_decimals = flow_decimals
        self._clock = clock
        self._counter = 0
        self._tried = False
        self._guess = False

    @property
    def learnt_quiet_s(self) -> float:
        """See `drivers.driver.Driver`."""
        return self._bus.quiet.before(self.address)

    @property
    def refused(self) -> list[str]:
        """There is one question only; a meter that refuses it raises."""
        return []

    async def read(self, groups: frozenset[str] = ALL) -> Sample:
        """One sample. Raises DeviceError. A meter answers everything at once, so any group asks it."""
        self.reading = decode_reading(await self._ask(), self._flow_decimals)
        values = self.reading.quantities()
        fields = self.profile.quantities(groups)
        window = {point.quantity.name: (point.minimum, point.maximum) for point in self.profile.points}
        row: list[float | None] = []
        for name in fields:
            value = values.get(name)
            low, high = window[name]
            row.append(round(value, PLACES) if value is not None and low <= value <= high else None)
        self.absent = row.count(None)
        return Sample(self.device_id, self._clock(), fields, tuple(row), Status.GOOD)

    async def find_address(self) -> str:
        """The address of the only meter on the line, which is used from now on. Raises DeviceError."""
        exchange = ReadExchange(read_address=True, wake_up=self.meter.wake_up)
        frame = await self._bus.run(exchange, self.device_id, self.meter.serial)
        self.address = frame.address
        return self.address

    async def _ask(self) -> Frame:
        """The answer, in the identifier order that the meter answers to.

        The first read tries both orders; a meter that stays silent then costs one timeout a read, and is
        asked in the other order the next time.
        """
        if self.swapped is not None:
            return await self._exchange(self.swapped)
        orders = (self._guess,) if self._tried else (False, True)
        self._tried = True
        failed: DeviceError | None = None
        for order in orders:
            try:
                frame = await self._exchange(order)
            except DeviceRefused:
                raise
            except DeviceError as error:
                failed = error
                self._guess = not order
            else:
                self.swapped = order
                return frame
        raise failed or DeviceRefused(f"{self.device_id}: was not asked")

    async def _exchange(self, swapped: bool) -> Frame:
        self._counter = (self._counter + 1) % 256
        exchange = ReadExchange(
            self.meter.type,
            self.address,
            swapped=swapped,
            counter=self._counter,
            wake_up=self.meter.wake_up,
        )
        return await self._bus.run(exchange, self.device_id, self.meter.serial, address=self.address)


__all__ = ["ANY_ADDRESS", "Cjt188Device"]
