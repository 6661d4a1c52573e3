"""A `LineBus` from the settings of a bus: a serial port or a transparent serial server."""

from __future__ import annotations

from drivers.frames.exchange import LineBus
from drivers.frames.line import Line, SerialLine, SerialParameters, TcpLine
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings, describe


def line_bus(settings: RtuOverTcpSettings | SerialSettings) -> LineBus:
    """Opened by its first exchange. Devices with a speed or parity of their own switch a serial port."""

    parameters = None
    if isinstance(settings, SerialSettings):
        parameters = SerialParameters(settings.baud, settings.parity, settings.stop_bits)

    async def connect() -> Line:
        if isinstance(settings, SerialSettings):
            return SerialLine.open(settings.port, parameters or SerialParameters())
        return await TcpLine.open(settings.host, settings.port, settings.timeout_s)

    return LineBus(describe(settings), connect, settings.timeout_s, settings.quiet_s, parameters)
