"""The audit's words in both languages."""

from __future__ import annotations

from dashboards.boards.words import Lang

WORDS: dict[str, tuple[str, str]] = {
    "title": ("建筑能源审计资料", "Energy audit pack"),
    "through": ("数据截至", "Data through"),
    "tables": ("系数表版本", "Version of the tables"),
    "boundary": ("审计边界", "Boundary"),
    "name": ("名称", "Name"),
    "type": ("类型", "Type"),
    "area": ("建筑面积", "Floor area"),
    "heated": ("供暖面积", "Heated area"),
    "special": ("特殊区域面积", "Special area"),
    "year_built": ("建成年份", "Year built"),
    "zone": ("气候区", "Climate zone"),
    "address": ("地址", "Address"),
    "owner": ("业主", "Owner"),
    "operator": ("运营单位", "Operator"),
    "contracted": ("合同容量", "Contracted power"),
    "occupancy": ("使用情况", "Occupancy"),
    "summary": ("总体情况", "At a glance"),
    "energy": ("综合用能", "Final energy"),
    "on_year": ("同比", "On last year"),
    "eui": ("单位面积能耗", "Energy per area"),
    "carbon": ("碳排放", "Carbon"),
    "coverage": ("数据覆盖率", "Data coverage"),
    "estimated": ("估算占比", "Estimated share"),
    "monthly": ("逐月分项用能", "Month by month, by item"),
    "month": ("月份", "Month"),
    "rest": ("未分项用电", "Electricity without item"),
    "quota": ("定额与核算过程", "Quotas, step by step"),
    "no_quota": ("本期没有适用的定额。", "No quota holds for this period."),
    "step": ("步骤", "Step"),
    "formula": ("算式", "Formula"),
    "value": ("数值", "Value"),
    "unit": ("单位", "Unit"),
    "note": ("备注", "Note"),
    "forecast": ("预测", "Forecast"),
    "unofficial": ("依据未核实的限额，仅供参考", "rests on an unconfirmed limit, not official"),
    "days": ("逐日用电与异常", "Day by day, and unusual days"),
    "unusual_rule": (
        "异常日：与前后四周同一星期几的中位数相差超过 20 %，且超过其离散程度（4 倍 MAD）；图中以橙色标出。",
        "Unusual: more than 20 % from the median of the same weekdays four weeks before and after, and "
        "further than those scatter (4 MAD); orange in the chart.",
    ),
    "none_unusual": ("未发现异常日。", "No unusual day was found."),
    "day": ("日期", "Day"),
    "usual": ("通常 kWh", "Usual kWh"),
    "difference": ("偏差", "Difference"),
    "gaps": ("数据缺失（日覆盖率低于 95 %）", "Data gaps (days covered below 95 %)"),
    "none_gaps": ("本期每日覆盖率均不低于 95 %。", "Every day was covered to 95 % or more."),
    "events": ("表计事件", "What happened to meters"),
    "none_events": (
        "本期表计无复位、翻转、更换或倍率变更。",
        "No meter was reset, exchanged or given another ratio.",
    ),
    "more_events": ("其余 {0} 件见工作簿。", "{0} more are in the workbook."),
    "time": ("时间", "Time"),
    "event": ("事件", "Event"),
    "carrier": ("能源", "Carrier"),
    "first": ("起", "From"),
    "last": ("止", "To"),
    "heat_pump": ("热泵性能", "Heat pumps"),
    "heat": ("供热量", "Heat"),
    "drawn": ("耗电量", "Electricity drawn"),
    "renewable_heat": ("可再生热量", "Renewable heat"),
    "hints": ("节能线索", "Where energy can be saved"),
    "meters": ("计量器具与拓扑", "Meter tree"),
    "meter": ("表计", "Meter"),
    "part_of": ("上级", "Part of"),
    "role": ("作用", "Role"),
    "item": ("分项", "Item"),
    "source": ("来源", "Source"),
    "measured": ("本期计量", "Measured"),
    "factors": ("采用的系数与限额", "Factors and limits used"),
    "id": ("编号", "Id"),
    "kind": ("种类", "Kind"),
    "year": ("年份", "Year"),
    "confidence": ("可信度", "Confidence"),
}
"""Key -> (zh, en)."""

ROLES: dict[str, tuple[str, str]] = {
    "main": ("总表", "main"),
    "sub": ("分项表", "sub-meter"),
    "pv": ("光伏", "photovoltaics"),
    "check": ("校核", "check only"),
    "heat_pump": ("热泵", "heat pump"),
}


ZONES: dict[str, tuple[str, str]] = {
    "severe_cold": ("严寒地区", "severe cold"),
    "cold": ("寒冷地区", "cold"),
    "hot_summer_cold_winter": ("夏热冬冷地区", "hot summer, cold winter"),
    "hot_summer_warm_winter": ("夏热冬暖地区", "hot summer, warm winter"),
    "mild": ("温和地区", "mild"),
}
OCCUPANCY: dict[str, tuple[str, str]] = {
    "people": ("{0} 人", "{0} people"),
    "beds": ("{0} 张床位", "{0} beds"),
    "rooms": ("{0} 间客房", "{0} rooms"),
    "seats": ("{0} 个座位", "{0} seats"),
    "hours_per_year": ("年运行 {0} 小时", "{0} hours a year"),
    "m2_per_person": ("人均 {0} m²", "{0} m² per person"),
}


def zone_name(zone: str, lang: Lang) -> str:
    return ZONES.get(zone, (zone, zone))[0 if lang == "zh" else 1]


def occupancy_text(name: str, value: float, lang: Lang) -> str:
    plain = name.replace("_", " ") + " {0}"
    return OCCUPANCY.get(name, (plain, plain))[0 if lang == "zh" else 1].format(f"{value:,.6g}")


def word(key: str, lang: Lang) -> str:
    return WORDS[key][0 if lang == "zh" else 1]


def role_name(role: str, lang: Lang) -> str:
    return ROLES.get(role, (role, role))[0 if lang == "zh" else 1]
