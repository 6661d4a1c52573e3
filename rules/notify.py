"""Tell people: log, webhook, e-mail, DingTalk, WeCom, Feishu, MQTT; out of the alert book's outbox."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import os
import smtplib
import ssl
import stat
import string
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from drivers.errors import BeaconError, ConfigError, Problem
from rules.alerts import Alert, AlertBook, Event
from rules.budget import Target

logger = logging.getLogger(__name__)

EVENTS = ("opened", "reopened", "escalated", "acknowledged", "snoozed", "woken", "resolved")
MOST_TRIES = 8
_TIMEOUT_S = 10
_HOUR_MS = 3_600_000
_RANK = {"info": 0, "warning": 1, "critical": 2}

EventName = Literal["opened", "reopened", "escalated", "acknowledged", "snoozed", "woken", "resolved"]


class NotSent(BeaconError):
    """A message could not be delivered; it is tried again, ever more slowly."""


class Notifier(Target):
    """One way to tell somebody. Secrets are names of environment variables or files of mode 0600.

    template: text with $title, $building, $device, $severity, $event, $value, $limit, $at, $note, $who; for a
    webhook the JSON body itself may be a template.
    """

    name: str = Field(min_length=1, max_length=64)
    kind: Literal["log", "webhook", "email", "dingtalk", "wecom", "feishu", "mqtt"]
    events: tuple[EventName, ...] = ("opened", "reopened", "escalated", "woken", "resolved")
    least_severity: Literal["info", "warning", "critical"] = "info"
    language: Literal["en", "zh", "both"] = "both"
    max_per_hour: int = Field(default=60, ge=1)
    template: str = ""
    url: str = ""
    url_env: str = ""
    url_file: str = ""
    secret_env: str = ""  # signing key of DingTalk or Feishu; password of e-mail or MQTT
    secret_file: str = ""
    host: str = ""
    port: int = Field(default=0, ge=0, le=65535)
    user: str = ""
    tls: bool = True
    sender: str = ""
    to: tuple[str, ...] = ()
    topic: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Notifier:
        web = self.kind in ("webhook", "dingtalk", "wecom", "feishu")
        if web and sum(bool(given) for given in (self.url, self.url_env, self.url_file)) != 1:
            raise ValueError(f"{self.kind} needs one of url, url_env, url_file")
        if self.kind == "email" and not (self.host and self.sender and self.to):
            raise ValueError("email needs host, sender and to")
        if self.kind == "mqtt" and not (self.host and self.topic):
            raise ValueError("mqtt needs host and topic")
        return self

    def wants(self, alert: Alert) -> bool:
        return (
            (not self.buildings or alert.building in self.buildings)
            and (not self.regions or any(alert.building.startswith(prefix) for prefix in self.regions))
            and _RANK[alert.severity] >= _RANK[self.least_severity]
        )


@dataclass(frozen=True, slots=True)
class Message:
    """One message about one event. key is the same on every try."""

    key: str
    alert: Alert
    event: Event
    text: str


def secret(env: str, file: str) -> str:
    """The value of an environment variable or of a file of mode 0600; "" if neither is named.

    Raises ConfigError if it is named and not there, or readable by others.
    """
    if env:
        value = os.environ.get(env)
        if not value:
            raise ConfigError([Problem("environment", env, "is not set")])
        return value
    if not file:
        return ""
    path = Path(file)
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigError([Problem(file, "", "must not be readable by others: chmod 600")])
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise ConfigError([Problem(file, "", f"cannot be read: {error}")]) from error


def render(notifier: Notifier, alert: Alert, event: Event) -> str:
    """The message's text in the notifier's language, or its template filled in."""
    titles = {"en": alert.title_en, "zh": alert.title_zh, "both": f"{alert.title_zh} / {alert.title_en}"}
    at = datetime.fromtimestamp(event.at / 1000, UTC).isoformat(timespec="seconds")
    words = {
        "title": titles[notifier.language],
        "title_en": alert.title_en,
        "title_zh": alert.title_zh,
        "building": alert.building,
        "device": alert.device,
        "rule": alert.rule,
        "severity": alert.severity,
        "event": event.what,
        "value": "" if alert.value is None else f"{alert.value:g}",
        "limit": "" if alert.limit is None else f"{alert.limit:g}",
        "at": at,
        "note": event.note,
        "who": event.who,
        "id": str(alert.id),
    }
    if notifier.template:
        if notifier.kind == "webhook":
            words = {key: json.dumps(value, ensure_ascii=False)[1:-1] for key, value in words.items()}
        return string.Template(notifier.template).safe_substitute(words)
    where = f"{alert.building} {alert.device}".strip()
    number = f" {words['value']} (limit {words['limit']})" if words["value"] and words["limit"] else ""
    note = f" {event.who}: {event.note}" if event.note else ""
    return f"[Beacon {alert.severity}] {event.what}: {words['title']}, {where}{number}, {at}{note}"


def send(notifier: Notifier, message: Message) -> None:
    """Deliver one message. Blocks for ten seconds at most. Raises NotSent."""
    try:
        _SENDERS[notifier.kind](notifier, message)
    except (OSError, smtplib.SMTPException, ValueError, ConfigError) as error:
        raise NotSent(f"{notifier.name}: {error}") from error


def _log(notifier: Notifier, message: Message) -> None:
    level = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.ERROR}
    logger.log(level[message.alert.severity], "%s", message.text)


def _post(url: str, body: bytes, key: str) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise ValueError("the address must begin with https:// or http://")
    headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": key}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            data: bytes = answer.read(65536)
            return data
    except urllib.error.HTTPError as error:
        raise NotSent(f"the server answered {error.code}") from error
    except urllib.error.URLError as error:
        raise NotSent(f"not reached: {error.reason}") from error


def _url(notifier: Notifier) -> str:
    return notifier.url or secret(notifier.url_env, notifier.url_file)


def _webhook(notifier: Notifier, message: Message) -> None:
    if notifier.template:
        _post(_url(notifier), message.text.encode(), message.key)
        return
    alert, event = message.alert, message.event
    body = {
        "id": alert.id, "key": message.key, "event": event.what, "rule": alert.rule,
        "building": alert.building, "device": alert.device, "severity": alert.severity, "state": alert.state,
        "title_en": alert.title_en, "title_zh": alert.title_zh, "value": alert.value,
        "limit": alert.limit, "since": alert.since, "at": event.at, "who": event.who,
        "note": event.note, "text": message.text,
    }  # fmt: skip
    _post(_url(notifier), json.dumps(body, ensure_ascii=False).encode(), message.key)


def _dingtalk(notifier: Notifier, message: Message) -> None:
    """Robot message; signed with HMAC-SHA256 over `timestamp\\nsecret` where a key is given."""
    url, key = _url(notifier), secret(notifier.secret_env, notifier.secret_file)
    if key:
        stamp = str(round(datetime.now(UTC).timestamp() * 1000))
        digest = hmac.new(key.encode(), f"{stamp}\n{key}".encode(), hashlib.sha256).digest()
        sign = urllib.parse.quote_plus(base64.b64encode(digest))
        url = f"{url}{'&' if '?' in url else '?'}timestamp={stamp}&sign={sign}"
    body = {"msgtype": "text", "text": {"content": message.text}}
    _accepted(_post(url, json.dumps(body, ensure_ascii=False).encode(), message.key), "errcode")


def _wecom(notifier: Notifier, message: Message) -> None:
    body = {"msgtype": "text", "text": {"content": message.text}}
    _accepted(_post(_url(notifier), json.dumps(body, ensure_ascii=False).encode(), message.key), "errcode")


def _feishu(notifier: Notifier, message: Message) -> None:
    """Bot message; signed with an HMAC-SHA256 of nothing under the key `timestamp\\nsecret`."""
    key = secret(notifier.secret_env, notifier.secret_file)
    body: dict[str, object] = {"msg_type": "text", "content": {"text": message.text}}
    if key:
        stamp = str(round(datetime.now(UTC).timestamp()))
        digest = hmac.new(f"{stamp}\n{key}".encode(), b"", hashlib.sha256).digest()
        body |= {"timestamp": stamp, "sign": base64.b64encode(digest).decode()}
    _accepted(_post(_url(notifier), json.dumps(body, ensure_ascii=False).encode(), message.key), "code")


def _accepted(answer: bytes, field: str) -> None:
    """These services answer 200 to everything; the code inside says whether they took it."""
    try:
        data = json.loads(answer or b"{}")
        code = data.get(field, 0)
    except (ValueError, AttributeError) as error:
        raise NotSent("the answer cannot be read") from error
    if code != 0:
        raise NotSent(f"refused with code {code}")


def _email(notifier: Notifier, message: Message) -> None:
    mail = EmailMessage()
    mail["Subject"] = message.text.splitlines()[0][:200]
    mail["From"], mail["To"] = notifier.sender, ", ".join(notifier.to)
    mail["Message-ID"] = f"<{message.key}@beacon>"
    mail.set_content(message.text)
    password = secret(notifier.secret_env, notifier.secret_file)
    with smtplib.SMTP(notifier.host, notifier.port or 587, timeout=_TIMEOUT_S) as server:
        if notifier.tls:
            server.starttls(context=ssl.create_default_context())
        if notifier.user:
            server.login(notifier.user, password)
        server.send_message(mail)


def _mqtt(notifier: Notifier, message: Message) -> None:
    from paho.mqtt import MQTTException, publish

    alert = message.alert
    password = secret(notifier.secret_env, notifier.secret_file)
    body = {
        "key": message.key,
        "event": message.event.what,
        "id": alert.id,
        "rule": alert.rule,
        "text": message.text,
    }
    try:
        publish.single(
            notifier.topic.replace("{building}", alert.building),
            json.dumps(body, ensure_ascii=False),
            qos=1,
            hostname=notifier.host,
            port=notifier.port or (8883 if notifier.tls else 1883),
            auth={"username": notifier.user, "password": password} if notifier.user else None,
            tls=ssl.create_default_context() if notifier.tls else None,  # type: ignore[arg-type]
        )
    except MQTTException as error:
        raise NotSent(str(error)) from error


_SENDERS: dict[str, Callable[[Notifier, Message], None]] = {
    "log": _log,
    "webhook": _webhook,
    "email": _email,
    "dingtalk": _dingtalk,
    "wecom": _wecom,
    "feishu": _feishu,
    "mqtt": _mqtt,
}


class Outbox:
    """Sends what the alert book has put out. A message in flight when the process died is not sent again."""

    def __init__(
        self,
        book: AlertBook,
        notifiers: Sequence[Notifier],
        deliver: Callable[[Notifier, Message], None] = send,
    ) -> None:
        self._book = book
        self._notifiers = {notifier.name: notifier for notifier in notifiers}
        self._deliver = deliver
        book.notifiers = tuple((notifier.name, frozenset(notifier.events)) for notifier in notifiers)
        with book.transaction() as db:
            cursor = db.execute("UPDATE outbox SET state = 'unknown' WHERE state = 'sending'")
        if cursor.rowcount:
            logger.warning(
                "%d messages were in flight when the rules stopped; not sent again", cursor.rowcount
            )

    def drain(self, now: int) -> int:
        """Send what is due, within each notifier's rate. Returns how many were delivered. Blocks."""
        delivered = 0
        for name, notifier in self._notifiers.items():
            with self._book.transaction() as db:
                recent = db.execute(
                    "SELECT count(*) FROM outbox WHERE notifier = ? AND sent_at > ?", [name, now - _HOUR_MS]
                ).fetchone()[0]
                due = db.execute(
                    "SELECT o.id, o.alert, o.tries, h.id AS event, h.at, h.what, h.who, h.note, h.value"
                    " FROM outbox o JOIN history h ON h.id = o.history"
                    " WHERE o.notifier = ? AND o.state = 'due' AND o.due_at <= ? ORDER BY o.id LIMIT ?",
                    [name, now, max(0, notifier.max_per_hour - recent)],
                ).fetchall()
            for row in due:
                delivered += self._one(notifier, row["id"], row["tries"], now, Event(
                    row["event"], row["alert"], row["at"], row["what"], row["who"], row["note"], row["value"]
                ))  # fmt: skip
        return delivered

    def _one(self, notifier: Notifier, number: int, tries: int, now: int, event: Event) -> int:
        alert = self._book.get(event.alert)
        if not notifier.wants(alert):
            self._mark(number, "skipped", now)
            return 0
        self._mark(number, "sending", now)
        message = Message(f"{event.id}-{notifier.name}", alert, event, render(notifier, alert, event))
        try:
            self._deliver(notifier, message)
        except NotSent as error:
            failed = tries + 1 >= MOST_TRIES
            wait = min(_HOUR_MS, 30_000 * 2**tries)
            with self._book.transaction() as db:
                db.execute(
                    "UPDATE outbox SET state = ?, tries = tries + 1, due_at = ?, error = ? WHERE id = ?",
                    ["failed" if failed else "due", now + wait, str(error)[:500], number],
                )
            if tries == 0 or failed:
                logger.warning("not sent%s: %s", ", given up" if failed else "", error)
            return 0
        self._mark(number, "sent", now)
        return 1

    def _mark(self, number: int, state: str, now: int) -> None:
        sent = now if state == "sent" else None
        with self._book.transaction() as db:
            db.execute("UPDATE outbox SET state = ?, sent_at = ? WHERE id = ?", [state, sent, number])
