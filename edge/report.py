"""What an edge says of itself: a JSON object, Prometheus text, and a small page."""

from __future__ import annotations

import html
import time
from typing import Any

from drivers.quantity import quantity
from edge.assembly import Agent
from edge.spool_rows import EventRow

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="10">
<style>body{{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;margin:1rem auto;max-width:60rem;
padding:0 1rem;color-scheme:light dark}}table{{border-collapse:collapse;width:100%}}
td,th{{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #8884}}.bad{{color:#c22}}</style>
<h1>{title}</h1><table>{facts}</table>
<h2>Devices <span lang="zh">设备</span></h2>
<table><tr><th>Device 设备<th>State 状态<th>Last reading 最近读数<th>Values 数值</tr>{devices}</table>
<h2>Counter events <span lang="zh">表计事件</span></h2><table>{events}</table>"""


def status(agent: Agent) -> dict[str, Any]:
    """The state of everything, for `/status.json` and `beacon edge status`."""
    depth, uplink = agent.spool.depth, agent.uplink
    return {
        "site": agent.config.site,
        "edge": agent.config.edge,
        "config_hash": agent.config.hash,
        "clock": {"trusted": agent.clock.trusted, "now": agent.clock.now()},
        "uplink": {
            "connected": uplink.connected,
            "unacknowledged": uplink.unacknowledged,
            **{name: getattr(uplink.counts, name) for name in uplink.counts.__slots__},
        },
        "spool": {
            "batches": depth.batches,
            "bytes": depth.bytes,
            "oldest_at": depth.oldest_at,
            "dropped_samples": agent.dropped_samples,
            "dropped_intervals": depth.dropped_intervals,
            "trouble": agent.spool.trouble,
        },
        "taken": {
            "samples": agent.recorder.samples_taken,
            "values": agent.recorder.values_taken,
            "intervals": agent.recorder.intervals_made,
        },
        "buses": {
            schedule.name: {
                "load": round(schedule.load, 4),
                **{name: getattr(schedule.counts, name) for name in schedule.counts.__slots__},
            }
            for schedule in agent.schedules
        },
        "devices": _devices(agent),
    }


def _devices(agent: Agent) -> dict[str, Any]:
    found: dict[str, Any] = {}
    polled = {p.device_id: p for schedule in agent.schedules for p in schedule.devices}
    for source in agent.config.sources():
        sample = agent.recorder.latest.get(source.id)
        poll = polled.get(source.id)
        found[source.id] = {
            "error": poll.error if poll else agent.source_errors.get(source.id, ""),
            "refused": poll.driver.refused if poll else [],
            "learnt_quiet_ms": round(1000 * poll.driver.learnt_quiet_s) if poll else 0,
            "reads": poll.reads if poll else None,
            "failed_reads": poll.failed_reads if poll else None,
            "at": sample.at if sample else None,
            "values": sample.present() if sample else {},
        }
    return found


def metrics(agent: Agent) -> str:
    """Prometheus text format 0.0.4."""
    now, lines = agent.clock.now(), []
    depth, counts = agent.spool.depth, agent.uplink.counts
    plain: list[tuple[str, str, str, float]] = [
        ("samples_taken_total", "counter", "samples read from devices", agent.recorder.samples_taken),
        ("values_taken_total", "counter", "values in these samples", agent.recorder.values_taken),
        ("intervals_made_total", "counter", "finished intervals", agent.recorder.intervals_made),
        ("spool_batches", "gauge", "batches that wait", depth.batches),
        ("spool_bytes", "gauge", "bytes that wait", depth.bytes),
        (
            "spool_oldest_seconds",
            "gauge",
            "age of the oldest batch",
            (now - depth.oldest_at) / 1000 if depth.oldest_at else 0,
        ),
        ("spool_trouble", "gauge", "1 while the disk takes no data", bool(agent.spool.trouble)),
        ("dropped_samples_total", "counter", "samples given up", agent.dropped_samples),
        ("dropped_intervals_total", "counter", "intervals given up", depth.dropped_intervals),
        ("uplink_connected", "gauge", "1 while the broker is connected", agent.uplink.connected),
        ("uplink_published_total", "counter", "batches published", counts.published),
        ("uplink_resent_total", "counter", "batches published again", counts.resent),
        ("uplink_stored_total", "counter", "batches acknowledged", counts.stored),
        ("uplink_rejected_total", "counter", "batches rejected", counts.rejected),
        ("clock_trusted", "gauge", "1 while the clock is believed", agent.clock.trusted),
    ]
    for name, kind, text, value in plain:
        lines += [f"# HELP beacon_edge_{name} {text}", f"# TYPE beacon_edge_{name} {kind}"]
        lines.append(
            f"beacon_edge_{name} {float(value):g}" if value < 1e6 else f"beacon_edge_{name} {int(value)}"
        )
    lines += _labelled(
        "bus_load", "gauge", "share of time busy", "bus", {s.name: s.load for s in agent.schedules}
    )
    lines += _labelled(
        "bus_overruns_total", "counter", "rounds past their deadline", "bus",
        {s.name: s.counts.overruns for s in agent.schedules},
    )  # fmt: skip
    lines += _labelled(
        "bus_timeouts_total", "counter", "requests without an answer", "bus",
        {s.name: bus.timeouts for s, bus in zip(agent.schedules, agent.buses, strict=True)},
    )  # fmt: skip
    polled = {p.device_id: p for schedule in agent.schedules for p in schedule.devices}
    lines += _labelled(
        "device_learnt_quiet_seconds", "gauge", "pause before requests that was learnt", "device",
        {name: p.driver.learnt_quiet_s for name, p in polled.items()},
    )  # fmt: skip
    lines += _labelled(
        "device_up", "gauge", "1 while the device answers", "device",
        {name: not p.failures for name, p in polled.items()},
    )  # fmt: skip
    lines += _labelled(
        "device_failed_reads_total", "counter", "reads without an answer", "device",
        {name: p.failed_reads for name, p in polled.items()},
    )  # fmt: skip
    return "\n".join(lines) + "\n"


def _labelled(name: str, kind: str, text: str, label: str, values: dict[str, float]) -> list[str]:
    head = [f"# HELP beacon_edge_{name} {text}", f"# TYPE beacon_edge_{name} {kind}"]
    return head + [f'beacon_edge_{name}{{{label}="{key}"}} {float(value):g}' for key, value in values.items()]


def page(agent: Agent, events: list[EventRow]) -> str:
    """One page for the technician at the cabinet."""
    state = status(agent)
    spool, uplink = state["spool"], state["uplink"]
    facts = {
        "Broker 服务器": "connected 已连接" if uplink["connected"] else "not connected 未连接",
        "Waiting 待传": f"{spool['batches']} batches, {spool['bytes'] / 1e6:.1f} MB",
        "Stored 已入库": f"{uplink['stored']} batches, {uplink['rejected']} rejected",
        "Dropped 丢弃": f"{spool['dropped_samples']} samples, {spool['dropped_intervals']} intervals",
        "Disk 磁盘": spool["trouble"] or "ok",
        "Clock 时钟": _when(state["clock"]["now"]) if state["clock"]["trusted"] else "not trusted yet 未校准",
    }
    return _PAGE.format(
        title=html.escape(f"Beacon edge {state['site']} / {state['edge']}"),
        facts="".join(f"<tr><th>{k}<td>{html.escape(str(v))}" for k, v in facts.items()),
        devices="".join(_device_row(name, device) for name, device in state["devices"].items()),
        events="".join(
            f"<tr><td>{_when(e.at)}<td>{html.escape(e.device)}<td>{html.escape(e.quantity)}<td>{e.kind}"
            f"<td>{e.before:g} → {e.after:g}"
            for e in events
        )
        or "<tr><td>none 无",
    )


def _device_row(name: str, device: dict[str, Any]) -> str:
    shown = list(device["values"].items())[:6]
    values = ", ".join(f"{q} {value:g} {quantity(q).unit}" for q, value in shown)
    problem = device["error"]
    state = f'<td class="bad">{html.escape(problem)}' if problem else "<td>ok"
    if device["refused"]:
        state += "<br>refused 拒绝: " + html.escape("; ".join(device["refused"]))
    if device["learnt_quiet_ms"]:
        state += f"<br>pause 间隔 +{device['learnt_quiet_ms']} ms"
    at = _when(device["at"]) if device["at"] else ""
    return f"<tr><td>{html.escape(name)}{state}<td>{at}<td>{html.escape(values)}"


def _when(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at / 1000))
