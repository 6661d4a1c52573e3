"""Energy carriers and the national sub-metering items."""

from __future__ import annotations

from enum import StrEnum


class Carrier(StrEnum):
    """What is metered and paid for. National class codes: see `CLASS_CODE`."""

    ELECTRICITY = "electricity"
    WATER = "water"
    GAS = "gas"
    HEAT = "heat"
    COOLING = "cooling"
    OTHER = "other"
    COAL = "coal"
    LPG = "lpg"
    MANUFACTURED_GAS = "manufactured_gas"
    PETROL = "petrol"
    KEROSENE = "kerosene"
    DIESEL = "diesel"
    RENEWABLE = "renewable"
    STEAM = "steam"


UNIT: dict[Carrier, str] = {
    Carrier.ELECTRICITY: "kWh",
    Carrier.WATER: "m3",
    Carrier.GAS: "m3",
    Carrier.HEAT: "kWh",
    Carrier.COOLING: "kWh",
    Carrier.OTHER: "kgce",
    Carrier.COAL: "kg",
    Carrier.LPG: "kg",
    Carrier.MANUFACTURED_GAS: "m3",
    Carrier.PETROL: "kg",
    Carrier.KEROSENE: "kg",
    Carrier.DIESEL: "kg",
    Carrier.RENEWABLE: "kWh",
    Carrier.STEAM: "kg",
}
"""The native unit in which a carrier's energy is stored."""

CLASS_CODE: dict[Carrier, str] = {
    Carrier.ELECTRICITY: "01",
    Carrier.WATER: "02",
    Carrier.GAS: "03",
    Carrier.HEAT: "04",
    Carrier.COOLING: "05",
    Carrier.OTHER: "06",
    Carrier.COAL: "07",
    Carrier.LPG: "08",
    Carrier.MANUFACTURED_GAS: "09",
    Carrier.PETROL: "10",
    Carrier.KEROSENE: "11",
    Carrier.DIESEL: "12",
    Carrier.RENEWABLE: "13",
    Carrier.STEAM: "04",
}
"""National energy class codes of the 2008 monitoring guidelines (steam is counted as supplied heat)."""


class Direction(StrEnum):
    """Seen from the device's network: `import` is drawn by the load behind it, `export` is given back."""

    IMPORT = "import"
    EXPORT = "export"


ITEMS: dict[str, tuple[str, str]] = {
    "01A00": ("照明插座", "lighting and sockets"),
    "01A10": ("照明与插座", "indoor lighting and sockets"),
    "01A20": ("走廊与应急照明", "corridor and emergency lighting"),
    "01A30": ("室外景观照明", "outdoor lighting"),
    "01B00": ("空调", "air conditioning"),
    "01B10": ("冷热站", "plant room"),
    "01B1A": ("冷冻泵", "chilled-water pumps"),
    "01B1B": ("冷却泵", "cooling-water pumps"),
    "01B1C": ("冷机", "chillers and heat pumps"),
    "01B1D": ("冷却塔", "cooling towers"),
    "01B1E": ("热水循环泵", "hot-water pumps"),
    "01B1F": ("电锅炉", "electric boilers"),
    "01B20": ("空调末端", "air-conditioning terminals"),
    "01C00": ("动力", "power"),
    "01C10": ("电梯", "lifts"),
    "01C20": ("水泵", "water pumps"),
    "01C30": ("通风机", "ventilation fans"),
    "01D00": ("特殊用电", "special uses"),
    "01D10": ("信息中心", "data centre"),
    "01D20": ("洗衣房", "laundry"),
    "01D30": ("厨房餐厅", "kitchen and canteen"),
    "01D40": ("游泳池", "swimming pool"),
    "01D50": ("健身房", "gym"),
    "01D60": ("其他特殊", "other special uses"),
}
"""Electricity items of the national guideline: code -> (zh, en)."""


def item_code(text: str) -> str:
    """The five-character code of `01A`, `01B1` or `01B1C`. Raises ValueError if there is no such item."""
    code = text.strip().upper().ljust(5, "0")
    if code not in ITEMS:
        raise ValueError(f"{text!r} is not a national item; known: {', '.join(ITEMS)}")
    return code
