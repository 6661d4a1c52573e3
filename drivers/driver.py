"""What the edge needs of a device: one read, one sample."""

from __future__ import annotations

from typing import Protocol

from drivers.profile import ALL, Profile
from drivers.sample import Sample


class Driver(Protocol):
    """One physical device. Connects on the first read, and again after a loss.

    refused: what the device refuses, in words; it is left out of reads. learnt_quiet_s: pause before its
    requests that it turned out to need, beyond what is configured.
    """

    device_id: str
    profile: Profile

    @property
    def refused(self) -> list[str]: ...

    @property
    def learnt_quiet_s(self) -> float: ...

    async def read(self, groups: frozenset[str] = ALL) -> Sample:
        """Read the quantities of these poll groups once.

        The sample's time is the middle between the first and the last answer. A part that did not answer is
        absent and the sample is PARTIAL. Raises DeviceError, and nothing else, if no part answered.
        """
        ...
