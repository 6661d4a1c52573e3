"""Writing files whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from errno import EISDIR
from pathlib import Path

from drivers.errors import BeaconError


def write_set(directory: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files into a folder: all are on disk beside their targets before the first is renamed.

    Raises BeaconError if that is not possible; then nothing is changed and nothing is left.
    """
    parts: dict[Path, Path] = {}
    path = directory
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            path = directory / name
            if path.is_dir():
                raise IsADirectoryError(EISDIR, "a folder of this name is in the way")
            with tempfile.NamedTemporaryFile("wb", dir=directory, prefix=".part-", delete=False) as file:
                parts[path] = Path(file.name)
                file.write(data)
            parts[path].chmod(0o644)
        for path, part in parts.items():
            part.replace(path)
    except OSError as error:
        for part in parts.values():
            part.unlink(missing_ok=True)
        raise BeaconError(f"{path}: cannot be written: {error.strerror or error}") from error
    return list(parts)


def write_whole(path: Path, data: bytes) -> None:
    """Write beside the target, then rename. Raises BeaconError if that is not possible; nothing is left."""
    write_set(path.parent, {path.name: data})
