"""From payloads to the store: parse, admit, write many batches in one step, then acknowledge each.

A batch is acknowledged only after the store's answer. While the store is unavailable nothing is
acknowledged, what has arrived is held within a bound, and the edges keep the rest.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import orjson

from collector.admission import Admission, Admitted, Part
from collector.batch_cut import CheckedSamples
from collector.dead_letters import DeadLetters
from collector.metrics import Metrics
from collector.model import EventRow
from collector.payload import PayloadError, identity, parse, unpack
from collector.store import PartlyStored, Store, StoreBusy
from drivers.errors import StoreUnavailable
from edge.wire import AckMessage, Acknowledgement

logger = logging.getLogger(__name__)

SendAck = Callable[[str, str, AckMessage], Awaitable[None]]

MAX_REASONS = 20
MAX_PEACE_S = 300.0  # the longest that a busy store's wish is heeded


@dataclass(slots=True)
class Received:
    """One payload on its way to the store. `done` is called once its fate is on disk.

    payload: as it came. letters: (reason, payload) of what is refused.
    size: bytes it holds in memory. kept: whether its letters are on disk; else it is not answered.
    """

    site: str
    edge: str
    payload: bytes
    done: Callable[[], None]
    admitted: Admitted
    letters: list[tuple[str, bytes]] = field(default_factory=list)
    size: int = 0
    kept: bool = True

    def refuse(self, reason: str) -> None:
        """Nothing of it is stored."""
        self.admitted.samples, self.admitted.intervals, self.admitted.events = [], [], []
        self.letters = [(reason, self.payload)]

    def acknowledgement(self) -> Acknowledgement:
        if not self.letters:
            return Acknowledgement(seq=self.admitted.seq, result="stored")
        stored = self.admitted.samples or self.admitted.intervals or self.admitted.events
        reasons = sorted({reason for reason, _ in self.letters})[:MAX_REASONS]
        return Acknowledgement(
            seq=self.admitted.seq, result="partly" if stored else "rejected", reasons=reasons
        )


class Ingest:
    """Takes payloads from `receive`, writes them in `run`, answers through `send_ack`.

    max_batches, max_bytes: the most that is held before `receive` waits.
    write_values: so many values are written in one step at most (a single batch may have more).
    """

    def __init__(
        self,
        store: Store,
        admission: Admission,
        dead_letters: DeadLetters,
        send_ack: SendAck,
        clock: Callable[[], int],
        metrics: Metrics | None = None,
        *,
        max_batches: int = 1000,
        max_bytes: int = 256 * 1024 * 1024,
        write_values: int = 200_000,
        retry_s: tuple[float, float] = (0.5, 30.0),
    ) -> None:
        self.admission = admission
        self._store = store
        self._dead_letters = dead_letters
        self._send_ack = send_ack
        self._clock = clock
        self._metrics = metrics or Metrics()
        self._queue: asyncio.Queue[Received] = asyncio.Queue(max_batches)
        self._max_bytes = max_bytes
        self._held_bytes = 0
        self._room = asyncio.Event()
        self._write_values = write_values
        self._retry_s = retry_s

    async def receive(self, site: str, edge: str, payload: bytes, done: Callable[[], None]) -> None:
        """Take one payload of `site/edge`; waits while the queue is full. Never raises for its content."""
        received = self._taken(site, edge, payload, done)
        self._metrics.received.inc()
        self._metrics.queued.set(self._queue.qsize() + 1)
        while self._held_bytes > self._max_bytes:
            self._room.clear()
            await self._room.wait()
        self._held_bytes += received.size
        await self._queue.put(received)

    def _taken(self, site: str, edge: str, payload: bytes, done: Callable[[], None]) -> Received:
        received = Received(site, edge, payload, done, Admitted("", 0, 0), size=len(payload))
        try:
            text = unpack(payload)
            received.admitted = self.admission.admit(site, edge, parse(text))
            received.letters = _letters(received.admitted)
            received.size += len(text)
        except PayloadError as error:
            received.admitted = Admitted(error.spool, error.seq, 0)
            received.refuse(str(error))
        except Exception as error:
            # A fault of ours: the same payload would come again after a restart, for ever.
            logger.exception("%s/%s: a payload could not be read", site, edge)
            received.admitted = Admitted(*identity(payload), 0)
            received.refuse(f"Beacon failed to read it: {error!r}")
        return received

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            batch = await self._next()
            await self._store_all(batch)
            self._held_bytes -= sum(each.size for each in batch)
            self._room.set()
            await self._acknowledge(batch)

    async def _next(self) -> list[Received]:
        """The oldest payload and all that wait behind it, within the bound of one write."""
        batch = [await self._queue.get()]
        values = batch[0].admitted.values
        while values < self._write_values and not self._queue.empty():
            batch.append(self._queue.get_nowait())
            values += batch[-1].admitted.values
        self._metrics.queued.set(self._queue.qsize())
        return batch

    async def _store_all(self, batch: Sequence[Received]) -> None:
        """Write, and try again ever more slowly until the store answers."""
        wait_s, longest_s = self._retry_s
        failed = False
        while True:
            try:
                await asyncio.to_thread(self._write, batch)
            except StoreUnavailable as error:
                if not failed:
                    logger.warning("store unavailable, nothing is acknowledged until it is back: %s", error)
                failed = True
                self._metrics.store_up.set(0)
                asked_s = error.after_s if isinstance(error, StoreBusy) else 0.0
                await asyncio.sleep(max(wait_s, min(asked_s, MAX_PEACE_S)))
                wait_s = min(wait_s * 2, longest_s)
            else:
                if failed:
                    logger.info("store is back")
                self._metrics.store_up.set(1)
                return

    def _write(self, batch: Sequence[Received]) -> None:
        began = time.perf_counter()
        self._write_groups(batch)
        self._metrics.write_seconds.observe(time.perf_counter() - began)
        self._metrics.values.inc(sum(each.admitted.values for each in batch))
        self._metrics.events.inc(sum(len(each.admitted.events) for each in batch))
        self._keep_letters([each for each in batch if each.letters])

    def _write_groups(self, batch: Sequence[Received]) -> None:
        """Write; where the store fails in a way of its own, halve until the payload that does it is alone."""
        samples = [group for each in batch for group in each.admitted.samples]
        intervals = [group for each in batch for group in each.admitted.intervals]
        events = [event for each in batch for event in each.admitted.events]
        if not samples and not intervals and not events:
            return
        try:
            self._store.write(samples, intervals, events)
        except StoreUnavailable:
            raise
        except PartlyStored as error:
            _hand_back(batch, error)
        except Exception as error:
            if len(batch) == 1:
                logger.exception("%s/%s: a batch could not be stored", batch[0].site, batch[0].edge)
                batch[0].refuse(f"Beacon failed to store it: {error!r}")
                return
            middle = len(batch) // 2
            for half in (batch[:middle], batch[middle:]):
                self._write_groups(half)

    def _keep_letters(self, refused: Sequence[Received]) -> None:
        """A batch whose letters find no room on disk is not answered: its edge sends it again."""
        for each in refused:
            for reason, _ in each.letters:
                self._metrics.rejected.inc()
                logger.warning("%s/%s batch %d: %s", each.site, each.edge, each.admitted.seq, reason)
        try:
            self._dead_letters.add_all(
                [(each.site, each.edge, *letter) for each in refused for letter in each.letters],
                self._clock(),
            )
        except StoreUnavailable as error:
            logger.warning("dead letters cannot be kept, their batches are not acknowledged: %s", error)
            for each in refused:
                each.kept = False

    async def _acknowledge(self, batch: Sequence[Received]) -> None:
        by_spool: dict[tuple[str, str, str], list[Acknowledgement]] = {}
        for each in batch:
            each.done()
            if each.admitted.seq and each.kept:
                key = (each.site, each.edge, each.admitted.spool)
                by_spool.setdefault(key, []).append(each.acknowledgement())
        for (site, edge, spool), acks in by_spool.items():
            await self._send_ack(site, edge, AckMessage(v=1, spool=spool, time=self._clock(), acks=acks))


def _letters(admitted: Admitted) -> list[tuple[str, bytes]]:
    return [(reason, as_batch(admitted, part)) for part, reason in admitted.refused]


def _hand_back(batch: Sequence[Received], error: PartlyStored) -> None:
    """Give what the store refused back to the batches it came in."""
    for rejected in error.rejected:
        for each in batch:
            admitted = each.admitted
            mine = [
                part
                for part in admitted.parts
                if (part.building, part.device) == (rejected.building, rejected.device)
            ]
            each.letters += [(rejected.reason, as_batch(admitted, part)) for part in mine]


def as_batch(admitted: Admitted, part: Part) -> bytes:
    """One group or event as a batch of its own, in the wire's form, so that it can be replayed."""
    batch: dict[str, object] = {
        "v": 1,
        "spool": admitted.spool,
        "seq": admitted.seq,
        "sealed_at": admitted.sealed_at,
    }
    if isinstance(part, CheckedSamples):
        names = ("building", "device", "kind", "fields", "rows")
        batch["samples"] = [{name: getattr(part, name) for name in names}]
    else:
        batch["events" if isinstance(part, EventRow) else "intervals"] = [part]
    return orjson.dumps(batch)
