"""Questions that every DL/T 645 or CJ/T 188 meter answers, whatever its address is."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers import models
from drivers.cjt188.frame import ANY_ADDRESS, ANY_TYPE
from drivers.cjt188.meter import METERS
from drivers.cjt188.session import ReadExchange as Cjt188Read
from drivers.dlt645.session import AddressExchange
from drivers.dlt645.session import ReadExchange as Dlt645Read
from drivers.errors import DeviceError, DeviceRefused, FrameError
from drivers.frames.exchange import LineBus
from drivers.frames.line import SerialParameters

_SECOND_PHASE_VOLTAGE = "02010200"


@dataclass(frozen=True, slots=True)
class AnsweringMeter:
    """A meter that told its address. profile: the model to read it with."""

    protocol: str
    address: str
    profile: str
    model: str
    why: tuple[str, ...]


@dataclass
class Wildcard:
    """garbled: several meters talked at once."""

    meters: list[AnsweringMeter] = field(default_factory=list)
    garbled: bool = False


async def ask_wildcard(line: LineBus, protocol: str, parameters: SerialParameters | None) -> Wildcard:
    """Ask whoever is on the line. A refusal or silence gives no meter. Raises DeviceUnreachable."""
    try:
        if protocol == "cjt188":
            return Wildcard([await _cjt188(line, parameters)])
        return Wildcard([await _dlt645(line, protocol, parameters)])
    except FrameError:
        return Wildcard(garbled=True)
    except DeviceError:
        return Wildcard()


async def _dlt645(line: LineBus, protocol: str, parameters: SerialParameters | None) -> AnsweringMeter:
    if protocol == "dlt645_1997":
        address = await line.run(AddressExchange("1997"), "any meter", parameters)
        why = ("answers to the wildcard of DL/T 645-1997",)
        return _meter(protocol, address, "dlt645_1997", why)
    address = await line.run(AddressExchange("2007"), "any meter", parameters)
    why = ("answers to the wildcard of DL/T 645-2007",)
    try:
        await line.run(Dlt645Read(address, _SECOND_PHASE_VOLTAGE, "2007"), address, parameters)
    except DeviceRefused:
        return _meter(protocol, address, "dlt645_2007_single_phase", (*why, "has no second phase"))
    except DeviceError:
        return _meter(protocol, address, "dlt645_2007_three_phase", why)
    return _meter(protocol, address, "dlt645_2007_three_phase", (*why, "has a second phase"))


async def _cjt188(line: LineBus, parameters: SerialParameters | None) -> AnsweringMeter:
    try:
        question = Cjt188Read(ANY_TYPE, ANY_ADDRESS, read_address=True)
        frame = await line.run(question, "any meter", parameters)
    except DeviceError as error:
        if isinstance(error, FrameError):
            raise
        frame = await line.run(Cjt188Read(ANY_TYPE, ANY_ADDRESS), "any meter", parameters)
    name = next((name for name, (kind, _) in METERS.items() if kind == frame.meter_type), "cjt188_cold_water")
    why = (f"answers to the wildcard of CJ/T 188 as type {frame.meter_type:02X}H",)
    return _meter("cjt188", frame.address, name, why)


def _meter(protocol: str, address: str, profile: str, why: tuple[str, ...]) -> AnsweringMeter:
    return AnsweringMeter(protocol, address, profile, models.profile_of(models.load(profile)).model, why)
