"""The edge's local HTTP: `/`, `/status.json`, `/metrics`. Three fixed answers need no framework's memory."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus

import orjson

from edge import report
from edge.assembly import Agent

logger = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 8192
TIMEOUT_S = 10


class StatusPage:
    """Serves one agent. `port` is the real one after `start`."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen; a port that is taken is told and does not stop the edge."""
        settings = self._agent.config.status
        try:
            self._server = await asyncio.start_server(
                self._serve, settings.host, settings.port, limit=MAX_REQUEST_BYTES
            )
        except OSError as error:
            logger.error("no status page on %s:%d: %s", settings.host, settings.port, error)
            return
        self.port = self._server.sockets[0].getsockname()[1]
        logger.info("status page on http://%s:%d", settings.host, self.port)

    def stop(self) -> None:
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                code, kind, body = await self._answer(head.split(b"\r\n", 1)[0].decode("latin-1"))
                status = f"HTTP/1.1 {code.value} {code.phrase}\r\n"
                headers = (
                    f"Content-Type: {kind}; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
                    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
                )
                writer.write((status + headers).encode() + body)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()

    async def _answer(self, line: str) -> tuple[HTTPStatus, str, bytes]:
        method, _, rest = line.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if method != "GET":
            return HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"only GET\n"
        if path == "/metrics":
            return HTTPStatus.OK, "text/plain", report.metrics(self._agent).encode()
        if path == "/status.json":
            return HTTPStatus.OK, "application/json", orjson.dumps(report.status(self._agent))
        if path == "/":
            events = await self._agent.spool.events(20)
            return HTTPStatus.OK, "text/html", report.page(self._agent, events).encode()
        return HTTPStatus.NOT_FOUND, "text/plain", b"there is /, /status.json and /metrics\n"
