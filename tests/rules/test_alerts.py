"""The life of alerts, their messages, and that a restart neither loses nor repeats one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from rules.alerts import REOPEN_WITHIN_MS, AlertBook, Finding, NoSuchAlert
from rules.notify import MOST_TRIES, Message, Notifier, NotSent, Outbox, send

HOUR = 3_600_000


def finding(**changes: Any) -> Finding:
    given = {
        "rule": "cop", "building": "330100A001", "device": "hp", "severity": "warning", "title_en": "COP low",
        "title_zh": "COP 低", "since": 0, "value": 1.8, "limit": 2.0,
    }  # fmt: skip
    return Finding(**(given | changes))


@pytest.fixture
def book(tmp_path: Path) -> Iterator[AlertBook]:
    made = AlertBook(tmp_path / "alerts.sqlite")
    yield made
    made.close()


def what(book: AlertBook, alert: int) -> list[str]:
    return [event.what for event in book.history(alert)]


def test_one_cause_is_one_alert(book: AlertBook) -> None:
    first = book.fire(finding(), 1000)
    again = book.fire(finding(value=1.5), 2000)
    assert again.id == first.id
    assert again.value == 1.5
    assert what(book, first.id) == ["opened"]
    assert [alert.id for alert in book.list("active", "330100A001")] == [first.id]
    assert book.firing() == [("cop", "330100A001", "hp")]


def test_acknowledge_snooze_wake_resolve_reopen(book: AlertBook) -> None:
    alert = book.fire(finding(), 0).id
    assert book.acknowledge(alert, "li", "on it", at=10).state == "acknowledged"
    assert book.snooze(alert, 500, "li", at=20).snoozed_until == 500
    book.tick(499)
    assert book.get(alert).state == "snoozed"
    book.tick(500)
    assert book.get(alert).state == "open"
    assert book.clear("cop", "330100A001", "hp", 600) is not None
    assert book.get(alert).state == "resolved"
    assert book.firing() == []
    assert book.fire(finding(), 700).id == alert
    assert book.get(alert).reopened == 1
    assert what(book, alert) == ["opened", "acknowledged", "snoozed", "woken", "resolved", "reopened"]
    assert [(event.who, event.note) for event in book.history(alert)][1] == ("li", "on it")
    book.resolve(alert, "li", "repaired", at=800)
    assert book.fire(finding(), 801 + REOPEN_WITHIN_MS).id != alert


def test_nobody_took_it_on(book: AlertBook) -> None:
    alert = book.fire(finding(escalate_after_s=60), 0).id
    taken = book.fire(finding(device="hp2", escalate_after_s=60), 0).id
    book.acknowledge(taken, "li", at=1)
    book.tick(59_999)
    assert book.get(alert).severity == "warning"
    book.tick(60_000)
    book.tick(70_000)
    assert book.get(alert).severity == "critical"
    assert what(book, alert) == ["opened", "escalated"]
    assert what(book, taken) == ["opened", "acknowledged"]


def test_there_is_no_such_alert(book: AlertBook) -> None:
    with pytest.raises(NoSuchAlert):
        book.acknowledge(7, "li", at=0)


def test_alerts_outlive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "alerts.sqlite"
    first = AlertBook(path)
    alert = first.fire(finding(), 0).id
    first.close()
    second = AlertBook(path)
    assert second.get(alert).title_zh == "COP 低"
    assert second.firing() == [("cop", "330100A001", "hp")]
    second.close()


class Sent:
    """Takes messages, and fails as long as it is told to."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.broken = False

    def __call__(self, notifier: Notifier, message: Message) -> None:
        if self.broken:
            raise NotSent("no line")
        self.keys.append(message.key)


LOG = Notifier(name="duty", kind="log")


def test_each_event_is_sent_once_also_after_a_restart(tmp_path: Path) -> None:
    path, sent = tmp_path / "alerts.sqlite", Sent()
    book = AlertBook(path)
    outbox = Outbox(book, [LOG], sent)
    book.fire(finding(), 0)
    assert outbox.drain(0) == 1
    assert outbox.drain(1) == 0
    book.clear("cop", "330100A001", "hp", 2)
    book.close()
    book = AlertBook(path)
    outbox = Outbox(book, [LOG], sent)
    assert outbox.drain(3) == 1
    assert len(sent.keys) == len(set(sent.keys)) == 2
    book.close()


def test_what_was_in_flight_is_not_sent_again(tmp_path: Path) -> None:
    path, sent = tmp_path / "alerts.sqlite", Sent()

    def dies(notifier: Notifier, message: Message) -> None:
        sent(notifier, message)
        raise KeyboardInterrupt

    book = AlertBook(path)
    outbox = Outbox(book, [LOG], dies)
    book.fire(finding(), 0)
    with pytest.raises(KeyboardInterrupt):
        outbox.drain(0)
    book.close()
    book = AlertBook(path)
    assert Outbox(book, [LOG], sent).drain(HOUR) == 0
    assert len(sent.keys) == 1
    book.close()


def test_retries_ever_more_slowly_and_gives_up(book: AlertBook) -> None:
    sent = Sent()
    sent.broken = True
    outbox = Outbox(book, [LOG], sent)
    book.fire(finding(), 0)
    assert outbox.drain(0) == 0
    sent.broken = False
    assert outbox.drain(29_999) == 0
    assert outbox.drain(30_000) == 1
    sent.broken = True
    book.clear("cop", "330100A001", "hp", 40_000)
    for attempt in range(1, MOST_TRIES + 2):
        outbox.drain(40_000 + attempt * HOUR)
    sent.broken = False
    assert outbox.drain(100 * HOUR) == 0, "given up after MOST_TRIES"


def test_rate_limit_delays_and_loses_nothing(book: AlertBook) -> None:
    sent = Sent()
    outbox = Outbox(book, [LOG.model_copy(update={"max_per_hour": 2})], sent)
    for device in "abcde":
        book.fire(finding(device=device), 0)
    assert outbox.drain(0) == 2
    assert outbox.drain(HOUR // 2) == 0
    assert outbox.drain(HOUR + 1) == 2
    assert outbox.drain(2 * HOUR + 2) == 1
    assert len(set(sent.keys)) == 5


def test_severity_and_region_choose_the_notifier(book: AlertBook) -> None:
    sent = Sent()
    chosen = Notifier(name="boss", kind="log", least_severity="critical", regions=("33",))
    outbox = Outbox(book, [chosen], sent)
    book.fire(finding(), 0)
    book.fire(finding(severity="critical", device="b"), 0)
    book.fire(finding(severity="critical", device="c", building="310100A001"), 0)
    assert outbox.drain(0) == 1


class Web:
    """A loopback server that keeps what is posted to it."""

    def __init__(self, answer: bytes = b"{}") -> None:
        bodies: list[tuple[str, dict[str, Any]]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                bodies.append((self.path, json.loads(body)))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None: ...

        self.bodies = bodies
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize(
    ("kind", "answer", "text"),
    [
        ("dingtalk", b'{"errcode":0}', lambda body: body["text"]["content"]),
        ("wecom", b'{"errcode":0}', lambda body: body["text"]["content"]),
        ("feishu", b'{"code":0}', lambda body: body["content"]["text"]),
        ("webhook", b"", lambda body: body["text"]),
    ],
)
def test_web_notifiers_post_what_their_service_reads(
    book: AlertBook, kind: str, answer: bytes, text: Any
) -> None:
    web = Web(answer)
    try:
        notifier = Notifier(name="n", kind=kind, url=web.url, language="zh")  # type: ignore[arg-type]
        outbox = Outbox(book, [notifier])
        book.fire(finding(), 0)
        assert outbox.drain(0) == 1
        assert "COP 低" in text(web.bodies[0][1])
    finally:
        web.close()


def test_a_refusal_inside_a_200_is_a_refusal(book: AlertBook, monkeypatch: pytest.MonkeyPatch) -> None:
    web = Web(b'{"errcode":310000}')
    monkeypatch.setenv("SIGN", "key")
    try:
        notifier = Notifier(name="n", kind="dingtalk", url=web.url, secret_env="SIGN")
        outbox = Outbox(book, [notifier])
        book.fire(finding(), 0)
        assert outbox.drain(0) == 0
        assert "sign=" in web.bodies[0][0]
        assert "key" not in json.dumps(web.bodies[0][1])
    finally:
        web.close()


def test_webhook_template_is_json(book: AlertBook) -> None:
    web = Web()
    try:
        template = '{"msg": "$title_en", "b": "$building", "note": "$note"}'
        outbox = Outbox(
            book,
            [Notifier(name="n", kind="webhook", url=web.url, template=template, events=("acknowledged",))],
        )
        alert = book.fire(finding(), 0).id
        book.acknowledge(alert, "li", 'said "soon"', at=1)
        assert outbox.drain(1) == 1
        assert web.bodies[0][1] == {"msg": "COP low", "b": "330100A001", "note": 'said "soon"'}
    finally:
        web.close()


def test_a_secret_file_must_be_private(tmp_path: Path, book: AlertBook) -> None:
    path = tmp_path / "url"
    path.write_text("http://127.0.0.1:9/x")
    path.chmod(0o644)
    alert = book.fire(finding(), 0)
    notifier = Notifier(name="n", kind="webhook", url_file=str(path))
    with pytest.raises(NotSent, match="chmod 600"):
        send(notifier, Message("k", alert, book.history(alert.id)[0], "text"))
