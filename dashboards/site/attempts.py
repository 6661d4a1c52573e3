"""How often somebody may try to log in, so that guessing stays slow and no stranger can lock anybody out."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

WITHIN_S = 900.0
MOST_OF_PAIR = 5
MOST_OF_ADDRESS = 20
FREE_OF_NAME = 10
FIRST_DELAY_S, LONGEST_DELAY_S = 0.5, 30.0
MOST_DELAYED = 5
"""With the longest delay these are ten guesses a minute for one name, from however many addresses."""
MAX_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Turn:
    """refused_s: above 0, do not look at the password, and say to come back after so long.

    delay_s: look at the password only after so long. left: further tries before this address is refused.
    """

    refused_s: float = 0.0
    delay_s: float = 0.0
    left: int = 0


class Attempts:
    """Failed tries of the last quarter of an hour; one that has begun counts as failed until it succeeds.

    A name from one address: five tries, then none. An address: twenty, whatever the names. A name from
    anywhere: not refused for failures elsewhere, but from the tenth on each try waits longer than the last,
    and few may wait at once. An address that the name has logged in from does not wait for strangers.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, max_keys: int = MAX_KEYS) -> None:
        self._now, self._max_keys = now, max_keys
        self._lock = threading.Lock()
        self._tries: OrderedDict[tuple[str, ...], list[float]] = OrderedDict()
        self._delayed: OrderedDict[str, list[float]] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(self, name: str, address: str) -> Turn:
        """Take a turn, which counts as a failed one until `succeeded`."""
        with self._lock:
            now, pair = self._now(), ("pair", name, address)
            limits = ((pair, MOST_OF_PAIR), (("address", address), MOST_OF_ADDRESS))
            waits = [self._recent(key, now)[-most] + WITHIN_S - now for key, most in limits
                     if len(self._recent(key, now)) >= most]  # fmt: skip
            if waits:
                return Turn(refused_s=max(waits))
            delay = 0.0 if (name, address) in self._known else self._delay(name, now)
            if delay < 0:
                return Turn(refused_s=-delay)
            for key in (pair, ("address", address), ("name", name)):
                self._tries[key] = [*self._recent(key, now), now]
                self._tries.move_to_end(key)
            self._forget(self._tries)
            return Turn(delay_s=delay, left=min(most - len(self._recent(key, now)) for key, most in limits))

    def succeeded(self, name: str, address: str) -> None:
        """The turn was no failure; tries for other names from there still count, and those from elsewhere."""
        with self._lock:
            self._tries.pop(("pair", name, address), None)
            for key in (("address", address), ("name", name)):
                if self._tries.get(key):
                    self._tries[key].pop()
            self._known[name, address] = None
            self._known.move_to_end((name, address))
            self._forget(self._known)

    def _recent(self, key: tuple[str, ...], now: float) -> list[float]:
        return [at for at in self._tries.get(key, ()) if now - at < WITHIN_S]

    def _delay(self, name: str, now: float) -> float:
        """Seconds that a stranger's try waits; below 0: too many wait already, come back after so long."""
        over = len(self._recent(("name", name), now)) - FREE_OF_NAME
        if over < 0:
            return 0.0
        waiting = [until for until in self._delayed.get(name, ()) if until > now]
        if len(waiting) >= MOST_DELAYED:
            return now - min(waiting)
        delay = min(FIRST_DELAY_S * 2.0 ** min(over, 16), LONGEST_DELAY_S)
        self._delayed[name] = [*waiting, now + delay]
        self._delayed.move_to_end(name)
        self._forget(self._delayed)
        return delay

    def _forget(self, kept: OrderedDict[Any, Any]) -> None:
        while len(kept) > self._max_keys:
            kept.popitem(last=False)


def network(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 network that one household has of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(found), 64), strict=False))
    return str(found)
