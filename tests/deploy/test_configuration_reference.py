"""docs/configuration.md says what the models say."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_configuration_reference_is_up_to_date() -> None:
    module = runpy.run_path(str(DOCS / "generate.py"), run_name="generate")
    written = (DOCS / "configuration.md").read_text("utf-8")
    assert written == module["reference"](), "run: python docs/generate.py"
    for _, model, _ in module["FILES"]:
        for name in model.model_fields:
            assert f"`{name}`" in written or f"[{name}]" in written
