"""What every request and every answer must keep to: the site's own names, sizes, security headers."""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Collection
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.site.context import language_of

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
MAX_TARGET_BYTES = 4096
HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@\[\]]+))(?::[0-9]{1,5})?")
LENGTH = re.compile(r"[0-9]{1,9}")
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-src 'self'; frame-ancestors 'self'"
)
DOCUMENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'; "
    "sandbox allow-popups allow-same-origin"
)
"""For announcements: documents that carry their own style and may run nothing."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """Refuses what is too large or meant for another site, and sets the headers.

    hosts: names of this site besides `localhost`. An address is always one of its names: a page of somebody
    else's whose name was made to lead here (DNS rebinding) cannot have an address for its name.
    HEAD is answered as GET without its body, but where the answer would never end.
    A route's own Content-Security-Policy stays. An address that ends in `/` leads to the one without, and the
    redirect names no host.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = {"localhost", *(host.lower() for host in hosts)}
        self._told_of_proxy = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        names = headers.getlist("host")
        if len(names) != 1 or not self._is_ours(names[0]):
            name = names[0][:100] if names else ""
            await _refuse(scope, receive, send, 400, "host", name=name)
        elif len(scope["raw_path"] or b"") + len(scope["query_string"]) > MAX_TARGET_BYTES:
            await _refuse(scope, receive, send, 414, "address")
        elif (
            not LENGTH.fullmatch(length := headers.get("content-length", "0")) or int(length) > MAX_BODY_BYTES
        ):
            await _refuse(scope, receive, send, 413, "size")
        elif scope["path"].endswith("/") and scope["path"].strip("/"):
            query = scope["query_string"].decode("latin-1")
            path = "/" + quote(scope["path"].strip("/"))
            await RedirectResponse(path + (f"?{query}" if query else ""), 307)(scope, receive, send)
        else:
            self._watch_for_proxies(scope, headers)
            if scope["method"] == "HEAD" and not scope["path"].startswith("/live/"):
                await self._answer({**scope, "method": "GET"}, receive, _without_body(send))
            else:
                await self._answer(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        found = HOST.fullmatch(host)
        if found is None:
            return False
        name = found[1] or found[2]
        if name.lower().rstrip(".") in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _watch_for_proxies(self, scope: Scope, headers: Headers) -> None:
        """Say once that a proxy is at work which is not trusted: all its visitors count as one."""
        client = scope["client"][0] if scope.get("client") else ""
        forwarded = headers.get("x-forwarded-for", client)
        if client not in forwarded and not self._told_of_proxy:
            self._told_of_proxy = True
            logger.warning(
                "site: %s sends X-Forwarded-For, but [web] proxies does not name it: all who come through "
                "it count as one visitor with this address",
                client,
            )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0
        started = False

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BODY_BYTES:
                return {"type": "http.disconnect"}
            return message

        async def headed(message: Message) -> None:
            nonlocal started
            if taken > MAX_BODY_BYTES and not started:
                return
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", POLICY)
            await send(message)

        try:
            await self._app(scope, limited, headed)
        finally:
            if taken > MAX_BODY_BYTES and not started:
                await _refuse(scope, receive, send, 413, "size")


def _without_body(send: Send) -> Send:
    async def headed(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return headed


async def _refuse(
    scope: Scope, receive: Receive, send: Send, status: int, what: str, **values: object
) -> None:
    text = language_of(Request(scope)).t(f"refused.{what}", **values)
    await PlainTextResponse(text, status, headers=HEADERS)(scope, receive, send)
