"""`beacon demo --once` as a user types it: everything, once, and a summary that can be believed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def beacon(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "beacon", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=200, check=False)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_once_runs_the_whole_way_and_tells_what_it_found(tmp_path: Path) -> None:
    done = beacon("demo", "--once", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["buildings"] == 12
    assert summary["devices"] > 80
    assert summary["samples_read"] == summary["samples_stored"] > 100
    assert summary["intervals_stored"] > 3_000_000
    flagged = {(each["building"], each["basis"]): each["level"] for each in summary["flagged"]}
    assert flagged["330108A002", "energy_kwh"] in {"warning", "exceeded"}
    assert flagged["330502D002", "energy_kwh"] == "insufficient_data"
    assert len({building for building, _ in flagged}) == 5
    announced = tmp_path / "out" / summary["announcement"]
    assert "公示" in (announced / "announcement.zh.html").read_text("utf-8")
    assert (announced / "announcement.en.csv").stat().st_size > 500
    site = beacon("site", "check", "out/site.toml", cwd=tmp_path)
    assert site.returncode == 0, site.stderr


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    done = beacon("demo", "--once", "--out", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 1
    assert "holds something else" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
