"""Ratios as they are given on the command line: `ct_ratio=40`."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.errors import BeaconError


def ratios(texts: Iterable[str]) -> dict[str, float]:
    """NAME=VALUE texts as numbers by name. Raises BeaconError."""
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise BeaconError(f"--ratio {text}: write NAME=VALUE, such as ct_ratio=40") from None
    return found
