"""Where a bus is and how long to wait on it, as edge.toml says."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(ge=0, le=60)]


class _Bus(BaseModel):
    """timeout_s: until the answer is complete. quiet_s: silence before each request.

    retries: further attempts after a garbled answer or a connection that broke; a device that says
    nothing is not asked again in the same read, so that it costs its bus one timeout.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    quiet_s: Seconds = 0.0
    retries: Annotated[int, Field(ge=0, le=5)] = 1


class TcpSettings(_Bus):
    kind: Literal["tcp"] = "tcp"
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 502


class RtuOverTcpSettings(_Bus):
    """A transparent serial server. baud: of the line behind it, for the plan's cost."""

    kind: Literal["rtu_over_tcp"] = "rtu_over_tcp"
    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    baud: Annotated[int, Field(ge=300)] = 9600


class SerialSettings(_Bus):
    kind: Literal["serial"] = "serial"
    port: str
    baud: Annotated[int, Field(ge=300)] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1
    quiet_s: Seconds = 0.02


BusSettings = Annotated[TcpSettings | RtuOverTcpSettings | SerialSettings, Field(discriminator="kind")]


def describe(settings: TcpSettings | RtuOverTcpSettings | SerialSettings) -> str:
    """`tcp 10.0.0.5:502`, for messages."""
    if isinstance(settings, SerialSettings):
        return f"{settings.port} at {settings.baud} baud 8{settings.parity}{settings.stop_bits}"
    return f"{settings.kind.replace('_', ' ')} {settings.host}:{settings.port}"
