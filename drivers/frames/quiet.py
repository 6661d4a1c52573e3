"""Pauses that devices of a line turned out to need, beyond what their profiles say."""

from __future__ import annotations

from collections.abc import Hashable

FIRST_S, LONGEST_S = 0.005, 0.16
_GOOD_BEFORE_SHORTER = 200
_SHORTER = 0.8


class QuietTimes:
    """Learnt per device, so that one bad device costs the others nothing.

    A garbled answer doubles the pause before the next request to the device, from FIRST_S to LONGEST_S;
    200 good answers in a row take a fifth of it back. `seconds`: device -> learnt pause, only where there
    is one.
    """

    def __init__(self) -> None:
        self.seconds: dict[Hashable, float] = {}
        self._good: dict[Hashable, int] = {}

    def before(self, device: Hashable) -> float:
        """Seconds of silence before a request to this device."""
        return self.seconds.get(device, 0.0) if self.seconds else 0.0

    def garbled(self, device: Hashable) -> None:
        """Its answer made no sense."""
        self.seconds[device] = min(LONGEST_S, max(FIRST_S, 2 * self.seconds.get(device, 0.0)))
        self._good[device] = 0

    def answered(self, device: Hashable) -> None:
        """Its answer was whole."""
        if not self.seconds or device not in self.seconds:
            return
        self._good[device] += 1
        if self._good[device] < _GOOD_BEFORE_SHORTER:
            return
        self._good[device] = 0
        self.seconds[device] *= _SHORTER
        if self.seconds[device] < FIRST_S:
            del self.seconds[device], self._good[device]
