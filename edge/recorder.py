"""From samples to durable batches: restamp, account, encode, commit. One flush, one transaction."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import orjson

from drivers.carrier import Carrier, Direction
from drivers.profile import Profile
from drivers.sample import Sample, Status
from edge.clock import Clock
from edge.config import Device, EdgeConfig, Source
from edge.encode import SampleEncoder
from edge.history import RatioRequest, RegisterKey, corrected
from edge.ledger import Event, Register, RegisterSpec, micro_to_unit
from edge.pieces import Finished, event_pieces, interval_pieces, sample_pieces
from edge.spool import Spool
from edge.spool_rows import HELD, SAMPLES, Commit, EventRow, ExchangeRequest, Piece, Sealed
from edge.wire import Quality

logger = logging.getLogger(__name__)

SAVE_STATES_EVERY_MS = 60_000
HELD_PAGE = 16
MAX_WAITING_SAMPLES = 10_000
DEFAULT_MAX_POWER = 10_000.0
EARLIEST_MS = 946_684_800_000
_CLOCK_ESTIMATED = int(Quality.CLOCK_ESTIMATED)
_AGE_UNKNOWN, _STAMPED_LATER = int(Status.AGE_UNKNOWN), int(Status.CLOCK_ESTIMATED)


@dataclass(slots=True)
class _Account:
    """The registers of one device by quantity, and where they stand in each shape of sample."""

    building: str
    registers: dict[str, Register]
    places: dict[tuple[str, ...], list[tuple[int, Register]]]


class Recorder:
    """Takes samples from the drivers and turns them, flush by flush, into what the spool holds."""

    def __init__(self, config: EdgeConfig, spool: Spool, clock: Clock) -> None:
        self._spool, self._clock = spool, clock
        self._encoder = SampleEncoder()
        self._accounts: dict[str, _Account] = {}
        self._spool_id = ""
        self._samples: deque[Sample] = deque(maxlen=MAX_WAITING_SAMPLES)
        self._provisional: deque[tuple[int, Sample]] = deque(maxlen=MAX_WAITING_SAMPLES)  # monotonic ms
        self._events: list[EventRow] = []
        self._told: dict[tuple[str, str, str], tuple[int, int]] = {}  # last event: its time, and the one told
        self._unsaved: set[str] = set()
        self._never_saved: set[str] = set()
        self._saved_at = clock.monotonic_ms()
        self._held = self._asked = False
        self.overflowed = 0  # samples given up because the disk did not answer
        self.samples_taken = self.values_taken = self.intervals_made = 0
        self.latest: dict[str, Sample] = {}
        for source in config.sources():
            self._add(config, source)

    def _add(self, config: EdgeConfig, source: Source) -> None:
        profile, building = config.profile_of(source), config.building_of(source)
        self._encoder.add_device(source.id, building, profile.kind)
        period = (source.fast_s or config.poll.fast_s) if isinstance(source, Device) else source.period_s
        registers = {}
        for quantity, spec in register_specs(profile, source, gap_ms=max(90_000, round(3_000 * period))):
            registers[quantity] = Register(spec, self._noter(source.id, quantity))
        self._accounts[source.id] = _Account(building, registers, {})

    def _noter(self, device: str, quantity: str) -> Callable[[Event], None]:
        def note(event: Event) -> None:
            logger.warning("%s %s %s", device, quantity, event)
            key = (device, quantity, event.kind)
            at, told = self._told.get(key, (0, 0))
            told = told + 1 if event.at == at else event.at  # two at one time are two events
            self._told[key] = event.at, told
            row = (event.kind, event.before, event.after, event.counted)
            self._events.append(EventRow(told, device, quantity, *row))

        return note

    async def start(self) -> None:
        """Take up the accounts where the last run left them."""
        self._spool_id = self._spool.id
        states = await self._spool.states()
        self._never_saved = self._accounts.keys() - states.keys()
        for device, body in states.items():
            account = self._accounts.get(device)
            if account is None:
                continue
            for quantity, state in orjson.loads(body).items():
                if quantity in account.registers:
                    account.registers[quantity].load(state)
        self._held = bool(await self._spool.held(1))

    async def adopt(self, config: EdgeConfig) -> None:
        """Go on with another configuration: devices that stay keep their accounts, ratios may change.

        To be called between two flushes.
        """
        states = await self._spool.states()
        old, self._accounts = self._accounts, {}
        for source in config.sources():
            self._add(config, source)
            before = old.get(source.id)
            saved = {} if before else orjson.loads(states.get(source.id, b"{}"))
            for quantity, register in self._accounts[source.id].registers.items():
                if before is not None:
                    former = before.registers.get(quantity)
                    if former is not None and former.begun:
                        register.load(former.dump())
                elif quantity in saved:
                    register.load(saved[quantity])
        known = self._accounts.keys()
        self._never_saved = (self._never_saved & known) | (known - states.keys())
        self._unsaved = (self._unsaved | old.keys()) & known
        self.latest = {device: sample for device, sample in self.latest.items() if device in known}

    def take(self, sample: Sample) -> None:
        """Accept a sample stamped by the clock as it is now. Cheap; durable after the next flush."""
        self.samples_taken += 1
        self.values_taken += len(sample.values)
        self.latest[sample.device] = sample
        if self._clock.trusted:
            self.overflowed += len(self._samples) == MAX_WAITING_SAMPLES
            self._samples.append(sample)
        else:
            self.overflowed += len(self._provisional) == MAX_WAITING_SAMPLES
            monotonic = sample.at - (self._clock.now() - self._clock.monotonic_ms())
            self._provisional.append((monotonic, sample))

    async def flush(self, forget: list[int], *, last: bool = False, connected: bool = False) -> list[Sealed]:
        """Make durable what was taken since the last flush, and what was acknowledged forgotten.

        connected: somebody would answer. While the clock is not trusted an empty batch asks for the time,
        which every acknowledgement carries.
        """
        self._clock.check()
        work = Commit(forget=forget)
        if not self._clock.trusted:
            self._hold(work)
            if connected and not self._asked:
                self._asked = True
                now = max(self._clock.now(), EARLIEST_MS)
                work.pieces.append(Piece(SAMPLES, b"[]", 0, now, now))
            return await self._spool.commit(work, max(self._clock.now(), EARLIEST_MS))
        sealed: list[Sealed] = []
        if self._held or self._provisional:
            sealed = await self._release()
        samples = list(self._samples)
        self._samples.clear()
        finished = self._account(samples)
        requests = await self._spool.requests()
        self._take_exchanges(work, finished, requests.exchanges)
        self._pieces(work, samples, finished)
        if requests.ratios and not finished:
            await self._take_ratios(work, requests.ratios)
        self._save(work, finished, last)
        self._tell_events(work)
        return sealed + await self._spool.commit(work, self._clock.now())

    def _hold(self, work: Commit) -> None:
        """Keep samples against the monotonic clock until the time is known."""
        if not self._provisional:
            return
        taken = list(self._provisional)
        self._provisional.clear()
        body = orjson.dumps([(at, s.device, s.fields, s.values, int(s.status)) for at, s in taken])
        work.pieces.append(Piece(HELD, body, len(taken), taken[0][0], taken[-1][0], self._clock.boot))
        self._held = True

    async def _release(self) -> list[Sealed]:
        """Stamp what was held, oldest first, page by page: each page is one transaction."""
        offsets = self._offsets(await self._spool.held_boots(), await self._spool.meta("trusted_at"))
        sealed: list[Sealed] = []
        while self._held:
            pages = await self._spool.held(HELD_PAGE)
            if not pages:
                self._held = False
                break
            samples = [
                self._stamped(Sample(device, at, tuple(fields), tuple(values), Status(status)), offsets[boot])
                for _, boot, body in pages
                for at, device, fields, values, status in orjson.loads(body)
                if device in self._accounts
            ]
            sealed += await self._commit_stamped(samples, [seq for seq, _, _ in pages])
        taken = list(self._provisional)
        self._provisional.clear()
        offset = self._clock.now() - self._clock.monotonic_ms()
        held_in_memory = [self._stamped(_at(sample, at), offset) for at, sample in taken]
        return sealed + await self._commit_stamped(held_in_memory, [])

    async def _commit_stamped(self, samples: list[Sample], forget: list[int]) -> list[Sealed]:
        work = Commit(forget=forget)
        finished = self._account(samples)
        self._pieces(work, samples, finished)
        self._save(work, finished, last=True)
        return await self._spool.commit(work, self._clock.now())

    def _stamped(self, sample: Sample, offset: int) -> Sample:
        status = sample.status | Status.CLOCK_ESTIMATED
        return Sample(sample.device, sample.at + offset, sample.fields, sample.values, status)

    def _offsets(self, boots: list[tuple[str, int, int]], trusted_at: int | str | None) -> dict[str, int]:
        """True time less monotonic time of each boot.

        Of this boot it is known. An earlier boot ended before the next one began, and its samples
        were taken after the clock was last trusted: the latest time that fits is taken, because
        power cuts are mostly short.
        """
        earliest = int(trusted_at or 0)
        offsets = {self._clock.boot: self._clock.now() - self._clock.monotonic_ms()}
        next_began = offsets[self._clock.boot]
        for boot, first, last in reversed(boots):
            if boot not in offsets:
                offsets[boot] = max(next_began - last, earliest - first)
            next_began = offsets[boot]
        return offsets

    def _account(self, samples: Iterable[Sample]) -> Finished:
        """Feed the registers, in order; returns the intervals that are complete.

        A reading of unknown age is left out: energy cannot be laid into time by it.
        """
        finished: Finished = []
        accounts, unsaved = self._accounts, self._unsaved
        for sample in samples:
            account = accounts.get(sample.device)
            if account is None:  # read before a reload took the device away
                continue
            places = account.places.get(sample.fields)
            if places is None:
                places = self._places(account, sample.fields)
            status = sample.status
            if not places or status & _AGE_UNKNOWN:
                continue
            unsaved.add(sample.device)
            flags = _CLOCK_ESTIMATED if status & _STAMPED_LATER else 0
            for index, register in places:
                reading = sample.values[index]
                if reading is None:
                    continue
                intervals = register.update(sample.at, reading, flags)
                if intervals:
                    spec = register.spec
                    finished.append(
                        (account.building, sample.device, spec.carrier, spec.direction, intervals)
                    )
        return finished

    def _places(self, account: _Account, fields: tuple[str, ...]) -> list[tuple[int, Register]]:
        if len(account.places) > 64:  # a source whose payloads never look the same
            account.places.clear()
        places = [(i, account.registers[name]) for i, name in enumerate(fields) if name in account.registers]
        account.places[fields] = places
        return places

    def _take_exchanges(self, work: Commit, finished: Finished, requests: list[ExchangeRequest]) -> None:
        """Book what `beacon edge exchange` has left in the spool."""
        for request in requests:
            work.exchanges_done.append(request.id)
            found = self._register(request.device, request.quantity)
            if found is None:
                logger.warning("exchange of unknown %s %s is left out", request.device, request.quantity)
                continue
            register, building = found
            intervals = register.exchange(request.at, request.final, request.initial)
            spec = register.spec
            finished.append((building, request.device, spec.carrier, spec.direction, intervals))
            self._unsaved.add(request.device)

    async def _take_ratios(self, work: Commit, requests: list[RatioRequest]) -> None:
        """Send again, with the ratio that held, what `beacon edge ratio` has named.

        At the centre the last word on an interval counts. So the first word on each must be stored there,
        and the interval in which the ratio was changed in edge.toml must be over.
        """
        if await self._spool.intervals_wait():
            return
        for request in requests:
            device, quantity, since, scale = request
            found = self._register(device, quantity)
            if found is None:
                logger.warning("ratio of unknown %s %s is left out", device, quantity)
                work.ratios_done.append(request)
                continue
            register, building = found
            spec = register.spec
            if register.mixed or spec.scale != scale:
                continue
            key = RegisterKey(device, spec.carrier, spec.direction)
            made = corrected(await self._spool.kept(key), since, scale)
            work.pieces += interval_pieces([(building, device, spec.carrier, spec.direction, made.intervals)])
            work.corrected.append((key, made.kept))
            work.ratios_done.append(request)
            if made.new:
                self._noter(device, quantity)(
                    Event(since, "ratio_since", made.before, scale, micro_to_unit(made.added))
                )

    def _register(self, device: str, quantity: str) -> tuple[Register, str] | None:
        """A register and its building, if the configuration has it."""
        account = self._accounts.get(device)
        register = account.registers.get(quantity) if account else None
        return (register, account.building) if account and register else None

    def _pieces(self, work: Commit, samples: Sequence[Sample], finished: Finished) -> None:
        work.pieces += sample_pieces(samples, self._encoder)
        work.pieces += interval_pieces(finished)
        for _, device, carrier, direction, intervals in finished:
            key = RegisterKey(device, carrier, direction)
            self.intervals_made += len(intervals)
            work.made += [(key, interval) for interval in intervals]

    def _tell_events(self, work: Commit) -> None:
        """Keep what happened to registers, for the status page, and send it."""
        work.events, self._events = self._events, []
        work.pieces += event_pieces(work.events, self._encoder)

    def _save(self, work: Commit, finished: Finished, last: bool) -> None:
        """Save accounts when they begin, with the intervals that they explain, and all once a minute.

        An account that is older than the samples after it is still exact: the next reading's
        difference is taken from it.
        """
        if self._spool.id != self._spool_id:  # a new file began: it knows none of the accounts
            self._spool_id = self._spool.id
            self._never_saved = set(self._accounts)
            self._unsaved |= self._never_saved
        now = self._clock.monotonic_ms()
        due = last or bool(work.exchanges_done) or now - self._saved_at >= SAVE_STATES_EVERY_MS
        begun = self._unsaved & self._never_saved
        devices = self._unsaved if due else begun | {account[1] for account in finished}
        self._never_saved -= begun
        for device in devices:
            registers = self._accounts[device].registers
            work.states[device] = orjson.dumps(
                {quantity: register.dump() for quantity, register in registers.items() if register.begun}
            )
        if due:
            self._saved_at = now
            self._unsaved = set()
            work.meta["trusted_at"] = self._clock.now()


def register_specs(profile: Profile, source: Source, gap_ms: int) -> list[tuple[str, RegisterSpec]]:
    """What is known of each register that is booked; the first one of a carrier and direction counts."""
    given = {k: v for k, v in profile.installer_ratios.items() if v is not None} | source.all_ratios()
    factors = {point.quantity.name: point.factors for point in profile.points}
    specs: dict[tuple[Carrier, Direction], tuple[str, RegisterSpec]] = {}
    for counter in profile.counters:
        scale = 1.0
        for factor in factors.get(counter.quantity, ()):
            scale *= given.get(factor, 1.0)
        spec = RegisterSpec(
            counter.carrier,
            counter.direction,
            modulus=None if counter.modulus is None else counter.modulus * scale,
            resolution=counter.resolution * scale,
            relative_resolution=counter.relative_resolution,
            max_per_hour=source.max_power or DEFAULT_MAX_POWER,
            gap_ms=gap_ms,
            scale=scale,
        )
        specs.setdefault((counter.carrier, counter.direction), (counter.quantity, spec))
    return list(specs.values())


def _at(sample: Sample, at: int) -> Sample:
    return Sample(sample.device, at, sample.fields, sample.values, sample.status)
