"""What an edge says of a device that does not answer, in the visitor's words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from collector.registry import Building
from dashboards.site.language import Language

_WHOLE = re.compile(r"(?P<device>[^ ]+) \((?P<where>.*?)\): (?P<what>.*)", re.S)
_CHINESE = [
    (re.compile(pattern, re.S), text)
    for pattern, text in (
        (r"no answer within ([\d.]+) s", r"\1 秒内无应答"),
        (r"no usable answer within ([\d.]+) s.*", r"\1 秒内无有效应答"),
        (r"not connected; next attempt in ([\d.]+) s", r"未连接，\1 秒后重试"),
        (r"the connection was refused or not answered", "连接被拒绝或无响应"),
        (r"the connection broke: .*", "连接中断"),
        (r"exception (\d+), .*", r"设备拒绝读取（异常码 \1）"),
        (r".*the device refuses every register of its profile", "设备拒绝读取配置中的全部寄存器"),
        (r"an answer of unit (\d+) came instead.*", r"收到地址 \1 的应答：线路上有两个主机，或应答过迟"),
        (r"the answer's check sum is wrong.*", "应答校验错误：线路干扰、缺少终端电阻，或两台设备地址相同"),
        (
            r"(\d+) bytes that are no answer.*",
            r"收到 \1 字节无效数据：波特率或校验位不符、A/B 接反，或缺少终端电阻",
        ),
        (r"nothing received yet", "尚未收到数据"),
    )
]
_PLACES = (
    (r"unit (\d+)", r"地址 \1"), (r"function (\d+)", r"功能码 \1"),
    (r"registers (\d+) to (\d+)", r"寄存器 \1–\2"), (r"registers (\d+)", r"寄存器 \1"), (r", ", "，"),
)  # fmt: skip


def fault(language: Language, text: str) -> tuple[str, str]:
    """What is wrong, and where: bus, unit, registers; "" if it is not said.

    What has no words in Chinese is given as it came.
    """
    found = _WHOLE.fullmatch(text)
    what, where = (found["what"], found["where"]) if found else (text, "")
    if language.code == "zh":
        known = ((pattern.fullmatch(what), words) for pattern, words in _CHINESE)
        what = next((match.expand(words) for match, words in known if match), what)
        for pattern, words in _PLACES:
            where = re.sub(pattern, words, where)
    return what, where


def homes(buildings: Iterable[Building]) -> dict[str, Building]:
    """Device -> the building that it is a meter of."""
    return {meter.device or meter.name: building for building in buildings for meter in building.meters}
