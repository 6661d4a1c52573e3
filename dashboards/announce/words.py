"""The announcement's words in both languages, and how numbers are written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files

from dashboards.announce.model import Standard
from dashboards.boards.words import CARRIERS, TYPES, Lang
from drivers.carrier import UNIT, Carrier
from rules.model import Text, chinese
from rules.names import BASIS, CARRIER_ZH, confidence_zh
from rules.period import Period

WORDS: dict[str, tuple[str, str]] = {
    "title": ("公共建筑能效与碳效公示", "Announcement of public buildings' energy and carbon performance"),
    "number": ("编号", "Number"),
    "issued": ("发布日期", "Issued on"),
    "period": ("统计期", "Period"),
    "region": ("地区", "Region"),
    "issuer": ("发布单位", "Issued by"),
    "lead": (
        "现将{region}{period}公共建筑能效与碳效情况公示如下。在册公共建筑 {listed} 栋，"
        "其中数据充分、纳入统计的 {counted} 栋，建筑面积 {area} 万 m²；"
        "能耗总量 {kwh} 万 kWh（综合能耗 {kgce} tce），单位建筑面积能耗 {eui} kWh/m²{change}；"
        "碳排放量 {kgco2} tCO₂，碳排放强度 {kgco2_m2} kgCO₂/m²。超定额（限额）建筑 {over} 栋{heading}。",
        "The public buildings of {region} in {period}: {listed} are on the register, {counted} of them, with "
        "{area} thousand m², had enough data to be counted. They used {kwh} MWh ({kgce} tce), "
        "{eui} kWh/m²{change}, and caused {kgco2} tCO₂, {kgco2_m2} kgCO₂/m². Over a quota: {over}{heading}.",
    ),
    "lead_change": ("，同比{0} {1}", ", {1} {0} than a year before"),
    "rose": ("上升", "more"),
    "fell": ("下降", "less"),
    "lead_heading": ("，预计全年将超定额（限额）的另有 {0} 栋", "; heading over one for the year: {0} more"),
    "summary": ("总体情况", "At a glance"),
    "counted": ("纳入统计建筑", "Buildings counted"),
    "buildings_unit": ("栋", ""),
    "of_listed": ("在册 {0} 栋", "of {0} on the register"),
    "area": ("建筑面积", "Floor area"),
    "area_10k": ("万 m²", "thousand m²"),
    "energy": ("能耗总量", "Final energy"),
    "energy_big": ("万 kWh", "MWh"),
    "energy_kgce": ("综合能耗", "Coal equivalent"),
    "of_kgce": ("综合能耗 {0} tce", "{0} tce"),
    "electricity": ("用电量", "Electricity"),
    "eui": ("单位建筑面积能耗", "Energy per area"),
    "carbon": ("碳排放量", "Carbon emissions"),
    "intensity": ("碳排放强度", "Carbon per area"),
    "over": ("超定额（限额）建筑", "Buildings over a quota"),
    "over_note": ("其中依据已核实定额的 {0} 栋", "{0} of them against confirmed limits"),
    "coverage": ("平均数据覆盖率", "Mean data coverage"),
    "insufficient_count": ("数据不足 {0} 栋", "insufficient data: {0}"),
    "own_coverage": ("数据覆盖率", "Data coverage"),
    "coverage_short": ("覆盖率", "Coverage"),
    "over_short": ("超定额", "Over quota"),
    "heading_short": ("预计超定额", "Heading over"),
    "yes": ("是", "yes"),
    "no": ("否", "no"),
    "change": ("同比", "On last year"),
    "no_last_year": ("无上年同期可比数据", "no comparable figure of last year"),
    "by_type": ("分类情况", "By building type"),
    "type": ("建筑类型", "Type"),
    "count": ("栋数", "Buildings"),
    "mean_eui": ("能耗强度平均值", "Mean energy per area"),
    "mean_carbon": ("碳排放强度平均值", "Mean carbon per area"),
    "group_mean": ("平均 {0} kWh/m²", "mean {0} kWh/m²"),
    "by_carrier": ("能源与水用量", "Energy and water"),
    "carrier": ("能源品种", "Carrier"),
    "amount": ("用量", "Amount"),
    "ranking": ("分类排名", "Ranking by type"),
    "ranking_note": (
        "同类建筑按单位建筑面积能耗由低到高排列，条形图中竖线为同类平均值；"
        "占定额比例取各项定额中进度最快的一项，"
        "标有“序时”的为年度定额截至本期末的使用比例。",
        "By rising energy per area among buildings of a type; the line in a bar is the mean of the type. "
        "Share of quota is of the quota that goes fastest; beside 'expected' it is of the year, up to the "
        "end of this period.",
    ),
    "first_of": (
        "此处仅列前 {0} 栋，共 {1} 栋；全部见本公示的数据文件（CSV、XLSX）。",
        "The first {0} of {1} are shown here; all are in the data files (CSV, XLSX) of this announcement.",
    ),
    "rank": ("名次", "Rank"),
    "rank_carbon": ("碳排放强度名次", "Rank by carbon"),
    "building": ("建筑", "Building"),
    "county": ("区县", "District"),
    "energy_grade": ("能效等级", "Energy grade"),
    "carbon_grade": ("碳效等级", "Carbon grade"),
    "quota_share": ("占定额比例", "Share of quota"),
    "over_list": ("超定额（限额）建筑名单", "Buildings over a quota"),
    "scheme": ("定额标准", "Scheme"),
    "scheme_id": ("定额标准编号", "Scheme id"),
    "edition": ("文号", "Document"),
    "basis": ("核算口径", "Basis"),
    "used": ("实际用量", "Used"),
    "limit": ("定额", "Quota"),
    "limit_value": ("限值", "Limit"),
    "share": ("占定额", "Share"),
    "share_short": ("占定额", "Of quota"),
    "heading_list": ("预计全年超定额（限额）建筑名单", "Buildings heading over a quota"),
    "heading_note": (
        "按截至本期末的用量推算，下列建筑全年将超过定额（限额）。",
        "At the pace to the end of this period these buildings will pass their quota for the year.",
    ),
    "expected": ("序时进度", "Expected by now"),
    "expected_short": ("序时 {0}", "expected {0}"),
    "forecast": ("预测全年", "Forecast"),
    "quota_period": ("定额周期", "Quota period"),
    "area_short": ("面积", "Area"),
    "eui_short": ("能耗强度", "Energy"),
    "carbon_short": ("碳排放强度", "Carbon"),
    "grade_short": ("等级", "Grade"),
    "year_on_year": ("同比", "On year"),
    "peers": ("{0} 栋", "{0} buildings"),
    "peers_one": ("1 栋", "1 building"),
    "reasons": ("情况说明", "Remarks"),
    "above_mean": ("能耗强度高于同类平均 {0}", "{0} above the mean of its type"),
    "more_than_last": ("能耗强度同比上升 {0}", "{0} more than a year before"),
    "passes_on": ("预计 {0} 超定额", "passes it on {0}"),
    "none_over": ("本期无超定额（限额）建筑。", "No building was over a quota in this period."),
    "insufficient": ("数据不足建筑名单", "Insufficient data"),
    "insufficient_note": (
        "下列建筑数据覆盖率低于 {0}，或缺少必要信息，不参与统计、排名和评价。",
        "These buildings' data cover less than {0} of the period, or lack facts: "
        "they are not counted, ranked or judged.",
    ),
    "none_insufficient": ("本期在册建筑数据均充分。", "Every building on the register had enough data."),
    "reason": ("原因", "Reason"),
    "method": ("编制说明", "Method and sources"),
    "unofficial": ("仅供参考", "not official"),
    "unofficial_note": (
        "标有 ‡ 的结果所依据的系数或定额来源单一、尚未核实，仅供参考，不作为正式评价结论。",
        "Results marked ‡ rest on factors or limits known from a single source and not confirmed: "
        "they are for information and are no official judgement.",
    ),
    "unofficial_data": (
        "“依据已核实”为“否”的结果，所依据的系数或定额来源单一、尚未核实，仅供参考，不作为正式评价结论。",
        "Results that are not 'confirmed' rest on factors or limits known from a single source: "
        "they are for information and are no official judgement.",
    ),
    "standards": ("采用的定额标准", "Quota schemes used"),
    "factors": ("采用的系数与限值", "Factors and limits used"),
    "factor_id": ("编号", "Id"),
    "kind": ("类别", "Kind"),
    "value": ("数值", "Value"),
    "metric": ("指标值", "Value per measure"),
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
    "score_high_good": ("得分（越高越好）", "Score (high is good)"),
    "score_low_good": ("评级值（越低越好）", "Rating (low is good)"),
    "unsubmitted": ("未报送", "Not submitted"),
    "exempt": ("豁免", "Exempt"),
    "about_energy": ("仅评定能效等级。", "It grades energy only."),
    "about_carbon": ("仅评定碳效等级。", "It grades carbon only."),
    "min_peers": ("同类不少于 {0} 栋时采用", "used for {0} or more counted buildings of the type"),
    "formula": ("核算方法", "Accounting"),
    "chains": ("附录　超定额建筑评价过程", "Appendix: how the buildings over a quota were judged"),
    "chains_note": (
        "逐步列出从计量数据到评价结论的计算过程；其他建筑的计算过程见平台“定额评价依据”页面。",
        "Step by step from the readings to the verdict; the platform shows every building's.",
    ),
    "chains_first": (
        "此处列出前 {0} 栋，共 {1} 栋；全部见数据文件 announcement.json。",
        "The first {0} of {1} are printed here; all are in announcement.json.",
    ),
    "step": ("步骤", "Step"),
    "how": ("算式", "Formula"),
    "note": ("备注", "Note"),
    "tables_version": ("系数表版本", "Version of the tables"),
    "contact": ("异议反馈", "Objections and contact"),
    "corrects": ("更正说明", "Correction"),
    "corrects_note": (
        "本公示更正并取代编号为 {0} 的公示。",
        "This announcement corrects and replaces number {0}.",
    ),
    "page": ("第 {0} 页　共 {1} 页", "Page {0} of {1}"),
    "draft": ("征求意见稿（未发布）", "Draft, not published"),
    "anonymous_note": (
        "本公示不公布建筑名称，以本公示内编号表示；不公布其面积和用量。",
        "Buildings are not named here: their codes hold for this announcement only, "
        "their areas and amounts are not shown.",
    ),
    "partly_named_note": (
        "仅依法应当公开或经同意公开的建筑公布名称，其余建筑以本公示内编号表示，不公布其面积和用量。",
        "Only buildings that may be named are named; the others have codes that hold for this announcement "
        "only, and show neither areas nor amounts.",
    ),
    "pooled_note": (
        "不公布名称且同类不足 {0} 栋的建筑归入“其他”，不列名次和等级；"
        "定额相同的不足 {0} 栋的，不列占定额比例。",
        "Unnamed buildings of a type with fewer than {0} such stand under 'Other', without rank and grade; "
        "where fewer than {0} have the same quota, their share of it is not shown.",
    ),
    "coarse_note": (
        "含有不公布名称建筑的合计数已取整至单栋建筑的平均量级，各类之和与总计可能略有出入。",
        "Sums that include unnamed buildings are rounded to the size of one building; "
        "parts may not add up to the total.",
    ),
    "withheld_note": (
        "另有 {0} 栋建筑不公布名称，因数量过少易被识别，未纳入本公示的统计和名单。",
        "{0} more buildings may not be named and are too few to stay unknown: neither counted nor listed.",
    ),
    "name": ("名称", "Name"),
    "owner": ("业主", "Owner"),
    "operator": ("运营单位", "Operator"),
    "address": ("地址", "Address"),
    "heated_area": ("供暖面积", "Heated area"),
    "special_area": ("特殊用能区域面积", "Special area"),
    "green_power": ("碳排放量（扣除绿电）", "Carbon, green power deducted"),
    "net_of_nonfossil": ("碳排放量（剩余电网因子）", "Carbon, residual factor"),
    "change_carbon": ("碳排放强度同比", "Carbon per area on last year"),
    "renewable_share": ("可再生电力占比", "Renewable share of electricity"),
    "estimated": ("估算占比", "Estimated share"),
    "year_built": ("建成年份", "Year built"),
    "official": ("依据已核实", "Confirmed"),
    "level": ("评价结论", "Verdict"),
    "penalty": ("处罚金额", "Penalty"),
    "total": ("合计", "Total"),
}
"""Key -> (zh, en)."""

FORMULA: tuple[Text, ...] = (
    Text(
        "Final energy is the sum of all carriers in kWh: metered electricity (grid plus own "
        "generation less export), heat and cooling, and fuels by their heating values; water is no energy. "
        "The coal equivalent is of the same, electricity at its calorific value.",
        "能耗总量为各能源品种折算为 kWh 之和，包括电力（网购电量加自发电量减上网电量）、供热、供冷"
        "以及按热值折算的燃料，不含水；综合能耗按同一范围折算为标准煤，电力采用当量值。",
    ),
    Text(
        "Energy per area is final energy of the period over floor area. It is not extrapolated to a year.",
        "单位建筑面积能耗（能耗强度）为统计期内能耗总量与建筑面积之比，为统计期数值，不折算为全年。",
    ),
    Text(
        "Carbon is location-based: grid electricity times the average factor of the area, plus heat, plus "
        "fuels burnt on site. Green power and the residual factor are alternative methods, side by side in "
        "the data files.",
        "碳排放量按基于位置的方法核算：网购电量乘以所在地电力平均排放因子，加外购热力和现场燃料燃烧排放；"
        "扣除绿电、采用剩余电网因子的核算结果同时列于数据文件，供对照。",
    ),
    Text(
        "Changes on the year compare buildings that had enough data in both periods, weighted by area.",
        "同比仅就两期数据均充分的建筑计算，按建筑面积加权。",
    ),
    Text(
        "A building is counted if its data cover at least {limit} of the period.",
        "数据覆盖率不低于 {limit} 的建筑纳入统计。",
    ),
)

KINDS: dict[str, tuple[str, str]] = {
    "kgco2": ("碳排放因子", "carbon factor"),
    "kgce": ("折标准煤系数", "coal equivalent"),
    "kwh": ("热值", "heating value"),
    "limit": ("限值", "limit"),
    "heating_value": ("热值", "heating value"),
    "density": ("密度", "density"),
}
CONFIDENCE_EN = {"operator": "stated by the operator"}
PER_ZH = (("month", "月"), ("person", "人"), ("bed", "床"))
_PER = re.compile(r"(?<=[a-z²])\.(?=[a-z])")
_DOCUMENT = re.compile(r"[A-Z]{2,}\d*(/[A-Z]+)? ?\d")
"""A standard's number such as `GB/T 51161-2016`, which needs no translation."""


def word(key: str, lang: Lang, *values: object) -> str:
    text = WORDS[key][0 if lang == "zh" else 1]
    return text.format(*values) if values else text


def say(text: Text, lang: Lang) -> str:
    return text.zh if lang == "zh" else text.en


def tell(text: str, lang: Lang) -> str:
    """A text of the rules, which may know its Chinese."""
    return chinese(text) if lang == "zh" else text


def unit_text(unit: str, lang: Lang = "en") -> str:
    """`kWh/(m2.a)` as it is printed: `kWh/(m²·a)`."""
    made = _PER.sub("·", unit.replace("m2", "m²").replace("m3", "m³").replace("CO2", "CO₂"))
    if lang == "zh":
        for en, zh in PER_ZH:
            made = made.replace(en, zh)
    return made


def standard_name(standard: Standard, lang: Lang) -> str:
    """A scheme's name with its document number, unless the name says it already."""
    name, edition = say(standard.name, lang), standard.edition
    if not edition or edition in name or not (lang == "en" or _DOCUMENT.match(edition)):
        return name
    return f"{name}（{edition}）" if lang == "zh" else f"{name} ({edition})"


def type_name(kind: str, lang: Lang) -> str:
    return TYPES[kind].to(lang) if kind in TYPES else kind


def carrier_name(carrier: str, lang: Lang) -> str:
    if carrier in CARRIERS:
        return CARRIERS[carrier].to(lang)
    return CARRIER_ZH.get(carrier, carrier) if lang == "zh" else carrier.replace("_", " ").capitalize()


def carrier_head(carrier: str, lang: Lang) -> str:
    """A column's head: the carrier with its unit, `Natural gas m³`."""
    return f"{carrier_name(carrier, lang)} {unit_text(UNIT[Carrier(carrier)])}"


def basis_name(basis: str, lang: Lang) -> str:
    return BASIS[basis][0 if lang == "zh" else 1] if basis in BASIS else basis


def kind_name(kind: str, lang: Lang) -> str:
    pair = KINDS.get(kind, (kind, kind))
    return pair[0 if lang == "zh" else 1]


def confidence(text: str, lang: Lang) -> str:
    return confidence_zh(text) if lang == "zh" else CONFIDENCE_EN.get(text, text)


@cache
def _sources() -> Mapping[str, str]:
    found: Mapping[str, str] = tomllib.loads((files(__package__) / "sources.toml").read_text("utf-8"))
    return found


def source_text(source: str, lang: Lang) -> str:
    """Where a factor is from; one that is not of the package is told in its own words."""
    return _sources().get(source, source) if lang == "zh" else source


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


def metric_number(value: float | None) -> str:
    """A scheme's metric: two decimals, small ones in four digits."""
    return "–" if value is None else f"{value:,.2f}" if abs(value) >= 1 else f"{value:.4g}"


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}%}"


def signed(value: float | None) -> str:
    """`+4.2%`, `−3.1%`; an absent value is a dash."""
    return "–" if value is None else f"{value:+.1%}".replace("-", "−")
