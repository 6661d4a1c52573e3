"""An HTTP double of InfluxDB 2.x: buckets, mappings and refusals as its public API reference shows them."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

ORG, ORG_ID, TOKEN = "beacon", "0a1b2c3d4e5f6071", "right-token"
Answer = tuple[int, dict[str, Any] | None, dict[str, str]]


class InfluxDouble:
    """Knows one token and one organisation. `refusals`: answers given to writes before anything else.

    max_body: bytes, 413 above. `written`: bodies that were taken; `requests`: method and path of each.
    """

    def __init__(self, version: str = "v2.7.11") -> None:
        self.version = version
        self.token = TOKEN
        self.refusals: list[Answer] = []
        self.max_body = 1 << 30
        self.written: list[bytes] = []
        self.requests: list[str] = []
        self.buckets: dict[str, dict[str, Any]] = {}
        self.mappings: list[dict[str, Any]] = []
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None: ...

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                double.requests.append(f"{self.command} {parts.path}")
                token = self.headers.get("Authorization", "")
                status, content, headers = double.answer(self.command, parts.path, query, body, token)
                text = b"" if content is None else orjson.dumps(content)
                self.send_response(status)
                self.send_header("X-Influxdb-Version", double.version)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PATCH = answer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, token: str) -> Answer:
        if path == "/ping":
            return 204, None, {}
        if token != f"Token {self.token}":
            return 401, {"code": "unauthorized", "message": "unauthorized access"}, {}
        if path == "/api/v2/write":
            return self._write(query["bucket"], body)
        if path == "/query":
            return 200, {"results": [{"statement_id": 0}]}, {}
        if path == "/api/v2/orgs":
            found = [{"id": ORG_ID, "name": ORG}] if query.get("org") == ORG else []
            return (200, {"orgs": found}, {}) if found else not_found("organization name not found")
        if path.startswith("/api/v2/buckets"):
            return self._bucket(method, path, query, body)
        if path == "/api/v2/dbrps":
            return self._mapping(method, query, body)
        return not_found("path not found")

    def _write(self, bucket: str, body: bytes) -> Answer:
        if self.refusals:
            return self.refusals.pop(0)
        if bucket not in self.buckets:
            return not_found(f'bucket "{bucket}" not found')
        if len(body) > self.max_body:
            return (
                413,
                {"code": "request too large", "message": "unable to read data: points batch is too large"},
                {},
            )
        self.written.append(body)
        return 204, None, {}

    def _bucket(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        if method == "GET":
            found = self.buckets.get(query["name"])
            return 200, {"buckets": [found] if found else []}, {}
        asked = orjson.loads(body)
        if method == "POST":
            assert asked["orgID"] == ORG_ID
            self.add_bucket(asked["name"], asked["retentionRules"])
            return 201, self.buckets[asked["name"]], {}
        bucket = next(each for each in self.buckets.values() if path.endswith(each["id"]))
        bucket["retentionRules"] = asked["retentionRules"]
        return 200, bucket, {}

    def add_bucket(self, name: str, rules: list[dict[str, Any]]) -> None:
        """InfluxDB shows a bucket that is kept for ever without rules."""
        rules = [rule for rule in rules if rule["everySeconds"]]
        id_ = f"{len(self.buckets) + 1:016x}"
        self.buckets[name] = {
            "id": id_,
            "orgID": ORG_ID,
            "name": name,
            "type": "user",
            "retentionRules": rules,
        }

    def _mapping(self, method: str, query: dict[str, str], body: bytes) -> Answer:
        if method == "GET":
            found = [each for each in self.mappings if each["bucketID"] == query["bucketID"]]
            return 200, {"content": found}, {}
        self.mappings.append(
            {"id": f"{len(self.mappings) + 100:016x}", "orgID": ORG_ID, **orjson.loads(body)}
        )
        return 201, self.mappings[-1], {}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def not_found(message: str) -> Answer:
    return 404, {"code": "not found", "message": message}, {}
