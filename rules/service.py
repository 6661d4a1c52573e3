"""The rules as a program: judge daily rows, watch the last samples, keep alerts, send messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from collector.model import JudgementRow
from collector.registry import Registry
from collector.store import Store
from drivers.errors import StoreUnavailable
from rules.alerts import AlertBook, Finding
from rules.conditions import Condition
from rules.config import Rules
from rules.model import LEVEL_WORDS, Level
from rules.names import BASIS
from rules.notify import Outbox
from rules.runner import evaluate, now_ms
from rules.watch import Change, Watch

logger = logging.getLogger(__name__)

EDGE_OFFLINE = "edge-offline"
_QUOTA_SEVERITY = {Level.WARNING: "warning", Level.EXCEEDED: "critical"}


@dataclass
class Rounds:
    """One round of each kind, for the loop and for tests. All of it blocks."""

    store: Store
    registry: Registry
    rules: Rules
    book: AlertBook
    started: int = 0  # ms UTC; no device is silent for the time before

    def __post_init__(self) -> None:
        file = self.rules.file
        self.outbox = Outbox(self.book, file.notifier)
        schemes = [*(budget.as_scheme for budget in self.rules.budgets), *self.rules.schemes.values()]
        self._called = {scheme.id: (scheme.name_en, scheme.name_zh) for scheme in schemes}
        self._by_id = {condition.id: condition for condition in file.condition}
        firing = [key for key in self.book.firing() if key[0] in self._by_id]
        self._watch = Watch(file.condition, self.registry, file.calendar, firing, self.started)

    def judge(self, now: int) -> list[JudgementRow]:
        """Judge and store the running periods, and open or resolve the alerts of quotas."""
        rows = evaluate(self.store, self.registry, self.rules, now)
        for row in rows:
            self._quota_alert(row, now)
        return rows

    def watch(self, now: int) -> list[Change]:
        """Look at every condition once, keep alerts, wake and escalate."""
        latest = self.store.latest() if self._by_id else []
        changes = self._watch.look(now, latest)
        offline = self._edges(now)
        for change in changes:
            self._condition_alert(change, offline, now)
        self.book.tick(now)
        return changes

    def _quota_alert(self, row: JudgementRow, now: int) -> None:
        rule = f"quota:{row.scheme}:{row.basis}"
        severity = _QUOTA_SEVERITY.get(Level(row.level))
        if severity is None:
            if row.level != Level.INSUFFICIENT_DATA:
                self.book.clear(rule, row.building, row.period, now, row.share)
            return
        en, zh = LEVEL_WORDS[row.level]
        called_en, called_zh = self._called.get(row.scheme, (row.scheme, row.scheme))
        basis_zh, basis_en = BASIS.get(row.basis, (row.basis, row.basis))
        finding = Finding(
            rule, row.building, row.period, severity,
            f"{called_en}, {basis_en}, {row.period}: {en}",
            f"{called_zh}，{basis_zh}，{row.period}：{zh}",
            now, row.used if row.level == Level.EXCEEDED else row.forecast, row.limit,
        )  # fmt: skip
        self.book.fire(finding, now)

    def _condition_alert(self, change: Change, offline: dict[str, int], now: int) -> None:
        condition = self._by_id[change.condition]
        if change.state == "clear":
            self.book.clear(change.condition, change.building, change.device, now, change.value)
            return
        cause = offline.get(change.building) if condition.kind == "no_data" else None
        self.book.fire(finding_of(condition, change), now, cause=cause)

    def _edges(self, now: int) -> dict[str, int]:
        """Building -> alert of its edges being offline; a building is silent when all its edges are."""
        state = {f"{row.site}/{row.edge}": bool(row.status.get("online", True)) for row in self.store.edges()}
        found: dict[str, int] = {}
        for edge, online in sorted(state.items()):
            if online:
                self.book.clear(EDGE_OFFLINE, "", edge, now)
                continue
            buildings = [
                building.id for building in self.registry.buildings.values() if edge in building.edges
            ]
            title = ", ".join(buildings[:5]) + (" …" if len(buildings) > 5 else "")
            finding = Finding(
                EDGE_OFFLINE,
                "",
                edge,
                "critical",
                f"Edge {edge} is offline: {title}",
                f"边缘网关 {edge} 离线：{title}",
                now,
            )
            alert = self.book.fire(finding, now)
            for building in buildings:
                if all(not state.get(other, True) for other in self.registry.buildings[building].edges):
                    found[building] = alert.id
        for building, alert_id in found.items():
            silent = [
                alert.id
                for alert in self.book.list("active", building)
                if alert.cause is None
                and alert.rule in self._by_id
                and self._by_id[alert.rule].kind == "no_data"
            ]
            self.book.explain(silent, alert_id)
        return found


def finding_of(condition: Condition, change: Change) -> Finding:
    return Finding(
        condition.id, change.building, change.device, condition.severity, condition.name_en,
        condition.name_zh, change.since, change.value, change.limit, condition.escalate_after_s,
    )  # fmt: skip


async def run(
    store: Store,
    registry: Registry,
    rules: Rules,
    book: AlertBook,
    *,
    clock: Callable[[], int] = now_ms,
) -> None:
    """Judge, watch and send until cancelled. A store that does not answer is asked again next round."""
    rounds = await asyncio.to_thread(Rounds, store, registry, rules, book, clock())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_repeat("judge", rounds.judge, rules.file.interval_s, clock), name="judge quotas")
        tasks.create_task(
            _repeat("watch", rounds.watch, rules.file.conditions_interval_s, clock), name="watch conditions"
        )
        tasks.create_task(_repeat("send", rounds.outbox.drain, 5.0, clock), name="send messages")


async def _repeat(
    name: str, once: Callable[[int], Sequence[object] | int], every_s: float, clock: Callable[[], int]
) -> None:
    """Call `once` in a thread on a fixed grid; a late round is followed by the next grid point."""
    loop = asyncio.get_running_loop()
    due, lost = loop.time(), False
    while True:
        try:
            await asyncio.to_thread(once, clock())
        except StoreUnavailable as error:
            if not lost:
                logger.warning(
                    "%s: the store does not answer, asking again every %g s: %s", name, every_s, error
                )
            lost = True
        else:
            if lost:
                logger.info("%s: the store answers again", name)
            lost = False
        due += every_s * max(1, -(-(loop.time() - due) // every_s))
        await asyncio.sleep(due - loop.time())
