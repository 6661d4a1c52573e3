"""Write docs/register-events.md from the words and models of events: `python docs/events.py`."""

from __future__ import annotations

import inspect
from pathlib import Path

from collector.sqlite_schema import EVENT_COLUMNS
from dashboards.meter_events import ADDED, COUNTED, KINDS
from edge.history import KEEP_DAYS
from edge.wire import MAX_EVENTS, RegisterEvent

TARGET = Path(__file__).parent / "register-events.md"
PLACES = {"before": "*before*", "after": "*after*", "counted": "*counted*", "unit": "kWh"}
TEXT = """# Register events

What happened to a counter: it was reset, it rolled over, the meter was exchanged, its CT ratio changed. The
edge decides each case from the readings that it sees in order, books the energy, and tells what it did as
an event. Nothing is decided again at the centre, so that the events explain the interval records.

Generated from the words and models (`python docs/events.py`); a test compares.

## Where to see them

- `beacon events BUILDING --from 2026-01-01`: one line each, `--lang zh` or `en`, `--json` for programs.
- The audit pack (`beacon audit`): a section of its own, and a sheet of the workbook with all of them.
- The edge's own page and log, beside the meter.
- Prometheus: `beacon_collector_register_events_total` counts what was stored.

## Kinds

| kind | 中文 | English |
|---|---|---|
{kinds}

*counted* follows where the edge had to decide what lies between the two readings: {counted_zh};
{counted_en}. Of `ratio_since` it is the change of the energy that was sent before: {added_zh}; {added_en}.

A kind that a collector does not know is stored and shown by its name.

## On the wire

In `events` of a batch ([schema](wire/batch.schema.json)), at most {most} in one.

```
{described}
```

An event is taken only for a building that the registry knows and whose `edges` name the sender, with a
quantity of the vocabulary, and a time that does not lie in the future. What is refused becomes a dead
letter of its own with the reason, the others are stored, and `beacon collector dead-letters replay` stores
it when the cause is gone. A batch that breaks the schema is refused as a whole, as with samples and
intervals.

## In the store

SQLite: table `event` with {columns}; key building, at, device, quantity, kind. A file that was made before
there were events gets the table when it is opened, in one transaction.

InfluxDB: measurement `register_event` in the bucket of energy, which is kept; tags building, device, kind,
quantity; fields before, after, counted; time in ms.

Either way the last event of a key counts: a batch that is delivered again changes nothing.

## A CT ratio that was written down late

The fitter changes the transformers on Tuesday, somebody writes the new ratio into `edge.toml` on Thursday.
A reload (SIGHUP) or restart takes the ratio up; from then on readings are right (event `ratio`). For the
days between, say since when it held:

```sh
beacon edge ratio /etc/beacon/edge.toml main --since 2026-03-03T09:30
```

The time is local time of the machine, unless it names a zone (`+08:00`). Before or after the reload is the
same: the word waits in the spool until the agent runs with that ratio. Then the edge sends the intervals
since that time again, each with the dial's own growth times the new ratio. At the centre the last word on
an interval counts, so a correction goes out only when every interval before it is known to be stored, and
after the quarter of an hour in which the ratio changed. Days and months are rolled up again by themselves;
months that are judged already by `beacon rules recompute --from`. Event `ratio_since` says what was added.

- The quarter of an hour in which `--since` lies is split evenly and marked as estimated; all others are
  exact.
- The wrong date? Say it again: the last word counts, and what was corrected too much becomes again what was
  read.
- Said twice with the same date, the same intervals are sent again, and nothing changes.
- The edge keeps intervals of {days} days for this (about 10 MB for 100 meters). Energy from before stays as
  it was sent, because nobody has the dial's readings any more; the command refuses with the first time that
  it can correct from, and the report must say the factor. A new spool (new SD card) begins anew.
- Where two collectors take batches, a stalled one may still store an old copy after the correction: say it
  again.
- Raw samples (power, current, counters) stay as they were read; only energy is set right.
"""


def document() -> str:
    rows = [f"| `{kind}` | {zh} | {en} |" for kind, (zh, en) in KINDS.items()]
    return TEXT.format(
        kinds="\n".join(row.format(**PLACES) for row in rows),
        counted_zh=COUNTED[0].format(**PLACES),
        counted_en=COUNTED[1].format(**PLACES),
        added_zh=ADDED[0].format(**PLACES),
        added_en=ADDED[1].format(**PLACES),
        most=f"{MAX_EVENTS:,}",
        described=inspect.cleandoc(RegisterEvent.__doc__ or "").split("\n\n", 1)[1],
        columns=EVENT_COLUMNS,
        days=KEEP_DAYS,
    )


def main() -> None:
    TARGET.write_text(document(), "utf-8")


if __name__ == "__main__":
    main()
