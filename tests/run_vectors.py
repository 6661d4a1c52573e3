"""Decode recorded vectors with the project's codecs and profiles: `python tests/run_vectors.py DIR`.

Reads every *.json in DIR that holds a list of vectors. Prints one line a vector: agree, differs
(expected and got) or not applicable (why). Exit code 0 if none differs, 1 if one does, 2 if DIR
holds no vectors.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vector_checks import cjt188, dlt645, images, modbus, mqtt
from vector_checks.compare import Outcome

from drivers.errors import BeaconError, FrameError

CHECKS = {
    "DL/T 645": dlt645.check,
    "CJ/T 188": cjt188.check,
    "Modbus RTU": modbus.check_rtu,
    "Modbus TCP": modbus.check_tcp,
    "Modbus ASCII": modbus.check_ascii,
    "Modbus register image": images.check_registers,
    "Modbus bit image": images.check_bits,
    "MQTT": mqtt.check,
}


def vectors(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """File name and vector, of every vector file in a folder."""
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise FrameError(f"{path.name}: not JSON: {error}") from None
        found = content.get("vectors", []) if isinstance(content, dict) else content
        yield from ((path.name, vector) for vector in found if isinstance(vector, dict))


def judge(vector: dict[str, Any]) -> Outcome:
    """The outcome of one vector. A typed error where a value was due is a difference."""
    protocol = vector.get("protocol", "")
    for prefix, check in CHECKS.items():
        if protocol.startswith(prefix):
            try:
                return check(vector)
            except BeaconError as error:
                return Outcome("differs", [f"expected values, got {type(error).__name__}: {error}"])
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                return Outcome("differs", [f"the vector itself cannot be read: {error!r}"])
    return Outcome("not applicable", [f"no codec for protocol {protocol!r}"])


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python tests/run_vectors.py DIR", file=sys.stderr)
        return 2
    count: Counter[str] = Counter()
    try:
        for file, vector in vectors(Path(arguments[0])):
            outcome = judge(vector)
            count[outcome.verdict] += 1
            print(f"{file} {vector.get('id', '?')}: {outcome}")
    except FrameError as error:
        print(error, file=sys.stderr)
        return 1
    if not count:
        print(f"no vectors in {arguments[0]}", file=sys.stderr)
        return 2
    print(", ".join(f"{number} {verdict}" for verdict, number in sorted(count.items())))
    return 1 if count["differs"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
