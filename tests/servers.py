"""Real servers for tests: Mosquitto and InfluxDB on loopback, started, stopped, killed and restarted.

InfluxDB is Debian's 1.6: the real engine and real InfluxQL, but without `/api/v2/write` (that came
in 1.8). `InfluxProxy` translates that one request, so that influxdb-client talks to a real engine.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

HOST = "127.0.0.1"
PRECISION = {"ns": "n", "us": "u", "ms": "ms", "s": "s"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def find(program: str) -> str | None:
    """Debian puts servers into /usr/sbin, which is not on every user's PATH."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")


def need(program: str) -> None:
    """A missing program fails in CI and skips on a laptop."""
    if find(program) is None:
        message = f"{program} is not installed: apt-get install {program}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


def wait_for_port(port: int, process: subprocess.Popen[bytes], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it listened")
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on {port} after {seconds} s")


class Server:
    """One server process that a test may stop, kill and start again on the same port and data."""

    def __init__(self, command: list[str], port: int, log: Path, env: dict[str, str] | None = None) -> None:
        self.command, self.port, self.log = command, port, log
        self.env = {**os.environ, **(env or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.env
            )
        wait_for_port(self.port, self.process)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(15)
        self.process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)


class Mosquitto(Server):
    """Mosquitto on a free port. `extra` lines are added to an otherwise default configuration."""

    def __init__(self, directory: Path, extra: str = "", config: Path | None = None, port: int = 0) -> None:
        port = port or free_port()
        path = config or directory / "mosquitto.conf"
        if config is None:
            path.write_text(
                f"listener {port} {HOST}\nallow_anonymous true\npersistence false\n"
                f"user {os.environ.get('USER', 'root') if os.getuid() else 'root'}\n{extra}\n"
            )
        program = find("mosquitto")
        if program is None:
            raise FileNotFoundError("mosquitto")
        super().__init__([program, "-c", str(path)], port, directory / "mosquitto.log")


class InfluxDB(Server):
    """InfluxDB 1.x with its data in `directory`; `url` is the translating proxy's address."""

    def __init__(self, directory: Path) -> None:
        program = find("influxd")
        if program is None:
            raise FileNotFoundError("influxd")
        port = free_port()
        env = {
            "INFLUXDB_DATA_DIR": str(directory / "data"),
            "INFLUXDB_DATA_WAL_DIR": str(directory / "wal"),
            "INFLUXDB_META_DIR": str(directory / "meta"),
            "INFLUXDB_DATA_INDEX_VERSION": "inmem",
            "INFLUXDB_DATA_QUERY_LOG_ENABLED": "false",
            "INFLUXDB_HTTP_BIND_ADDRESS": f"{HOST}:{port}",
            "INFLUXDB_HTTP_LOG_ENABLED": "false",
            "INFLUXDB_HTTP_MAX_BODY_SIZE": "0",
            "INFLUXDB_BIND_ADDRESS": f"{HOST}:{free_port()}",
            "INFLUXDB_MONITOR_STORE_ENABLED": "false",
            "INFLUXDB_REPORTING_DISABLED": "true",
        }
        super().__init__([program, "-config", os.devnull], port, directory / "influxd.log", env)
        self.proxy = InfluxProxy(port)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.proxy.port}"

    @property
    def engine_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def query(self, text: str, db: str = "") -> bytes:
        """Raw InfluxQL answer, for a test's own look at what is stored."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        connection.request("POST", "/query?" + urlencode({"q": text, "db": db, "epoch": "ms"}))
        return connection.getresponse().read()


class InfluxProxy:
    """`/api/v2/write?bucket=B&precision=p` becomes `/write?db=B&precision=p`; the rest passes unchanged."""

    def __init__(self, upstream: int) -> None:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet an answer, else Nagle and delayed acknowledgements add 40 ms

            def log_message(self, *args: object) -> None: ...

            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {
                    k: v
                    for k, v in self.headers.items()
                    if k.lower() not in ("host", "authorization", "connection")
                }
                status, answer, kind = proxy.pass_on(self.command, translate(self.path), body, headers)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                if status != 204:
                    self.send_header("Content-Length", str(len(answer)))
                self.send_header("X-Influxdb-Version", "1.8.0-proxy")
                self.end_headers()
                if status != 204:
                    self.wfile.write(answer)
                self.wfile.flush()

            do_GET = do_POST = do_HEAD = forward

        self.upstream = upstream
        self.local = threading.local()
        self.server = ThreadingHTTPServer((HOST, 0), Handler)
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, name="influx proxy", daemon=True).start()

    def pass_on(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
        for attempt in (0, 1):  # a kept connection may have died with the server
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = self.local.connection = http.client.HTTPConnection(
                    HOST, self.upstream, timeout=60
                )
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read(), answer.headers.get("Content-Type", "application/json")
            except (OSError, http.client.HTTPException):
                connection.close()
                self.local.connection = None
                if attempt:
                    break
        return 503, b'{"error":"engine unreachable"}', "application/json"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def translate(path: str) -> str:
    parts = urlsplit(path)
    if parts.path != "/api/v2/write":
        return path
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    return "/write?" + urlencode(
        {"db": query["bucket"], "precision": PRECISION[query.get("precision", "ns")]}
    )
