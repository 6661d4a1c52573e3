"""Why a judgement is what it is: its stored chain, in the visitor's words."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, ValidationError

from collector.model import JudgementRow
from dashboards.site.language import Language
from drivers.carrier import ITEMS
from rules.model import GRADE_WORDS
from rules.scheme import Scheme

logger = logging.getLogger(__name__)


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Reason(_Part):
    en: str = ""
    zh: str = ""


class Step(_Part):
    """One step as rules.quota.detail keeps it."""

    name: str
    formula: str = ""
    value: float | None = None
    unit: str = ""
    note: str = ""


class Factor(_Part):
    """One factor or limit that was used, with where it is from."""

    id: str
    kind: str = ""
    value: float = 0.0
    unit: str = ""
    year: str = ""
    source: str = ""
    confidence: str = ""
    confirmed: bool = False
    fallback: str = ""


class Detail(_Part):
    """What rules.quota.detail keeps of a judgement, read leniently: an older row lacks what is newer."""

    value: float | None = None
    metric_unit: str = ""
    limit_value: float | None = None
    limits: dict[str, float] = {}
    grade: str = ""
    public: bool = False
    reasons: tuple[Reason, ...] = ()
    estimated: float | None = None
    penalty: float | None = None
    penalty_unit: str = ""
    method: str | None = None
    steps: tuple[Step, ...] = ()
    factors: tuple[Factor, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """A judgement with its chain."""

    row: JudgementRow
    detail: Detail = field(default_factory=Detail)


def explained(rows: Sequence[JudgementRow]) -> list[Explained]:
    """Each judgement with its chain; one whose chain cannot be read stands without."""
    return [Explained(row, _detail(row)) for row in rows]


def _detail(row: JudgementRow) -> Detail:
    if not row.detail:
        return Detail()
    try:
        return Detail.model_validate_json(row.detail)
    except ValidationError as error:
        logger.warning("site: the chain of %s %s cannot be read: %s", row.building, row.scheme, error)
        return Detail()


_CARRIER_STEP = re.compile(r"(readings|factor) of (\w+) \((\w+)\)")
_DAYS = re.compile(r"\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d")
_SLOPE = re.compile(r"amount \* ([1-9][\d.]*(?:e[+-]\d+)?|0\.\d*[1-9]\d*)")
_WORD = re.compile(r"\W+")


def step_name(language: Language, name: str) -> str:
    """What the rules call a step, in the visitor's words; a scheme's own name stands for itself."""
    found = _CARRIER_STEP.fullmatch(name)
    if found:
        what, carrier, item = found.groups()
        return language.t(f"step.{what}", carrier=carrier_name(language, carrier), item=_item(language, item))
    return language.known(f"step.{_key(name)}") or name


def step_formula(language: Language, detail: Detail, step: Step) -> str:
    """How a step was computed; the slope between amount and value is said as what it divides by."""
    text = step.formula
    slopes = (_SLOPE.fullmatch(one.formula) for one in detail.steps)
    size = next((1 / float(found[1]) for found in slopes if found), None)
    if size is not None and _SLOPE.fullmatch(text):
        text = f"{language.t('step.amount')} ÷ {language.exact(size)}"
    elif size is not None:
        text = text.replace("/ slope", f"× {language.exact(size)}")
    return language.known(f"formula.{_key(text)}") or language.unit(text.replace(" * ", " × "))


def step_note(language: Language, row: JudgementRow, detail: Detail, step: Step) -> str:
    """A step's note; the forecast's is said with its band and its method."""
    if step.name == "forecast" and row.forecast_low is not None and row.forecast_high is not None:
        return language.t(
            "explain.band",
            low=language.number(row.forecast_low, 0),
            high=language.number(row.forecast_high, 0),
            method=language.known(f"method.{detail.method}") or (detail.method or ""),
        )
    if _DAYS.fullmatch(step.note):
        return step.note.replace(" to ", " – ")
    return language.known(f"formula.{_key(step.note)}") or step.note


def grade(language: Language, word: str) -> str:
    """A grade's word; letters and numbers stand for themselves."""
    return GRADE_WORDS[word][language.code == "zh"] if word in GRADE_WORDS else word


def confidence(language: Language, text: str) -> str:
    """How far a factor can be trusted."""
    sources = re.fullmatch(r"confirmed by (\d+) sources?", text)
    if sources:
        return language.t("confidence.sources", n=sources[1])
    return language.known(f"confidence.{_key(text)}") or text


def scheme_name(language: Language, schemes: Mapping[str, Scheme], id: str) -> str:
    """The scheme's name, or its id where no scheme of that id is known."""
    scheme = schemes.get(id)
    if scheme is None:
        return id
    return scheme.name_zh if language.code == "zh" else scheme.name_en


def carrier_name(language: Language, carrier: str) -> str:
    return language.known(f"carrier.{carrier}") or carrier


def _item(language: Language, item: str) -> str:
    return language.known(f"item.{item}") or (language.item(item) if item in ITEMS else item)


def _key(text: str) -> str:
    """`sum of factor * readings` is the message `sum_of_factor_readings`."""
    return _WORD.sub("_", text.lower()).strip("_")
