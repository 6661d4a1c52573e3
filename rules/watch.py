"""Evaluate condition rules on the last samples: pending, firing, clear; live and on the past alike."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from collector.model import Latest
from collector.registry import Building, Registry
from rules.conditions import BUILDING_VALUES, DERIVED, STATEFUL, Calendar, Condition, drawn_kw

Key = tuple[str, str, str]  # condition, building, device ("" for the building)
_RUNNING_KW = 0.5
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Change:
    """A rule began or ceased to hold. at, since: ms UTC; value is None for a silent device."""

    state: Literal["fire", "clear"]
    condition: str
    building: str
    device: str
    at: int
    since: int
    value: float | None
    limit: float | None


@dataclass(slots=True)
class _Track:
    since: int = -1  # ms when the condition began to hold, -1 while it does not
    firing: bool = False
    seen: int = -1  # at of the last sample counted
    value: float | None = None
    changed: int = -1  # when a watched value last changed


@dataclass(slots=True)
class _Starts:
    running: bool = False
    at: deque[int] = field(default_factory=deque)
    first: int = -1
    seen: int = -1


class Watch:
    """State of every rule on every device. One call of `look` a minute, or one a sample when replaying."""

    def __init__(
        self,
        conditions: Sequence[Condition],
        registry: Registry,
        calendar: Calendar | None = None,
        firing: Iterable[Key] = (),
        started: int = 0,
    ) -> None:
        """firing: what was firing before a restart, so that it is not announced again.

        started: ms UTC since when data could come in. Where edge and rules start together, a device
        is not silent for the time before that.
        """
        self._started = started
        self._registry = registry
        self._calendar = calendar or Calendar()
        self._tracks: dict[Key, _Track] = {key: _Track(firing=True, since=0) for key in firing}
        self._starts: dict[tuple[str, str], _Starts] = {}
        self._rules: dict[tuple[str, str, str], tuple[Condition, ...]] = {}
        self._zones: dict[str, ZoneInfo] = {}
        self._conditions = tuple(conditions)
        self._whole = tuple(condition for condition in conditions if condition.scope == "building")

    def look(self, now: int, latest: Iterable[Latest]) -> list[Change]:
        """Compare the last sample of each device, at `now` ms UTC; returns what changed."""
        changes: list[Change] = []
        fresh: dict[str, dict[str, Latest]] = {}
        local: dict[str, datetime] = {}
        buildings = self._registry.buildings
        whole = bool(self._whole)
        for row in latest:
            building = buildings.get(row.building)
            if building is None:
                continue
            if whole:
                fresh.setdefault(row.building, {})[row.device] = row
            for condition in self._rules_of(building, row):
                self._look_at(condition, building, row, now, local, changes)
        for condition in self._whole:
            for name, rows in fresh.items():
                building = buildings[name]
                if condition.covers(name, building.type, building.region):
                    self._look_at_building(condition, building, rows, now, local, changes)
        return changes

    def _rules_of(self, building: Building, row: Latest) -> tuple[Condition, ...]:
        key = (row.building, row.device, row.kind)
        found = self._rules.get(key)
        if found is None:
            found = self._rules[key] = tuple(
                condition
                for condition in self._conditions
                if condition.scope == "device"
                and condition.covers(building.id, building.type, building.region)
                and condition.watches(row.device, row.kind)
            )
        return found

    def _look_at(
        self,
        condition: Condition,
        building: Building,
        row: Latest,
        now: int,
        local: dict[str, datetime],
        changes: list[Change],
    ) -> None:
        key = (condition.id, row.building, row.device)
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = _Track()
        if condition.kind == "no_data":
            heard = row.at if track.firing else max(row.at, self._started)
            silent = now - heard >= condition.for_s * 1000
            held = silent and self._active(condition, building, now, local)
            self._turn(track, key, held, not silent, row.at, now, None, None, 0.0, changes)
            return
        if now - row.at > condition.max_age_s * 1000:
            if not track.firing:
                track.since = -1
            return
        value = self._value(condition, row)
        if condition.kind == "frozen":
            self._frozen(condition, building, track, key, value, row.at, now, local, changes)
            return
        self._compare(condition, building, track, key, value, row.at, now, local, changes)

    def _look_at_building(
        self,
        condition: Condition,
        building: Building,
        rows: Mapping[str, Latest],
        now: int,
        local: dict[str, datetime],
        changes: list[Change],
    ) -> None:
        known = {name: row for name, row in rows.items() if now - row.at <= condition.max_age_s * 1000}
        value = BUILDING_VALUES[condition.quantity](building, known)
        key = (condition.id, building.id, "")
        track = self._tracks.setdefault(key, _Track())
        at = max((row.at for row in known.values()), default=now)
        self._compare(condition, building, track, key, value, at, now, local, changes)

    def _value(self, condition: Condition, row: Latest) -> float | None:
        name = condition.quantity
        value = row.values.get(name)
        if value is not None:
            return value
        if name in DERIVED:
            return DERIVED[name](row.values)
        return self._starts_per_hour(row) if name in STATEFUL else None

    def _starts_per_hour(self, row: Latest) -> float | None:
        """Starts of the last hour; None until an hour has been watched."""
        power = drawn_kw(row.values)
        if power is None:
            return None
        starts = self._starts.setdefault((row.building, row.device), _Starts())
        if row.at > starts.seen:
            if starts.first < 0:
                starts.first, starts.running = row.at, power > _RUNNING_KW
            if power > _RUNNING_KW and not starts.running:
                starts.at.append(row.at)
            starts.running, starts.seen = power > _RUNNING_KW, row.at
        while starts.at and starts.at[0] <= row.at - _HOUR_MS:
            starts.at.popleft()
        return float(len(starts.at)) if row.at - starts.first >= _HOUR_MS else None

    def _frozen(
        self,
        condition: Condition,
        building: Building,
        track: _Track,
        key: Key,
        value: float | None,
        at: int,
        now: int,
        local: dict[str, datetime],
        changes: list[Change],
    ) -> None:
        if value is None:
            return
        if value != track.value or track.changed < 0:
            track.value, track.changed = value, at
        still = at - track.changed >= condition.for_s * 1000
        held = still and self._active(condition, building, now, local)
        self._turn(track, key, held, not still, track.changed, now, value, None, 0.0, changes)

    def _compare(
        self,
        condition: Condition,
        building: Building,
        track: _Track,
        key: Key,
        value: float | None,
        at: int,
        now: int,
        local: dict[str, datetime],
        changes: list[Change],
    ) -> None:
        limit = condition.limit_for(building)
        if value is None or limit is None:
            if not track.firing:
                track.since = -1
            return
        if track.seen >= 0 and at - track.seen > condition.max_age_s * 1000 and not track.firing:
            track.since = -1
        track.seen = max(track.seen, at)
        beyond = value > limit if condition.above is not None else value < limit
        back = (
            value <= limit - condition.hysteresis
            if condition.above is not None
            else value >= limit + condition.hysteresis
        )
        active = self._active(condition, building, now, local)
        self._turn(
            track, key, beyond and active, back or not active, at, now, value, limit, condition.for_s, changes
        )

    def _turn(
        self,
        track: _Track,
        key: Key,
        held: bool,
        back: bool,
        at: int,
        now: int,
        value: float | None,
        limit: float | None,
        for_s: float,
        changes: list[Change],
    ) -> None:
        """Pending, firing, clear: between the limit and the hysteresis nothing changes."""
        if track.firing:
            if back and not held:
                track.firing, since, track.since = False, track.since, -1
                changes.append(Change("clear", *key, now, since, value, limit))
            return
        if not held:
            track.since = -1
            return
        if track.since < 0:
            track.since = at
        if max(at, now if for_s == 0 else at) - track.since >= for_s * 1000:
            track.firing = True
            changes.append(Change("fire", *key, now, track.since, value, limit))

    def _active(self, condition: Condition, building: Building, now: int, local: dict[str, datetime]) -> bool:
        active = condition.active
        if not active.hours and active.days == "all" and not active.months:
            return True
        zone = building.time_zone
        if zone not in local:
            info = self._zones.setdefault(zone, ZoneInfo(zone))
            local[zone] = datetime.fromtimestamp(now / 1000, UTC).astimezone(info)
        return active.holds(local[zone], self._calendar)
