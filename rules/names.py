"""What carriers and their readings are called in a chain."""

from __future__ import annotations

from functools import cache

from drivers.carrier import ITEMS, UNIT, Carrier
from rules.model import Words

CARRIER_ZH: dict[str, str] = {
    Carrier.ELECTRICITY: "电力",
    Carrier.WATER: "水",
    Carrier.GAS: "天然气",
    Carrier.HEAT: "热力",
    Carrier.COOLING: "冷量",
    Carrier.OTHER: "其他能源",
    Carrier.COAL: "煤",
    Carrier.LPG: "液化石油气",
    Carrier.MANUFACTURED_GAS: "人工煤气",
    Carrier.PETROL: "汽油",
    Carrier.KEROSENE: "煤油",
    Carrier.DIESEL: "柴油",
    Carrier.RENEWABLE: "可再生能源",
    Carrier.STEAM: "蒸汽",
}
_ITEM_ZH = {
    "total": "合计",
    "grid": "电网供电",
    "pv": "光伏发电",
    "pv_self_use": "光伏自用",
    "export": "上网",
    "heating": "供暖",
    "special": "特殊区域",
} | {code: zh for code, (zh, _) in ITEMS.items()}


@cache
def factor_of(carrier: str, item: str) -> Words:
    return Words(f"factor of {carrier} ({item})", f"{_said(carrier, item)}的因子")


@cache
def readings_of(carrier: str, item: str) -> Words:
    return Words(f"readings of {carrier} ({item})", f"{_said(carrier, item)}读数")


@cache
def unit_of(carrier: str) -> str:
    """The native unit of a carrier."""
    return UNIT[Carrier(carrier)]


def _said(carrier: str, item: str) -> str:
    return f"{CARRIER_ZH.get(carrier, carrier)}（{_ITEM_ZH.get(item, item)}）"
