"""Writing a file whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from drivers.errors import BeaconError


def write_whole(path: Path, data: bytes) -> None:
    """Write beside the target, then rename. Raises BeaconError if that is not possible; nothing is left."""
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=".part-", delete=False) as file:
            part = Path(file.name)
            file.write(data)
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        if part is not None:
            part.unlink(missing_ok=True)
        raise BeaconError(f"{path}: cannot be written: {error.strerror or error}") from error
