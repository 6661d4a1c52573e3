"""The announcement's words in both languages, and how numbers are written."""

from __future__ import annotations

from datetime import date

from dashboards.boards.words import BASES, CARRIERS, TYPES, Lang
from drivers.carrier import UNIT, Carrier
from rules.model import Text, chinese
from rules.period import Period

WORDS: dict[str, tuple[str, str]] = {
    "title": ("公共建筑能效与碳效公示", "Announcement of public buildings' energy and carbon performance"),
    "number": ("编号", "Number"),
    "issued": ("发布日期", "Issued on"),
    "period": ("统计周期", "Period"),
    "region": ("地区", "Region"),
    "issuer": ("发布单位", "Issued by"),
    "summary": ("总体情况", "At a glance"),
    "counted": ("纳入统计建筑", "Buildings counted"),
    "of_listed": ("在册 {0} 栋", "of {0} on the register"),
    "area": ("建筑面积", "Floor area"),
    "area_10k": ("万 m²", "thousand m²"),
    "energy": ("综合用能", "Final energy"),
    "electricity": ("其中用电", "of which electricity"),
    "eui": ("单位面积能耗", "Energy per area"),
    "carbon": ("碳排放", "Carbon emissions"),
    "intensity": ("单位面积碳排放", "Carbon per area"),
    "over": ("超定额（限额）建筑", "Buildings over a quota"),
    "over_note": ("其中依据已核实标准 {0} 栋", "{0} of them against confirmed limits"),
    "coverage": ("平均数据覆盖率", "Mean data coverage"),
    "own_coverage": ("数据覆盖率", "Data coverage"),
    "over_short": ("超定额", "Over quota"),
    "change": ("同比", "On last year"),
    "no_last_year": ("无上年同期可比数据", "no comparable figure of last year"),
    "by_type": ("各类建筑", "By building type"),
    "type": ("建筑类型", "Type"),
    "count": ("栋数", "Buildings"),
    "mean_eui": ("平均单位面积能耗", "Mean energy per area"),
    "mean_carbon": ("平均单位面积碳排放", "Mean carbon per area"),
    "by_carrier": ("分能源品种用量", "Use by carrier"),
    "ranking": ("分类排名", "Ranking by type"),
    "first_of": (
        "此处仅列前 {0} 栋，共 {1} 栋；全部见本公示的数据文件（CSV、XLSX）。",
        "The first {0} of {1} are shown here; all are in the data files (CSV, XLSX) of this announcement.",
    ),
    "rank": ("名次", "Rank"),
    "building": ("建筑", "Building"),
    "county": ("区县", "District"),
    "energy_grade": ("能效等级", "Energy grade"),
    "carbon_grade": ("碳效等级", "Carbon grade"),
    "quota_share": ("占定额比例", "Share of quota"),
    "over_list": ("超定额（限额）名单", "Buildings over a quota"),
    "scheme": ("标准", "Scheme"),
    "basis": ("口径", "Basis"),
    "used": ("实际", "Used"),
    "limit": ("限额", "Limit"),
    "share": ("比例", "Share"),
    "heading_list": ("预计将超定额（限额）名单", "Buildings heading over a quota"),
    "heading_note": (
        "按截至本期末的用量预测，下列建筑全年将超过定额（限额）。",
        "At the pace to the end of this period these buildings will pass their quota for the year.",
    ),
    "expected": ("时序进度", "Expected by now"),
    "expected_short": ("时序 {0}", "expected {0}"),
    "forecast": ("预测全年", "Forecast"),
    "quota_period": ("定额周期", "Quota period"),
    "area_short": ("建筑面积", "Area"),
    "eui_short": ("能耗强度", "Energy"),
    "carbon_short": ("碳强度", "Carbon"),
    "grade_short": ("等级", "Grade"),
    "year_on_year": ("同比", "Year on year"),
    "peers": ("{0} 栋", "{0} buildings"),
    "peers_one": ("1 栋", "1 building"),
    "reasons": ("说明", "Reasons and remarks"),
    "above_mean": ("能耗强度高于同类平均 {0}", "{0} above the mean of its type"),
    "more_than_last": ("能耗强度同比增长 {0}", "{0} more than a year before"),
    "none_over": ("本期无超定额（限额）建筑。", "No building was over a quota in this period."),
    "insufficient": ("数据不足名单", "Insufficient data"),
    "insufficient_note": (
        "下列建筑数据覆盖率不足 {0}，不参与统计、排名和评价。",
        "These buildings' data cover less than {0} of the period, or lack facts: "
        "they are not counted, ranked or judged.",
    ),
    "none_insufficient": ("本期所有在册建筑数据充分。", "Every building on the register had enough data."),
    "reason": ("原因", "Reason"),
    "method": ("编制说明", "Method and sources"),
    "unofficial": ("仅供参考", "not official"),
    "unofficial_note": (
        "标有 ‡ 的结果依据单一来源、尚未核实的系数或限额，仅供参考，不作为正式评价。",
        "Results marked ‡ rest on factors or limits known from a single source and not confirmed: "
        "they are for information and are no official judgement.",
    ),
    "factors": ("采用的系数与限额", "Factors and limits used"),
    "factor_id": ("编号", "Id"),
    "kind": ("种类", "Kind"),
    "value": ("数值", "Value"),
    "unit": ("单位", "Unit"),
    "year": ("年份", "Year"),
    "source": ("来源", "Source"),
    "confidence": ("可信度", "Confidence"),
    "grades": ("等级划分", "How grades are given"),
    "grade": ("等级", "Grade"),
    "meaning": ("含义", "Meaning"),
    "percentile": ("同类位次", "Place among peers"),
    "ratio_to_mean": ("与同类平均值之比", "Ratio to peers' mean"),
    "ratio_to_limit": ("与定额之比", "Ratio to the quota"),
    "score_high_good": ("评分（高为优）", "Score (high is good)"),
    "score_low_good": ("评级（低为优）", "Rating (low is good)"),
    "unsubmitted": ("未报送", "Not submitted"),
    "min_peers": ("同类不少于 {0} 栋时采用", "used for {0} or more counted buildings of the type"),
    "formula": ("核算方法", "Accounting"),
    "chains": ("超定额建筑的计算过程", "How the buildings over a quota were judged"),
    "chains_note": (
        "逐步列出从计量数据到结论的计算过程；全部建筑的过程见平台“计算过程”页。",
        "Step by step from the readings to the verdict; the platform's explain page shows every building's.",
    ),
    "chains_first": (
        "此处印出前 {0} 栋，共 {1} 栋；全部见 announcement.json。",
        "The first {0} of {1} are printed here; all are in announcement.json.",
    ),
    "step": ("步骤", "Step"),
    "how": ("算式", "Formula"),
    "note": ("备注", "Note"),
    "tables_version": ("系数表版本", "Version of the tables"),
    "contact": ("异议与联系方式", "Objections and contact"),
    "corrects": ("更正公告", "Correction"),
    "corrects_note": ("本公示更正并取代编号 {0}。", "This announcement corrects and replaces number {0}."),
    "page": ("第 {0} 页，共 {1} 页", "Page {0} of {1}"),
    "draft": ("征求意见稿（未发布）", "Draft, not published"),
    "anonymous_note": (
        "本公示不具名：建筑以本公示内编号表示，面积按 5000 m² 取整。",
        "Buildings are not named here: codes hold for this announcement only, areas are rounded to 5,000 m².",
    ),
    "partly_named_note": (
        "仅具名公布依法或经同意公开的建筑，其余建筑以编号表示，面积按 5000 m² 取整。",
        "Only buildings that may be named are named; the others have codes and areas rounded to 5,000 m².",
    ),
    "name": ("名称", "Name"),
    "owner": ("业主", "Owner"),
    "operator": ("运营单位", "Operator"),
    "address": ("地址", "Address"),
    "green_power": ("碳排放（扣绿电）", "Carbon, green power deducted"),
    "net_of_nonfossil": ("碳排放（剩余电网因子）", "Carbon, residual factor"),
    "renewable_share": ("可再生电力占比", "Renewable share of electricity"),
    "estimated": ("估算占比", "Estimated share"),
    "year_built": ("建成年份", "Year built"),
    "official": ("正式", "Official"),
    "total": ("合计", "Total"),
}
"""Key -> (zh, en)."""

FORMULA: tuple[Text, ...] = (
    Text(
        "Final energy is the sum of all carriers in kWh: metered electricity (grid plus own "
        "generation less export), heat and cooling, and fuels by their heating values.",
        "综合用能为各能源品种折算为 kWh 之和：电力（网购电加自发电减上网电）、供热、供冷"
        "以及按热值折算的燃料。",
    ),
    Text(
        "Energy per area is final energy of the period over floor area. It is not extrapolated to a year.",
        "单位面积能耗为统计周期内综合用能除以建筑面积，不折算为全年。",
    ),
    Text(
        "Carbon is location-based: grid electricity times the average factor of the area, plus heat, plus "
        "fuels burnt on site. Green power and the residual factor are alternative methods, side by side in "
        "the data files.",
        "碳排放采用基于位置的方法：网购电量乘以所在地平均因子，加外购热力及现场燃料排放；扣除绿电法与剩余电网因子法为"
        "并列方法，见数据文件。",
    ),
    Text(
        "Changes on the year compare buildings that had enough data in both periods, weighted by area.",
        "同比仅比较两期数据均充分的建筑，按面积加权。",
    ),
    Text(
        "A building is counted if its data cover at least {limit} of the period.",
        "数据覆盖率不低于 {limit} 的建筑方纳入统计。",
    ),
)

CONFIDENCE_ZH = {"single source": "单一来源", "confirmed": "已核实"}
KINDS: dict[str, tuple[str, str]] = {
    "kgco2": ("排放因子", "carbon factor"),
    "kgce": ("折标准煤系数", "coal equivalent"),
    "kwh": ("热值", "heating value"),
    "limit": ("限额", "limit"),
    "scheme": ("定额标准", "quota scheme"),
    "heating_value": ("热值", "heating value"),
}


def word(key: str, lang: Lang, *values: object) -> str:
    text = WORDS[key][0 if lang == "zh" else 1]
    return text.format(*values) if values else text


def say(text: Text, lang: Lang) -> str:
    return text.zh if lang == "zh" else text.en


def tell(text: str, lang: Lang) -> str:
    """A text of the rules, which may know its Chinese."""
    return chinese(text) if lang == "zh" else text


def unit_text(unit: str) -> str:
    """`kWh/(m2.a)` as it is printed: `kWh/(m²·a)`."""
    return unit.replace("m2", "m²").replace("m3", "m³").replace("CO2", "CO₂").replace("m².", "m²·")


def type_name(kind: str, lang: Lang) -> str:
    return TYPES[kind].to(lang) if kind in TYPES else kind


def carrier_name(carrier: str, lang: Lang) -> str:
    return CARRIERS[carrier].to(lang) if carrier in CARRIERS else carrier


def carrier_head(carrier: str, lang: Lang) -> str:
    """A column's head: the carrier with its unit, `Natural gas m³`."""
    return f"{carrier_name(carrier, lang)} {unit_text(UNIT[Carrier(carrier)])}"


def basis_name(basis: str, lang: Lang) -> str:
    return BASES[basis].to(lang) if basis in BASES else basis


def kind_name(kind: str, lang: Lang) -> str:
    pair = KINDS.get(kind, (kind, kind))
    return pair[0 if lang == "zh" else 1]


def confidence(text: str, lang: Lang) -> str:
    if lang == "en":
        return text
    if text.startswith("confirmed by"):
        digits = "".join(each for each in text if each.isdigit())
        return f"{digits} 个来源印证" if digits else "已核实"
    return CONFIDENCE_ZH.get(text, text)


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def period_text(period: Period, lang: Lang) -> str:
    if lang == "zh":
        return f"{period.year}年{period.month}月" if period.monthly else f"{period.year}年度"
    return f"{_MONTHS[period.month - 1]} {period.year}" if period.monthly else f"the year {period.year}"


def date_text(day: date, lang: Lang) -> str:
    if lang == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def number(value: float | None, digits: int = 0) -> str:
    """`1,234,567.8`; an absent value is a dash."""
    return "–" if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}%}"


def signed(value: float | None) -> str:
    """`+4.2%`, `−3.1%`; an absent value is a dash."""
    return "–" if value is None else f"{value:+.1%}".replace("-", "−")
