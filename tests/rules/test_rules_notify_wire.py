"""E-mail and MQTT over real sockets: what arrives, and what happens when the other side refuses."""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rules.alerts import AlertBook, Finding
from rules.notify import Notifier, Outbox

if TYPE_CHECKING:
    from tests.servers import Mosquitto


class MailServer(socketserver.ThreadingTCPServer):
    """As much of SMTP (RFC 5321) as taking a message needs. refuse: answer 451 to so many recipients."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.taken: list[bytes] = []
        self.refuse = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.wfile.write(b"220 loopback\r\n")
        while line := self.rfile.readline():
            self.wfile.write(self._answer(line.strip().upper()))
            if line.strip().upper() == b"QUIT":
                return

    def _answer(self, command: bytes) -> bytes:
        if command.startswith(b"RCPT") and self.server.refuse > 0:
            self.server.refuse -= 1
            return b"451 try again later\r\n"
        if command == b"DATA":
            self.wfile.write(b"354 go on\r\n")
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line)
            self.server.taken.append(b"".join(lines))
        return b"250 ok\r\n" if command != b"QUIT" else b"221 bye\r\n"


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[AlertBook]:
    made = AlertBook(tmp_path / "alerts.sqlite")
    yield made
    made.close()


def fire(book: AlertBook, notifier: Notifier, at: int = 0) -> Outbox:
    outbox = Outbox(book, [notifier])
    finding = Finding("cop", "330100A001", "hp", "warning", "COP low", "能效偏低", 0, 1.8, 2.0, 600)
    book.fire(finding, at)
    return outbox


def email_to(port: int, **more: object) -> Notifier:
    given = {
        "name": "duty", "kind": "email", "host": "127.0.0.1", "port": port, "tls": False,
        "sender": "beacon@example.org", "to": ["li@example.org", "wang@example.org"],
    }  # fmt: skip
    return Notifier.model_validate(given | more)


def test_a_mail_says_it_in_both_languages(book: AlertBook, mail: MailServer) -> None:
    outbox = fire(book, email_to(mail.port))
    assert outbox.drain(1) == 1
    (raw,) = mail.taken
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["To"] == "li@example.org, wang@example.org"
    assert "能效偏低 / COP low" in message["Subject"]
    body = message.get_body()
    assert body is not None
    assert "330100A001 hp 1.8 (limit 2)" in body.get_content()
    assert message["Message-ID"] == "<1-duty@beacon>"


def test_a_mail_refused_for_now_comes_later_and_once(book: AlertBook, mail: MailServer) -> None:
    outbox = fire(book, email_to(mail.port, to=["li@example.org"]))
    mail.refuse = 1
    assert outbox.drain(0) == 0
    assert outbox.drain(29_000) == 0, "not before its time"
    assert outbox.drain(31_000) == 1
    assert Outbox(book, [email_to(mail.port, to=["li@example.org"])]).drain(99_000) == 0
    assert len(mail.taken) == 1


def test_a_server_without_tls_gets_no_mail_when_tls_is_asked_for(book: AlertBook, mail: MailServer) -> None:
    assert fire(book, email_to(mail.port, tls=True)).drain(0) == 0
    assert mail.taken == []


def test_nobody_took_it_on_is_sent_as_escalation_within_the_rate(book: AlertBook, mail: MailServer) -> None:
    outbox = fire(book, email_to(mail.port, max_per_hour=1))
    assert outbox.drain(0) == 1
    book.tick(600_000)
    assert outbox.drain(600_000) == 0, "one an hour"
    assert outbox.drain(3_600_001) == 1
    second = email.message_from_bytes(mail.taken[1], policy=email.policy.default)
    assert "[Beacon critical] escalated" in second["Subject"]
    assert "nobody acknowledged it in 600 s" in second["Subject"]


@pytest.mark.server
def test_an_mqtt_message_reaches_the_buildings_topic(book: AlertBook, mosquitto: Mosquitto) -> None:
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    got: list[tuple[str, dict[str, object]]] = []
    arrived, ready = threading.Event(), threading.Event()

    def on_message(client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        got.append((message.topic, json.loads(message.payload)))
        arrived.set()

    listener = mqtt.Client(CallbackAPIVersion.VERSION2)
    listener.on_message = on_message
    subscribed: Callable[..., None] = lambda *_: ready.set()  # noqa: E731
    listener.on_subscribe = subscribed
    listener.connect("127.0.0.1", mosquitto.port)
    listener.loop_start()
    try:
        listener.subscribe("alerts/#", qos=1)
        assert ready.wait(10)
        notifier = Notifier(
            name="bus", kind="mqtt", host="127.0.0.1", port=mosquitto.port, tls=False,
            topic="alerts/{building}", language="zh",
        )  # fmt: skip
        assert fire(book, notifier).drain(0) == 1
        assert arrived.wait(10)
    finally:
        listener.disconnect()
        listener.loop_stop()
    ((topic, body),) = got
    assert topic == "alerts/330100A001"
    assert (body["event"], body["rule"], body["key"]) == ("opened", "cop", "1-bus")
    assert "能效偏低" in str(body["text"])


def test_a_broker_that_is_not_there_is_tried_again(book: AlertBook, mail: MailServer) -> None:
    closed = mail.port
    mail.shutdown()
    mail.server_close()
    notifier = Notifier(
        name="bus", kind="mqtt", host="127.0.0.1", port=closed, tls=False, topic="alerts/{building}"
    )
    outbox = fire(book, notifier)
    assert outbox.drain(0) == 0
    with book.transaction() as db:
        assert tuple(db.execute("SELECT state, tries FROM outbox").fetchone()) == ("due", 1)
