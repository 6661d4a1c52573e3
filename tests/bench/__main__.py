"""Run every benchmark (`make bench`), or those named by a word (`python -m tests.bench edge`).

Each prints its figure, its reference and the ratio. No assert: a noisy machine is not a failed test.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def main() -> int:
    words = sys.argv[1:]
    files = [
        path for path in sorted(HERE.glob("bench_*.py")) if not words or any(w in path.stem for w in words)
    ]
    if not files:
        print(f"no benchmark matches {' '.join(words)}", file=sys.stderr)
        return 2
    print(f"{cpu_model()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")
    failed = 0
    for path in files:
        print(f"\n== {path.stem.removeprefix('bench_')}", flush=True)
        failed += (
            subprocess.run([sys.executable, str(path)], cwd=HERE.parent.parent, check=False).returncode != 0
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
