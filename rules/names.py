"""What carriers and their readings are called in a chain."""

from __future__ import annotations

from functools import cache

from drivers.carrier import ITEMS, UNIT, Carrier
from rules.model import Words

CARRIER_ZH: dict[str, str] = {
    Carrier.ELECTRICITY: "电力",
    Carrier.WATER: "水",
    Carrier.GAS: "天然气",
    Carrier.HEAT: "供热",
    Carrier.COOLING: "供冷",
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
    "total": "总量",
    "grid": "网购电量",
    "pv": "光伏发电",
    "pv_self_use": "光伏自用",
    "export": "上网",
    "heating": "供暖",
    "special": "特殊用能区域",
} | {code: zh for code, (zh, _) in ITEMS.items()}


BASIS: dict[str, tuple[str, str]] = {
    "energy_kwh": ("能耗", "energy"),
    "energy_kgce": ("综合能耗", "energy, coal equivalent"),
    "carbon_kgco2": ("碳排放", "carbon"),
    "electricity_kwh": ("用电量", "electricity"),
    "non_heating_kgce": ("非供暖能耗", "non-heating energy"),
    "heating_kgce": ("供暖能耗", "heating energy"),
    "per_person_kgce": ("人均综合能耗", "energy per person"),
    "relative_kwh": ("相对目标", "relative target"),
    "absolute_kwh": ("绝对目标", "absolute target"),
    "site_eui_kbtu": ("现场能耗强度", "site energy intensity"),
    "energy_star_score": ("能源之星得分", "ENERGY STAR score"),
    "operational_rating": ("运行评级", "operational rating"),
    "carbon_level": ("碳效水平", "carbon level"),
    "carbon_grade": ("碳效等级", "carbon grade"),
}
"""What a measure of a scheme is about, (zh, en); its unit stands beside its numbers."""
INPUT_ZH: dict[str, str] = {
    "area": "建筑面积",
    "net_area": "扣除特殊用能区域的建筑面积",
    "heated_area": "供暖面积",
    "area_ft2": "建筑面积（平方英尺）",
    "people": "用能人数",
    "beds": "床位数",
    "rooms": "客房数",
    "seats": "座位数",
    "hours_per_year": "年使用时间（h）",
    "m2_per_person": "人均建筑面积（m²）",
    "discipline": "学科门类",
    "equipment_asset_value": "设备资产总值",
    "energy_star_score": "能源之星得分",
    "operational_rating": "运行评级",
    "history_kwh": "历年用电量（kWh）",
    "reference_kwh_m2": "基准年能耗强度（kWh/m²）",
    "typical_kgco2_m2": "同类建筑典型碳排放强度（kgCO₂/m²）",
    "uses": "各用途面积",
    "value_added_10k_yuan": "增加值（万元）",
    "co2_t": "碳排放量（t）",
    "deduct_zero_carbon_t": "扣减的零碳能源排放量（t）",
    "industry_mean_t_per_10k_yuan": "行业平均碳强度（t/万元）",
    "cvc_kwh_m2": "暖通空调分项限值（kWh/m²）",
    "use_kwh_m2": "使用分项限值（kWh/m²）",
    "green_power_kwh": "绿电用量（kWh）",
    "cooling_plant_cop": "冷站能效比",
    "pv_self_use": "光伏自用电量",
    "type": "建筑类型",
    "sub_class": "建筑分类",
    "climate_zone": "气候区",
}
"""What a scheme may ask a building for, and what amounts are divided by, in Chinese."""

_CONFIDENCE_ZH = {
    "single source": "单一来源",
    "confirmed": "已核实",
    "operator": "运营方提供",
    "inferred": "推算",
    "sources disagree": "来源不一致",
}


def confidence_zh(text: str) -> str:
    """How far a row can be trusted; an unknown text stands for itself."""
    if text.startswith("confirmed by"):
        return f"{''.join(each for each in text if each.isdigit())} 个来源一致"
    return _CONFIDENCE_ZH.get(text, text)


@cache
def input_of(name: str) -> Words:
    """What a scheme asks for by name; an operator's own name stands for itself."""
    return Words(name, INPUT_ZH.get(name, name))


def asked_zh(name: str) -> str:
    """An input in a sentence: with the name under which a file gives it."""
    return f"{INPUT_ZH[name]}（{name}）" if name in INPUT_ZH else name


@cache
def factor_of(carrier: str, item: str) -> Words:
    return Words(f"factor of {carrier} ({item})", f"{_said(carrier, item)}系数")


@cache
def readings_of(carrier: str, item: str) -> Words:
    return Words(f"readings of {carrier} ({item})", f"{_said(carrier, item)}读数")


@cache
def unit_of(carrier: str) -> str:
    """The native unit of a carrier."""
    return UNIT[Carrier(carrier)]


def _said(carrier: str, item: str) -> str:
    return f"{CARRIER_ZH.get(carrier, carrier)}（{_ITEM_ZH.get(item, item)}）"
