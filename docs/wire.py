"""Write docs/wire/*.schema.json, the JSON Schema of what travels: `python docs/wire.py`."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from edge.wire import AckMessage, Batch, EdgeStatus

TARGET = Path(__file__).parent / "wire"
MODELS: dict[str, type[BaseModel]] = {"batch": Batch, "ack": AckMessage, "status": EdgeStatus}


def schemas() -> dict[str, str]:
    """File name -> content."""
    return {
        f"{name}.schema.json": json.dumps(model.model_json_schema(), indent=2, ensure_ascii=False) + "\n"
        for name, model in MODELS.items()
    }


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    for name, text in schemas().items():
        (TARGET / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
