"""The audit's words in both languages."""

from __future__ import annotations

from dashboards.boards.words import Lang

WORDS: dict[str, tuple[str, str]] = {
    "title": ("建筑能源审计资料", "Energy audit pack"),
    "through": ("数据截至", "Data through"),
    "made_on": ("编制日期", "Made on"),
    "tables": ("系数表版本", "Version of the tables"),
    "boundary": ("审计边界", "Boundary"),
    "building_id": ("建筑编号", "Building id"),
    "name": ("建筑名称", "Name"),
    "region": ("所在地区", "Region"),
    "type": ("建筑类型", "Type"),
    "area": ("建筑面积", "Floor area"),
    "heated": ("供暖面积", "Heated area"),
    "special": ("特殊用能区域面积", "Special area"),
    "year_built": ("建成年份", "Year built"),
    "zone": ("建筑气候区", "Climate zone"),
    "address": ("地址", "Address"),
    "owner": ("业主单位", "Owner"),
    "operator": ("运营单位", "Operator"),
    "contracted": ("合同容量", "Contracted power"),
    "occupancy": ("使用情况", "Occupancy"),
    "period": ("审计期", "Period"),
    "summary": ("总体情况", "At a glance"),
    "energy": ("能耗总量", "Final energy"),
    "energy_big": ("万 kWh", "MWh"),
    "of_kgce": ("综合能耗 {0} tce", "{0} tce"),
    "on_year": ("同比", "On last year"),
    "eui": ("单位建筑面积能耗", "Energy per area"),
    "carbon": ("碳排放量", "Carbon"),
    "cost": ("能源费用", "Cost of energy"),
    "coverage": ("数据覆盖率", "Data coverage"),
    "estimated": ("估算占比", "Estimated share"),
    "carriers": ("分品种用能与碳排放", "Energy and carbon by carrier"),
    "amount": ("用量", "Amount"),
    "used_factors": ("采用系数", "Factors"),
    "total": ("合计", "Total"),
    "methods": (
        "碳排放量三种核算结果：基于位置 {0} tCO₂，扣除绿电 {1} tCO₂，剩余电网因子 {2} tCO₂。",
        "Carbon by three methods: location-based {0} tCO₂, green power deducted {1} tCO₂, "
        "residual factor {2} tCO₂.",
    ),
    "monthly": ("逐月分项用能", "Month by month, by item"),
    "month": ("月份", "Month"),
    "share": ("占比", "Share"),
    "rest": ("未分项用电", "Without item"),
    "baseline": ("基准对比", "Against baselines"),
    "last_year": ("与上年同期比较", "Against the same days of the year before"),
    "this": ("本期 kWh", "This year kWh"),
    "before": ("上年同期 kWh", "Year before kWh"),
    "degree_days": ("度日数 HDD18 / CDD26（℃·d）", "Degree days HDD18 / CDD26 (°C·d)"),
    "degree_days_before": ("上年同期度日数", "Year before, degree days"),
    "before_short": ("上年", "year before"),
    "no_year_before": (
        "上年同期无足够数据，不作比较。",
        "The same days of the year before have too little data to compare with.",
    ),
    "weather": ("气象修正基准（用电）", "Weather-adjusted baseline (electricity)"),
    "weather_model": (
        "以 {first} 至 {last} 共 {days} 天逐日用电量对度日数回归："
        "工作日 {base} kWh，周末 {weekend} kWh{terms}；"
        "调整后 R² {r2}，CV(RMSE) {cv}。",
        "Daily electricity of {days} days from {first} to {last} against degree days: "
        "{base} kWh on a working day, {weekend} kWh at weekends{terms}; adjusted R² {r2}, CV(RMSE) {cv}.",
    ),
    "heating_term": (
        "，供暖度日（基准 {0} ℃）每度日 {1} kWh",
        ", {1} kWh per heating degree day below {0} °C",
    ),
    "cooling_term": (
        "，供冷度日（基准 {0} ℃）每度日 {1} kWh",
        ", {1} kWh per cooling degree day above {0} °C",
    ),
    "weather_result": (
        "在本期气象条件下，{days} 天按基准应用电 {expected} kWh，实际 {actual} kWh，{change}。",
        "In this period's weather {days} days would have taken {expected} kWh by the baseline; they took "
        "{actual} kWh, {change}.",
    ),
    "higher": ("高出 {0}", "{0} more"),
    "lower": ("降低 {0}", "{0} less"),
    "no_weather": (
        "基准年逐日数据或室外温度不足（至少 328 天），未建立气象修正基准。",
        "No weather-adjusted baseline: it takes 328 days of the year before with energy and temperature.",
    ),
    "quota": ("定额评价", "Quotas"),
    "no_quota": ("本期没有适用的定额。", "No quota holds for this period."),
    "scheme": ("定额标准", "Scheme"),
    "basis": ("核算口径", "Basis"),
    "used": ("实际用量", "Used"),
    "limit": ("定额", "Quota"),
    "share_of": ("占定额", "Share"),
    "verdict": ("评价结论", "Verdict"),
    "chain": ("评价过程", "Step by step"),
    "step": ("步骤", "Step"),
    "formula": ("算式", "Formula"),
    "value": ("数值", "Value"),
    "unit": ("单位", "Unit"),
    "note": ("备注", "Note"),
    "forecast": ("预测至期末", "Forecast"),
    "unofficial": ("依据未核实，仅供参考", "rests on unconfirmed rows, not official"),
    "days": ("逐日用电与异常", "Day by day, and unusual days"),
    "unusual_rule": (
        "异常日：与前后四周同一星期几的中位数相差超过 20%，且超过其离散程度（4 倍 MAD）；"
        "图中以橙色和三角标出。",
        "Unusual: more than 20% from the median of the same weekdays four weeks before and after, and "
        "further than those scatter (4 MAD); orange with a triangle in the chart.",
    ),
    "none_unusual": ("未发现异常日。", "No unusual day was found."),
    "day": ("日期", "Day"),
    "used_kwh": ("用电量 kWh", "Used kWh"),
    "usual": ("正常水平 kWh", "Usual kWh"),
    "difference": ("偏差", "Difference"),
    "peak": ("最大负荷 kW", "Peak kW"),
    "base": ("基础负荷 kW", "Base load kW"),
    "gaps": ("数据缺失（日覆盖率低于 95%）", "Data gaps (days covered below 95%)"),
    "gaps_short": ("数据缺失", "Data gaps"),
    "none_gaps": ("本期每日覆盖率均不低于 95%。", "Every day was covered to 95% or more."),
    "events": ("表计事件", "What happened to meters"),
    "none_events": (
        "本期表计无复位、翻转、更换或倍率变更。",
        "No meter was reset, exchanged or given another ratio.",
    ),
    "more": ("其余 {0} 项见工作簿。", "{0} more are in the workbook."),
    "time": ("时间", "Time"),
    "event": ("事件", "Event"),
    "carrier": ("能源品种", "Carrier"),
    "first": ("起", "From"),
    "last": ("止", "To"),
    "heat_pump": ("热泵性能", "Heat pumps"),
    "heat": ("供热量", "Heat"),
    "drawn": ("耗电量", "Electricity drawn"),
    "spf": ("季节性能系数 SPF", "Season performance factor"),
    "renewable_heat": ("可再生热量", "Renewable heat"),
    "renewable_rule": (
        "SPF 不低于 2.5 时，可再生热量 = 供热量 ×（1 − 1/SPF）（欧盟 2013/114/EU）。",
        "With an SPF of 2.5 or more, renewable heat is heat × (1 − 1/SPF) (Decision 2013/114/EU).",
    ),
    "hints": ("节能潜力", "Where energy can be saved"),
    "saving": ("年节电量 kWh", "Saving kWh a year"),
    "no_hints": ("现有数据不足以估算节能潜力。", "There is too little data to say."),
    "meters": ("计量器具", "Meter tree"),
    "meter": ("表计", "Meter"),
    "part_of": ("上级表计", "Part of"),
    "role": ("作用", "Role"),
    "item": ("分项", "Item"),
    "source": ("数据来源", "Source"),
    "start": ("期初表底", "Register at the start"),
    "end": ("期末表底", "Register at the end"),
    "measured": ("本期计量", "Measured"),
    "import": ("正向", "drawn"),
    "export": ("反向", "given back"),
    "generated": ("发电", "generated"),
    "delivered": ("供热", "delivered"),
    "registers_note": (
        "本期计量为各 15 分钟区间之和，换表与缺数均已衔接；表底仅在原始读数保存期内显示。",
        "Measured is the sum of 15-minute intervals, which keeps through meter changes and gaps; "
        "registers are shown while raw readings are kept.",
    ),
    "factors": ("采用的系数与限值", "Factors and limits used"),
    "item_id": ("编号", "Id"),
    "kind": ("类别", "Kind"),
    "year": ("年份", "Year"),
    "origin": ("来源", "Source"),
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
    "hours_per_year": ("年使用时间 {0} h", "{0} hours a year"),
    "m2_per_person": ("人均建筑面积 {0} m²", "{0} m² per person"),
    "energy_star_score": ("能源之星得分 {0}", "ENERGY STAR score {0}"),
    "operational_rating": ("运行评级 {0}", "operational rating {0}"),
    "green_power_kwh": ("年绿电用量 {0} kWh", "{0} kWh of green power a year"),
}


def zone_name(zone: str, lang: Lang) -> str:
    return ZONES.get(zone, (zone, zone))[0 if lang == "zh" else 1]


def occupancy_text(name: str, value: float, lang: Lang) -> str:
    plain = name.replace("_", " ") + " {0}"
    return OCCUPANCY.get(name, (plain, plain))[0 if lang == "zh" else 1].format(f"{value:,.6g}")


def word(key: str, lang: Lang, *values: object, **named: object) -> str:
    text = WORDS[key][0 if lang == "zh" else 1]
    return text.format(*values, **named) if values or named else text


def role_name(role: str, lang: Lang) -> str:
    return ROLES.get(role, (role, role))[0 if lang == "zh" else 1]
