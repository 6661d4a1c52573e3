"""What a scan asks, in which order, and how long that takes at most. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from drivers.errors import BeaconError
from drivers.frames.line import SerialParameters

Protocol = Literal["modbus", "dlt645_2007", "dlt645_1997", "cjt188"]
MAX_HOSTS = 256
MAX_UNIT = 247
_ANSWER_BYTES, _BITS_A_BYTE = 40, 11

COMMON: tuple[SerialParameters, ...] = (
    SerialParameters(9600, "N", 1),
    SerialParameters(9600, "E", 1),
    SerialParameters(2400, "E", 1),
    SerialParameters(19200, "E", 1),
    SerialParameters(19200, "N", 1),
    SerialParameters(4800, "N", 1),
    SerialParameters(4800, "E", 1),
    SerialParameters(38400, "N", 1),
    SerialParameters(115200, "N", 1),
    SerialParameters(1200, "E", 1),
    SerialParameters(9600, "N", 2),
    SerialParameters(9600, "O", 1),
    SerialParameters(2400, "N", 1),
    SerialParameters(1200, "N", 1),
)
"""Speeds and parities that meters leave the factory with, the usual first."""
WILDCARDS: tuple[Protocol, ...] = ("dlt645_2007", "dlt645_1997", "cjt188")


@dataclass(frozen=True, slots=True)
class Step:
    """One question. unit: of Modbus; 0 for a wildcard question of another protocol."""

    parameters: SerialParameters | None
    protocol: Protocol
    unit: int
    timeout_s: float

    @property
    def longest_s(self) -> float:
        """What silence costs: a silent Modbus unit is asked with two functions, CJ/T 188 in two orders."""
        return self.timeout_s * (2 if self.protocol in ("modbus", "cjt188") else 1)


def serial_steps(
    settings: Sequence[SerialParameters],
    units: Sequence[int],
    protocols: Sequence[Protocol],
    timeout_s: float,
) -> list[Step]:
    """All questions to a serial port. Meters of DL/T 645 and CJ/T 188 have even parity, or none."""
    steps = []
    for parameters in settings:
        wait_s = timeout_s + _ANSWER_BYTES * _BITS_A_BYTE / parameters.baud
        for protocol in WILDCARDS:
            usual = parameters.parity == "E" or len(settings) == 1
            if protocol in protocols and usual and parameters.baud <= 9600:
                steps.append(Step(parameters, protocol, 0, max(wait_s, 0.5)))
        if "modbus" in protocols:
            steps += [Step(parameters, "modbus", unit, wait_s) for unit in units]
    return steps


def tcp_steps(units: Sequence[int], protocols: Sequence[Protocol], timeout_s: float) -> list[Step]:
    """All questions to one host."""
    steps = [Step(None, "modbus", unit, timeout_s) for unit in units] if "modbus" in protocols else []
    steps += [Step(None, protocol, 0, max(timeout_s, 0.8)) for protocol in WILDCARDS if protocol in protocols]
    return steps


def parse_units(text: str) -> list[int]:
    """`1-32,40` to units in that order. Raises BeaconError."""
    units: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            low, high = int(first), int(last) if dash else int(first)
        except ValueError:
            raise BeaconError(f"--units {text}: write 1-32 or 1,2,40") from None
        if not 0 <= low <= high <= 255:
            raise BeaconError(f"--units {text}: units go from 0 to 255")
        units += range(low, high + 1)
    return list(dict.fromkeys(units))


def parse_hosts(text: str) -> list[str]:
    """`10.0.0.5`, `10.0.0.5-20`, `10.0.0.0/28` or a name, to hosts. Raises BeaconError."""
    try:
        if "/" in text:
            network = ipaddress.ip_network(text, strict=False)
            if network.num_addresses > MAX_HOSTS:
                raise BeaconError(f"--host {text}: {network.num_addresses} hosts; at most {MAX_HOSTS}")
            return [str(host) for host in network.hosts()]
        head, dash, last = text.rpartition("-")
        if dash and last.isdigit() and head.count(".") == 3:
            first = ipaddress.IPv4Address(head)
            end = int(first) - int(first) % 256 + int(last)
            if not int(first) <= end <= int(first) | 255:
                raise BeaconError(f"--host {text}: the range ends before it starts, or behind 255")
            return [str(ipaddress.IPv4Address(n)) for n in range(int(first), end + 1)]
    except ValueError as error:
        raise BeaconError(f"--host {text}: {error}") from None
    return [text]
