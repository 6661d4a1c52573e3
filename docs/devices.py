"""Write docs/devices.md from the device profiles: `python docs/devices.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from drivers import models
from drivers.models import profile_of, protocol_of
from drivers.profile import Profile

TARGET = Path(__file__).parent / "devices.md"
KINDS = (
    ("electricity", "Electricity meters"),
    ("heat", "Heat and cooling meters"),
    ("water", "Water meters and pulse counters"),
    ("gas", "Gas meters"),
    ("heat_pump", "Heat pumps, chillers and their controllers"),
    ("environment", "Environment"),
)
PROTOCOLS = {"dlt645_2007": "DL/T 645-2007", "dlt645_1997": "DL/T 645-1997", "cjt188": "CJ/T 188"}
TRANSPORTS = {"rtu": "RTU", "tcp": "TCP"}
MISSING = (
    ("Acrel ACR10R", "no scales; decimal points stand in registers whose use the sources do not explain"),
    ("Selec EM2M", "no scales"),
    ("Carel uC2", "one probe of one plant"),
    ("Engelmann SensoStar S3", "the unit codes that its values need"),
    ("Lorric FU-TX310", "the unit of flow and volume"),
    ("York YMAE", "two points, neither of them energy or power"),
    ("Ochsner BWWP Genius 333", "three points, neither of them energy or power"),
)
HEAD = """# Devices

Generated from the profiles (`python docs/devices.py`); a test compares.

Every number of a profile names its public source. *Two sources* is the share of a device's values that two
independent sources agree on; everything else rests on one. No share replaces a look at the display:
`beacon edge accept` compares, and writes the sheet. `beacon devices show NAME` lists every value with its
register, confidence and note.

`beacon edge scan` finds devices and proposes their profile. *Says*: what a device tells of itself.
"""


def main() -> None:
    TARGET.write_text(page(), "utf-8")


def page() -> str:
    """The whole page."""
    loaded = [(name, models.load(name)) for name in models.names()]
    parts = [HEAD, f"\n{len(loaded)} profiles, besides any device of Sparkplug B.\n"]
    for kind, title in KINDS:
        rows = [(name, model) for name, model in loaded if profile_of(model).kind == kind]
        if rows:
            parts += [f"\n## {title} ({len(rows)})\n\n", *_table(rows), *_traps(rows)]
    parts.append("\n## Maps that are known, and not enough\n\n| device | what is missing |\n|---|---|\n")
    parts += [f"| {device} | {missing} |\n" for device, missing in MISSING]
    return "".join(parts)


def _table(rows: Sequence[tuple[str, models.Model]]) -> list[str]:
    lines = [
        "| profile | maker | model | over | values | counters | two sources | to be given | says |\n",
        "|---|---|---|---|---:|---|---:|---|---|\n",
    ]
    for name, model in rows:
        profile = profile_of(model)
        cells = (
            f"`{name}`",
            profile.vendor,
            profile.model,
            _over(model),
            str(len(profile.quantities())),
            ", ".join(counter.quantity for counter in profile.counters) or "—",
            _share(profile),
            ", ".join(ratio for ratio, default in profile.installer_ratios.items() if default is None),
            ", ".join(dict.fromkeys(identity.means for identity in profile.identity)),
        )
        lines.append("| " + " | ".join(_cell(text) for text in cells) + " |\n")
    return lines


def _over(model: models.Model) -> str:
    protocol = protocol_of(model)
    if protocol in PROTOCOLS:
        return PROTOCOLS[protocol]
    profile = profile_of(model)
    modbus = [f"Modbus {TRANSPORTS[name]}" for name in (profile.modbus.transports if profile.modbus else ())]
    return ", ".join(modbus + (["MQTT"] if profile.mqtt else []))


def _share(profile: Profile) -> str:
    confidences = [point.confidence for point in profile.points]
    for topic in profile.mqtt.topics if profile.mqtt else ():
        confidences += [topic.confidence] * len(topic.points)
    if not confidences:
        return "—"
    return f"{100 * sum(text.startswith('two agree') for text in confidences) // len(confidences)} %"


def _traps(rows: Sequence[tuple[str, models.Model]]) -> list[str]:
    noted = [(name, profile_of(model).notes) for name, model in rows if profile_of(model).notes]
    if not noted:
        return []
    lines = ["\nTraps and remarks:\n\n"]
    for name, notes in noted:
        lines.append(f"- `{name}`: {'; '.join(note.rstrip('.') for note in notes)}\n")
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or " "


if __name__ == "__main__":
    main()
