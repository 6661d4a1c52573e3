"""Where devices of edge.toml stand on their buses, and what cannot be: protocols, addresses, speeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivers.models import profile_of, protocol_of
from edge.config import ANY_ADDRESS, Bus, Device, TcpBus

if TYPE_CHECKING:
    from drivers.models import Model

ADDRESS_DIGITS = {"dlt645": 12, "cjt188": 14}
_OWN_SPEED = ("baud", "parity", "stop_bits")


@dataclass(slots=True)
class Places:
    """The addresses that are taken, and whose they are; grows with every device that is checked."""

    _taken: dict[tuple[str, str, int | str], str] = field(default_factory=dict)
    _families: dict[tuple[str, str], list[Device]] = field(default_factory=dict)

    def problems(self, device: Device, model: Model, bus: Bus | None) -> Iterator[tuple[str, str]]:
        """(key, problem) of one device. bus: None if there is none of that name."""
        own = protocol_of(model)
        if own == "mqtt":
            yield "profile", f"{device.profile} is no bus device: use [[mqtt_source]]"
            return
        protocol = device.protocol or own
        if _family(protocol) != _family(own) or (own != "modbus" and protocol != own):
            yield "protocol", f"{device.profile} speaks {own}, not {protocol}"
            return
        family = _family(protocol)
        if isinstance(bus, TcpBus):
            yield from _behind_tcp(device, protocol, bus)
        if family == "modbus":
            modbus = profile_of(model).modbus
            default = modbus.unit_id if modbus else 1
            place: int | str = default if device.unit_id is None else device.unit_id
            if device.address is not None:
                yield "address", "a Modbus device has a unit_id instead"
        else:
            yield from _address(device, ADDRESS_DIGITS[family])
            place = device.address or ""
        if family != "cjt188":
            for name in ("flow_decimals", "wake_up_bytes"):
                if getattr(device, name) is not None:
                    yield name, "is for CJ/T 188 meters only"
        if device.enabled and place != "":
            yield from self._take(device, family, place)

    def _take(self, device: Device, family: str, place: int | str) -> Iterator[tuple[str, str]]:
        key = "unit_id" if family == "modbus" else "address"
        at = (device.bus, family, place)
        if at in self._taken:
            yield key, f"{place} on bus {device.bus} is {self._taken[at]}'s already"
            return
        self._taken[at] = device.id
        others = self._families.setdefault((device.bus, family), [])
        others.append(device)
        if len(others) > 1 and any(other.address == ANY_ADDRESS for other in others):
            yield key, f'"any" is for the only meter of its kind on a bus; {others[0].id} is there, too'


def _behind_tcp(device: Device, protocol: str, bus: TcpBus) -> Iterator[tuple[str, str]]:
    if bus.type == "tcp" and protocol != "modbus":
        yield "bus", f"{protocol} needs a serial line, and {bus.name} is Modbus TCP: use rtu or rtu_over_tcp"
    for name in _OWN_SPEED:
        if getattr(device, name) is not None:
            yield name, f"the serial server of bus {bus.name} sets it for the whole line"


def _address(device: Device, digits: int) -> Iterator[tuple[str, str]]:
    if device.unit_id is not None:
        yield "unit_id", f"{device.profile} has an address instead: the {digits} digits on its plate"
    if device.address is None:
        yield (
            "address",
            f"is missing: the {digits} digits on the meter's plate, zeros in front if it has fewer",
        )
    elif device.address != ANY_ADDRESS and not (
        device.address.isascii() and device.address.isdigit() and len(device.address) == digits
    ):
        yield "address", f'must be {digits} digits, zeros in front, or "any"; got {device.address!r}'


def _family(protocol: str) -> str:
    return protocol.split("_")[0]
