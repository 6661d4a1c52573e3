"""Ratios on the command line: `ct_ratio=40`, and since when a changed one holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from beacon.commands.edge_status import source_of
from beacon.language import chinese
from drivers.errors import BeaconError, RequestError
from edge.config import EdgeConfig
from edge.config_file import load
from edge.history import KEEP_DAYS, RatioRequest, RegisterKey, corrected
from edge.recorder import register_specs
from edge.requests import known, request_ratios

_NEXT = (
    "采集程序按新倍率运行（systemctl reload beacon-edge，单栋部署请重启 beacon-site）、当前一刻钟结束"
    "且此前数据全部入库后，将自动重发该时间起各时段的更正电量；更正情况见采集程序页面及中心的 "
    "`beacon events`。已核算的月份请执行 `beacon rules recompute --from`。",
    "The agent sends the intervals since then again, once it runs with this ratio (systemctl reload "
    "beacon-edge, or restart beacon-site), a quarter of an hour is over, and all others are stored; its page "
    "and, at the centre, `beacon events` then show it. Past months are judged again by "
    "`beacon rules recompute --from`.",
)


def ratios(texts: Iterable[str]) -> dict[str, float]:
    """NAME=VALUE texts as numbers by name. Raises BeaconError."""
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise BeaconError(f"--ratio {text}: write NAME=VALUE, such as ct_ratio=40") from None
    return found


def hold(path: Path, device: str, since: str) -> None:
    """Leave word for the agent that the ratios of edge.toml hold since a time.

    Raises ConfigError, RequestError, or BeaconError if the spool cannot be read.
    """
    config = load(path)
    at = _time(since)
    requests = list(_requests(config, path, device, round(at.timestamp() * 1000)))
    request_ratios(config.spool.path, requests)
    for request in requests:
        print(f"{device} {request.quantity}: {request.scale:g}, {at:%Y-%m-%d %H:%M %Z} –")
    print(_NEXT[0 if chinese() else 1])


def _time(text: str) -> datetime:
    """ISO time; local time of this machine where it names no zone."""
    try:
        at = datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise RequestError(f"--since {text}: write a time such as 2026-03-03T09:30") from None
    if at > datetime.now().astimezone():
        raise RequestError(f"--since {text} is in the future: {at:%Y-%m-%d %H:%M %Z}")
    return at


def _requests(config: EdgeConfig, path: Path, device: str, since: int) -> Iterable[RatioRequest]:
    """One for each register whose intervals change."""
    source = source_of(config, path, device)
    found, taken, oldest = [], [], 0
    for quantity, spec in register_specs(config.profile_of(source), source, 0):
        register = known(config.spool.path, RegisterKey(device, spec.carrier, spec.direction), quantity)
        if register.scale is None or not register.rows:
            continue
        oldest = max(oldest, register.rows[0].start)
        taken.append((quantity, register.scale))
        pending = register.scale != spec.scale
        if pending or corrected(register.rows, since, spec.scale).intervals:
            found.append(RatioRequest(device, quantity, since, spec.scale))
    if not taken:
        raise RequestError(f"this edge has no intervals of {device} yet: there is nothing to correct")
    if since < oldest:
        first = datetime.fromtimestamp(oldest / 1000).astimezone()
        raise RequestError(
            f"this edge keeps intervals of {KEEP_DAYS} days, of {device} since {first:%Y-%m-%d %H:%M %Z}. "
            f"Give --since {first:%Y-%m-%dT%H:%M} to correct those. Energy before that stays as it was sent: "
            "it is wrong by the factor old ratio / new ratio; say so where it is reported"
        )
    if not found:
        now = ", ".join(f"{quantity} with {scale:g}" for quantity, scale in taken)
        raise RequestError(
            f"nothing to correct: since then {device} was read with the ratio of {path.name} ({now}). "
            "Write the new ratio into that file first"
        )
    return found
