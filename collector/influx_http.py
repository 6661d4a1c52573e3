"""HTTP with InfluxDB 1.x, 2.x and 3.x through influxdb-client, and its refusals in words."""

# influxdb-client declares its types only in part.
# mypy: disable-error-code="attr-defined, no-untyped-call"

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3
from influxdb_client import InfluxDBClient, WriteService
from influxdb_client.rest import ApiException
from isal import isal_zlib

from collector.settings import InfluxSettings
from collector.store import StoreBusy
from drivers.errors import StoreUnavailable

GZIP_ABOVE_BYTES = 1024


class PointsRefused(Exception):
    """InfluxDB stored the good points of a body and will never take the others."""


class BodyTooLarge(StoreUnavailable):
    """Taken in smaller pieces, or when the server's limit is raised."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an InfluxQL answer."""

    name: str
    columns: list[str]
    values: list[list[Any]]
    tags: dict[str, str] = field(default_factory=dict)


class InfluxHttp:
    """Blocking calls on pooled connections; every method may be called from any thread."""

    def __init__(self, settings: InfluxSettings) -> None:
        self.settings = settings
        self.client = InfluxDBClient(
            url=settings.url,
            token=settings.token or None,  # type: ignore[arg-type] # None: no Authorization header
            org=settings.org or "-",
            timeout=int(settings.timeout_s * 1000),
            ssl_ca_cert=str(settings.ca_file) if settings.ca_file else None,
            connection_pool_maxsize=8,
        )
        self._service = WriteService(self.client.api_client)

    def write(self, bucket: str, body: bytes) -> None:
        """Post lines. Raises PointsRefused, BodyTooLarge, or StoreUnavailable: send it again later."""
        if not body:
            return
        headers: dict[str, str] = {}
        if self.settings.gzip and len(body) > GZIP_ABOVE_BYTES:
            packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
            body, headers = packer.compress(body) + packer.flush(), {"content_encoding": "gzip"}
        try:
            self._service.post_write(
                self.settings.org or "-", bucket, body, precision="ms", _return_http_data_only=True, **headers
            )
        except ApiException as error:
            reason = _reason(error.body or error.reason)
            if error.status in (400, 422) and "not found" not in reason:
                raise PointsRefused(reason) from error
            doing = f"writing to bucket {bucket}"
            raise self._unavailable(error.status or 0, reason, doing, error.headers or {}) from error
        except urllib3.exceptions.HTTPError as error:
            raise self.unreachable(error) from error

    def query(self, bucket: str, text: str, method: str = "GET") -> list[Series]:
        """The series that one InfluxQL statement gives; times are ms."""
        fields = {"db": bucket, "q": text, "epoch": "ms"}
        answer = orjson.loads(self.request(method, "/query", fields, f"reading bucket {bucket}"))
        found: list[Series] = []
        for result in answer.get("results", ()):
            if "error" in result:
                raise self._unavailable(200, result["error"], f"reading bucket {bucket}", {})
            found += [
                Series(each["name"], each["columns"], each.get("values", []), each.get("tags", {}))
                for each in result.get("series", ())
            ]
        return found

    def request(self, method: str, path: str, fields: Mapping[str, str], doing: str) -> bytes:
        """One request with query fields. Raises StoreUnavailable unless it is answered with 2xx."""
        settings = self.settings
        headers = {"Authorization": f"Token {settings.token}"} if settings.token else {}
        pool: urllib3.PoolManager = self.client.api_client.rest_client.pool_manager
        url = f"{settings.url.rstrip('/')}{path}?{urlencode(fields)}"
        try:
            answer = pool.request(method, url, headers=headers, timeout=settings.timeout_s, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise self.unreachable(error) from error
        if not 200 <= answer.status < 300:
            raise self._unavailable(answer.status, _reason(answer.data), doing, answer.headers)
        data: bytes = answer.data
        return data

    def version(self) -> str:
        """As the server names itself: `1.6.7`, `v2.7.11`, `3.0.1`; empty if it does not say."""
        pool: urllib3.PoolManager = self.client.api_client.rest_client.pool_manager
        try:
            answer = pool.request("GET", self.settings.url.rstrip("/") + "/ping", retries=False, timeout=10)
        except urllib3.exceptions.HTTPError as error:
            raise self.unreachable(error) from error
        return str(answer.headers.get("X-Influxdb-Version", "")).lstrip("v")

    def close(self) -> None:
        self.client.close()

    def unreachable(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(
            f"InfluxDB at {self.settings.url} does not answer ({type(error).__name__}): "
            "is it running, and is store.url right?"
        )

    def _unavailable(
        self, status: int, reason: str, doing: str, headers: Mapping[str, str]
    ) -> StoreUnavailable:
        where = f"InfluxDB at {self.settings.url}, {doing}:"
        if status in (401, 403):
            hint = "check BEACON_INFLUX_TOKEN or store.token_file, and that the token may read and write it"
            return StoreUnavailable(f"{where} the token is refused ({status}): {hint}")
        if status == 404 or "not found" in reason:
            return StoreUnavailable(f"{where} {reason or 'not found'}: run `beacon collector init`")
        if status == 413:
            hint = "raise max-body-size of InfluxDB, or client_max_body_size of the proxy before it"
            return BodyTooLarge(f"{where} what was sent is too large (413): {hint}")
        after_s = headers.get("Retry-After", "")
        if after_s.isdecimal():
            return StoreBusy(f"{where} {status} {reason or 'busy'}, asks for {after_s} s", float(after_s))
        return StoreUnavailable(f"{where} {status} {reason}")


def _reason(body: Any) -> str:
    """InfluxDB's own words from a JSON or text answer."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.strip()[:300]
    if isinstance(document, dict):
        return str(document.get("message") or document.get("error") or text)[:300]
    return text[:300]
