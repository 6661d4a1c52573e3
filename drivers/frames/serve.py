"""Puts a simulated meter on a TCP port or a pseudo-terminal: any `answer(bytes) -> bytes`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from typing import cast

Answer = Callable[[bytes], bytes]
"""Takes bytes as they come from the line; gives the bytes to send back, or none."""


class _Connection(asyncio.Protocol):
    def __init__(self, answer: Answer, opened: set[asyncio.Transport]) -> None:
        self._answer = answer
        self._opened = opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of no class of asyncio
        self._opened.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._opened.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        if reply := self._answer(data):
            self._transport.write(reply)


@contextlib.asynccontextmanager
async def tcp_server(answer: Answer, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """Serve like a transparent serial server; gives the port."""
    opened: set[asyncio.Transport] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(answer, opened), host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for transport in tuple(opened):
            transport.abort()


@contextlib.asynccontextmanager
async def pseudo_terminal(answer: Answer) -> AsyncIterator[str]:
    """Serve on a pseudo-terminal; gives the path of the end that a driver opens like a serial port."""
    loop = asyncio.get_running_loop()
    ours, theirs = os.openpty()
    os.set_blocking(ours, False)

    def receive() -> None:
        with contextlib.suppress(OSError):
            if reply := answer(os.read(ours, 4096)):
                os.write(ours, reply)

    loop.add_reader(ours, receive)
    try:
        yield os.ttyname(theirs)
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)
