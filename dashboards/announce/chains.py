"""The steps of a judgement as people read them, in both languages."""

from __future__ import annotations

import re

from dashboards.announce.model import ChainStep
from rules.model import Judgement, Text, Words, chinese

_SLOPE = re.compile(r"amount \* \S+")


def chain_of(judgement: Judgement) -> tuple[ChainStep, ...]:
    """Every step; the slope between amount and metric is said as what it divides by."""
    limit, value = judgement.limit, judgement.limit_value
    size = f"{limit / value:,.7g}" if limit and value else ""
    steps = [
        ChainStep(_both(step.name), _formula(step.formula, size), step.value, step.unit, _both(step.note))
        for step in judgement.steps
    ]
    forecast = judgement.forecast
    if forecast and forecast.passes_on:
        day = forecast.passes_on
        steps.append(
            ChainStep(
                Text("Passes the quota", "预计超定额日期"),
                Text(f"On {day}", f"{day.year} 年 {day.month} 月 {day.day} 日"),
                None,
                "",
                Text("At the forecast pace", "按预测进度"),
            )
        )
    return tuple(steps)


def _formula(text: str, size: str) -> Text:
    if size and _SLOPE.fullmatch(text):
        return Text(f"Amount ÷ {size}", f"核算用量 ÷ {size}")
    if size and text.endswith("/ slope"):
        text = f"{text.removesuffix('/ slope')}× {size}"
    said = _both(text)
    return Text(said.en.replace(" * ", " × "), said.zh.replace(" * ", " × "))


def _both(text: str) -> Text:
    """Words of the rules begin with a capital in English; a scheme's own names stay as they are."""
    en = text[:1].upper() + text[1:] if isinstance(text, Words) else text
    return Text(en=str(en), zh=chinese(text))
