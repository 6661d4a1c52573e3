"""National region codes: six digits, of which a city's last two and a province's last four are zero."""

from __future__ import annotations


def prefix(region: str) -> str:
    """The digits that ids in a region share: `330100` is a city, `330000` a province, `330106` a county."""
    if region.endswith("0000"):
        return region[:2]
    return region[:4] if region.endswith("00") else region
