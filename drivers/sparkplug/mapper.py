"""From Sparkplug metrics to samples, by configuration: metric name to quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from drivers.errors import ConfigError, Problem
from drivers.quantity import UnknownQuantity, quantity
from drivers.sample import Sample, Status
from drivers.sparkplug.entry import DeviceEntry
from drivers.sparkplug.host import Source, Values
from drivers.sparkplug.payload import number
from drivers.units import to_unit

_FUTURE_MS = 300_000  # a source whose clock is further ahead has a wrong clock
_EARLIEST_MS = 946_684_800_000  # 2000-01-01, where clocks without a battery start
PLACES = 9


class SparkplugMapper:
    """Gives samples for the devices of a configuration; metrics that it does not name are passed over.

    Raises ConfigError with every unknown quantity and unit that does not fit. file: for its messages.
    """

    def __init__(self, devices: Sequence[DeviceEntry], file: str = "edge.toml") -> None:
        problems: list[Problem] = []
        self._devices: dict[Source, list[_Device]] = {}
        for entry in devices:
            compiled = _Device(entry, file, problems)
            source = Source(entry.group, entry.node, entry.device)
            self._devices.setdefault(source, []).append(compiled)
        if problems:
            raise ConfigError(problems)

    def samples(self, values: Values, received_at: int) -> list[Sample]:
        """The samples that hold these values; what did not come, or is null, is absent.

        received_at: Unix milliseconds, used where the source gives no time or an impossible one.
        """
        at, status = values.at, Status.GOOD
        if at is None or not _EARLIEST_MS <= at <= received_at + _FUTURE_MS:
            at = received_at
            status = Status.AGE_UNKNOWN if values.historical else Status.GOOD
        samples = [device.sample(values, at, status) for device in self._devices.get(values.source, ())]
        return [sample for sample in samples if sample is not None]


class _Device:
    def __init__(self, entry: DeviceEntry, file: str, problems: list[Problem]) -> None:
        self._id = entry.id
        self._metrics: dict[str, tuple[int, Fraction, Fraction, frozenset[float], float, float]] = {}
        fields: list[str] = []
        key = f"sparkplug_source.device.{entry.id}"
        for name, metric in entry.entries().items():
            try:
                known = quantity(metric.quantity)
                scale, offset = to_unit(known.unit if metric.unit is None else metric.unit, known.unit)
            except (UnknownQuantity, ValueError) as error:
                problems.append(Problem(file, f"{key}.metrics.{name}", str(error)))
                continue
            if metric.quantity in fields:
                problems.append(Problem(file, f"{key}.metrics.{name}", "is given twice"))
            weight = Fraction(str(metric.scale)) * scale
            sentinels = frozenset(metric.sentinels)
            self._metrics[name] = (len(fields), weight, offset, sentinels, known.minimum, known.maximum)
            fields.append(metric.quantity)
        self._fields = tuple(fields)

    def sample(self, values: Values, at: int, status: Status) -> Sample | None:
        row: list[float | None] = [None] * len(self._fields)
        for name, (index, weight, offset, sentinels, low, high) in self._of(values.values):
            raw = number(values.values[name])
            if raw is None or raw in sentinels:
                continue
            value = round(raw * weight.numerator / weight.denominator + float(offset), PLACES)
            row[index] = value if low <= value <= high else None
        if all(value is None for value in row):
            return None
        return Sample(self._id, at, self._fields, tuple(row), status)

    def _of(
        self, values: Mapping[str, object]
    ) -> list[tuple[str, tuple[int, Fraction, Fraction, frozenset[float], float, float]]]:
        return [(name, self._metrics[name]) for name in values if name in self._metrics]
