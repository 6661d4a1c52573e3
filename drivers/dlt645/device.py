"""One DL/T 645 meter: reads its identifiers, gives one sample."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping

from drivers.dlt645.frame import ANY_METER
from drivers.dlt645.identifiers import lookup
from drivers.dlt645.meter import Meter
from drivers.dlt645.session import AddressExchange, ReadExchange
from drivers.dlt645.values import Point, decode_data, quantities
from drivers.errors import DeviceError, DeviceRefused, DeviceUnreachable
from drivers.frames.exchange import LineBus
from drivers.profile import ALL
from drivers.sample import Sample, Status

logger = logging.getLogger(__name__)

_PERMANENT = 0x02  # no such data
PLACES = 6


class Dlt645Device:
    """One meter on a line.

    address: twelve digits as on its plate, or `ANY_METER` where it is the only one on the line.
    ratios: CT and PT ratio, where the meter takes them; missing ones are 1.
    points: all points of the last read, with times and texts, by identifier code.
    """

    def __init__(
        self,
        device_id: str,
        meter: Meter,
        address: str,
        bus: LineBus,
        ratios: Mapping[str, float] | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.device_id = device_id
        self.meter = meter
        self.profile = meter.profile
        self.address = address
        self.absent = 0
        self.points: dict[str, list[Point]] = {}
        self._bus = bus
        self._clock = clock
        self._split: set[str] = set()
        self._refused: dict[str, str] = {}
        self._factors = {
            point.quantity.name: math.prod((ratios or {}).get(name, 1.0) for name in point.factors)
            for point in meter.profile.points
        }

    @property
    def learnt_quiet_s(self) -> float:
        """See `drivers.driver.Driver`."""
        return self._bus.quiet.before(self.address)

    @property
    def refused(self) -> list[str]:
        """Identifiers that the meter refuses; they are left out of reads."""
        return [f"identifier {code}: {why}" for code, why in sorted(self._refused.items())]

    async def read(self, groups: frozenset[str] = ALL) -> Sample:
        """One sample; PARTIAL if some identifiers failed. Raises DeviceError if every one did.

        After a request without any answer the rest is not tried: a dead meter costs one timeout.
        """
        values: dict[str, float] = {}
        first = last = 0
        failed: DeviceError | None = None
        pending = list(self.meter.codes(groups))
        while pending and not isinstance(failed, DeviceUnreachable):
            code = pending.pop(0)
            if code in self._refused:
                continue
            if code in self._split:
                pending = [*self._items(code), *pending]
                continue
            try:
                values |= await self._read_one(code)
                last = self._clock()
                first = first or last
            except DeviceRefused as error:
                instead = self._learn(code, error)
                pending = [*instead, *pending]
                failed = failed if instead else error
            except DeviceError as error:
                failed = error
        if not values:
            raise failed or DeviceRefused(f"{self.device_id}: the meter refuses everything that is read")
        status = Status.PARTIAL if failed or pending else Status.GOOD
        return self._sample(values, groups, status, (first + last) // 2)

    async def find_address(self) -> str:
        """The address of the only meter on the line, which is used from now on. Raises DeviceError."""
        exchange = AddressExchange(self.meter.edition)
        self.address = await self._bus.run(exchange, self.device_id, self.meter.serial)
        return self.address

    async def read_points(self, code: str) -> list[Point]:
        """Every point of one identifier: past settlement days, dates, texts. Raises DeviceError."""
        exchange = ReadExchange(self.address, code, self.meter.edition)
        place = f"{self.device_id}, identifier {code}"
        data = await self._bus.run(exchange, place, self.meter.serial, address=self.address)
        return decode_data(code, data, self.meter.edition)

    async def _read_one(self, code: str) -> dict[str, float]:
        points = await self.read_points(code)
        self.points[code] = points
        return quantities(points)

    def _items(self, code: str) -> tuple[str, ...]:
        meaning = lookup(code, self.meter.edition)
        return meaning.items if meaning else ()

    def _learn(self, code: str, error: DeviceRefused) -> tuple[str, ...]:
        """What to ask instead of a refused identifier: a block's items, or nothing from now on."""
        if error.code != _PERMANENT:
            return ()
        items = self._items(code)
        if items:
            self._split.add(code)
        else:
            self._refused[code] = "no such data"
            logger.warning("%s: left out from now on: %s", self.device_id, error)
        return items

    def _sample(self, values: Mapping[str, float], groups: frozenset[str], status: Status, at: int) -> Sample:
        fields = self.profile.quantities(groups)
        window = {point.quantity.name: (point.minimum, point.maximum) for point in self.profile.points}
        row: list[float | None] = []
        for name in fields:
            value = values.get(name)
            if value is not None:
                value = round(value * self._factors[name], PLACES)
                low, high = window[name]
                value = value if low <= value <= high else None
            row.append(value)
        self.absent = row.count(None)
        return Sample(self.device_id, at, fields, tuple(row), status)


__all__ = ["ANY_METER", "Dlt645Device"]
