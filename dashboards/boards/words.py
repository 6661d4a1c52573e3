"""What every board says in both languages, and how levels and severities look."""

from __future__ import annotations

from typing import Literal, NamedTuple

Lang = Literal["zh", "en"]
LANGUAGES: tuple[Lang, ...] = ("zh", "en")


class Text(NamedTuple):
    """One thing said twice."""

    zh: str
    en: str

    def to(self, lang: Lang) -> str:
        return self.zh if lang == "zh" else self.en


# Okabe and Ito's palette: told apart by people with any form of colour blindness.
BLUE, SKY, GREEN, YELLOW, ORANGE, RED, PURPLE, GREY = (
    "#0072B2",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#E69F00",
    "#D55E00",
    "#CC79A7",
    "#8C8C8C",
)

LEVELS: dict[str, tuple[Text, str]] = {
    "ok": (Text("正常", "OK"), GREEN),
    "watch": (Text("关注", "Watch"), SKY),
    "warning": (Text("预警", "Warning"), ORANGE),
    "exceeded": (Text("超限", "Exceeded"), RED),
    "insufficient_data": (Text("数据不足", "Insufficient data"), GREY),
}
"""Quota level -> its words and colour."""

QUOTA_SHARES: tuple[tuple[float | None, str], ...] = ((None, GREEN), (0.9, ORANGE), (1.0, RED))
"""Share of a quota -> colour, from each value up."""
COVERAGES: tuple[tuple[float | None, str], ...] = ((None, RED), (0.75, ORANGE), (0.95, GREEN))
"""Data coverage -> colour, from each value up."""

STATES: dict[str, tuple[Text, str]] = {
    "open": (Text("未处理", "Open"), RED),
    "acknowledged": (Text("已确认", "Acknowledged"), ORANGE),
    "snoozed": (Text("已暂缓", "Snoozed"), GREY),
    "resolved": (Text("已恢复", "Resolved"), GREEN),
}
SEVERITIES: dict[str, tuple[Text, str]] = {
    "info": (Text("提示", "Info"), SKY),
    "watch": (Text("关注", "Watch"), SKY),
    "warning": (Text("警告", "Warning"), ORANGE),
    "critical": (Text("严重", "Critical"), RED),
}
GRADES: dict[str, str] = {"A": GREEN, "B": SKY, "C": YELLOW, "D": ORANGE, "E": RED}

TYPES: dict[str, Text] = {
    "government_office": Text("机关办公", "Government office"),
    "commercial_office": Text("商务办公", "Commercial office"),
    "mall": Text("商场", "Mall"),
    "hotel": Text("宾馆饭店", "Hotel"),
    "school": Text("中小学", "School"),
    "university": Text("高校", "University"),
    "library": Text("文化场馆", "Library and culture"),
    "hospital": Text("医疗卫生", "Hospital"),
    "sport": Text("体育", "Sport"),
    "mixed_use": Text("综合", "Mixed use"),
    "other": Text("其他", "Other"),
}
CLASSES: dict[str, Text] = {
    "A": Text("办公建筑", "Offices"),
    "B": Text("商场建筑", "Shops"),
    "C": Text("宾馆饭店", "Hotels"),
    "D": Text("文化教育", "Education and culture"),
    "E": Text("医疗卫生", "Health care"),
    "F": Text("体育建筑", "Sport"),
    "G": Text("综合建筑", "Mixed use"),
    "H": Text("其他建筑", "Other"),
}
"""Letter in a building's id -> the national class that it stands for; coarser than a type."""

CARRIERS: dict[str, Text] = {
    "electricity": Text("电", "Electricity"),
    "water": Text("水", "Water"),
    "gas": Text("天然气", "Natural gas"),
    "heat": Text("供热", "Heat"),
    "cooling": Text("供冷", "Cooling"),
    "steam": Text("蒸汽", "Steam"),
}

SUPPLY: dict[str, Text] = {
    "grid": Text("电网购电", "From the grid"),
    "pv": Text("光伏发电", "Photovoltaics"),
    "export": Text("上网电量", "Export"),
}
"""Item of daily electricity that says where it came from or went."""

BASES: dict[str, Text] = {
    "energy_kwh": Text("用能（kWh）", "Energy (kWh)"),
    "energy_kgce": Text("综合能耗（kgce）", "Energy (kgce)"),
    "carbon_kgco2": Text("碳排放（kgCO₂）", "Carbon (kgCO₂)"),
}
"""Basis of a quota -> its words."""

BUILDING = Text("建筑", "Building")
NAME = Text("名称", "Name")
SCHEME = Text("标准", "Scheme")
BASIS = Text("口径", "Basis")
UNIT = Text("单位", "Unit")
TYPE = Text("类型", "Type")
REGION = Text("地区", "Region")
ENERGY = Text("用能", "Energy")
EUI = Text("单位面积电耗", "Use per m²")
AREA = Text("建筑面积", "Floor area")
COVERAGE = Text("数据覆盖率", "Data coverage")
ESTIMATED = Text("估算占比", "Estimated share")
LEVEL = Text("等级", "Level")
SHARE = Text("已用定额", "Share of quota")
EXPECTED = Text("应用定额", "Expected share")
FORECAST = Text("预测", "Forecast")
LIMIT = Text("定额", "Quota")
USED = Text("已用", "Used")
PERIOD = Text("周期", "Period")
TIME = Text("时间", "Time")
EMPTY = Text("无数据", "No data")
