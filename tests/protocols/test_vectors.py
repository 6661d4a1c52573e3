"""Every recorded vector agrees with our codecs, or says why it does not apply."""

from pathlib import Path
from typing import Any

import pytest
import run_vectors

FOLDER = Path(__file__).parent.parent / "vectors"
VECTORS = list(run_vectors.vectors(FOLDER))


@pytest.mark.parametrize("vector", [vector for _, vector in VECTORS], ids=lambda vector: vector["id"])
def test_vector_does_not_differ(vector: dict[str, Any]) -> None:
    outcome = run_vectors.judge(vector)
    assert outcome.verdict != "differs", str(outcome)


def test_a_folder_without_vectors_is_no_success(tmp_path: Path) -> None:
    assert run_vectors.main([str(tmp_path)]) == 2


def test_a_wrong_value_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (FOLDER / "dlt645_2007.json").read_text("utf-8").replace('"value": 4.999', '"value": 4.998')
    (tmp_path / "wrong.json").write_text(text, "utf-8")
    assert run_vectors.main([str(tmp_path)]) == 1
    assert "current_l1: expected 4.998, got 4.999" in capsys.readouterr().out


def test_a_good_frame_marked_malformed_differs(tmp_path: Path) -> None:
    text = (FOLDER / "dlt645_2007.json").read_text("utf-8").replace('"status": "ok"', '"status": "malformed"')
    (tmp_path / "wrong.json").write_text(text, "utf-8")
    assert run_vectors.main([str(tmp_path)]) == 1
