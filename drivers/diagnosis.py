"""What is wrong with a line or a meter, from what was heard on it, in a technician's words.

Pure: who asked and how is not known here. Observations are gathered by commissioning commands and by the
status of a running edge; findings come ranked, the most likely cause first, in English and Chinese.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from drivers.plausibility import Values, score

_REFUSED_ADDRESS = frozenset({1, 2, 3})
_BUSY = frozenset({5, 6})
_GATEWAY = frozenset({10, 11})
_BELIEVED, _DOUBTED = 0.7, 0.45
_IDLE_BYTES = frozenset({0x00, 0x80, 0xC0, 0xE0, 0xF0, 0xF8, 0xFC, 0xFE, 0xFF})
_IDLE_SHARE = 0.6


class Cause(StrEnum):
    """What may be wrong."""

    NOT_CONNECTED = "not_connected"
    LINE_SILENT = "line_silent"
    DEVICE_SILENT = "device_silent"
    ONLY_ECHO = "only_echo"
    POLARITY = "polarity"
    BAUD_OR_PARITY = "baud_or_parity"
    DISTURBED = "disturbed"
    TWO_DEVICES = "two_devices"
    TWO_MASTERS = "two_masters"
    GATEWAY = "gateway"
    BUSY = "busy"
    WRONG_PROFILE = "wrong_profile"
    WORD_ORDER = "word_order"


@dataclass(frozen=True, slots=True)
class Observation:
    """What the questions to one address brought; the counts add up to the questions asked.

    address: unit id or meter address, as a person writes it. refused: exception code -> how often.
    foreign: whole frames of other addresses or to other questions. echoed: times when nothing but the own
    request came back. lengths: bytes that came each time instead of a frame; noise: some of them.
    values: of a right answer, decoded by the profile; None is a sentinel or out of range.
    swapped: the same words with the other word order. unreachable: why the port or host cannot be opened.
    """

    address: str
    answered: int = 0
    silent: int = 0
    garbled: int = 0
    foreign: int = 0
    echoed: int = 0
    refused: Mapping[int, int] = field(default_factory=dict)
    lengths: Sequence[int] = ()
    noise: bytes = b""
    values: Values = field(default_factory=dict)
    swapped: Values = field(default_factory=dict)
    unreachable: str = ""

    @property
    def understood(self) -> int:
        """Answers whose check sum was right, refusals too: wiring, speed and parity are right."""
        return self.answered + sum(self.refused.values())

    @property
    def heard(self) -> int:
        """Times when anything at all came."""
        return self.understood + self.garbled + self.foreign + self.echoed


@dataclass(frozen=True, slots=True)
class Finding:
    """One likely cause. address: whom it concerns, "" for the whole line. weight: 0 to 1, how likely."""

    cause: Cause
    address: str
    weight: float
    en: str
    zh: str


def diagnose(observations: Sequence[Observation]) -> list[Finding]:
    """Everything that the observations of one line speak for, the most likely first; [] if all is well."""
    found = _line(observations)
    if not any(finding.weight == 1 for finding in found):
        for one in observations:
            found += _device(one, observations)
    return sorted(found, key=lambda finding: -finding.weight)


def _line(observations: Sequence[Observation]) -> list[Finding]:
    """What concerns the line as a whole."""
    if why := next((one.unreachable for one in observations if one.unreachable), ""):
        return [_finding(Cause.NOT_CONNECTED, "", 1.0, why=why)]
    if not observations or any(one.understood for one in observations):
        return _disturbed(observations)
    if any(one.echoed for one in observations) and not any(o.garbled or o.foreign for o in observations):
        return [_finding(Cause.ONLY_ECHO, "", 1.0)]
    if not any(one.heard for one in observations):
        return [_finding(Cause.LINE_SILENT, "", 1.0)] if any(o.silent for o in observations) else []
    if not any(one.garbled for one in observations):
        return []
    noise = b"".join(one.noise for one in observations)
    idle = sum(byte in _IDLE_BYTES for byte in noise) / len(noise) if noise else 0.0
    wrong_pair = 0.9 if idle >= _IDLE_SHARE else 0.5
    return [
        _finding(Cause.BAUD_OR_PARITY, "", 0.7),
        _finding(Cause.POLARITY, "", wrong_pair),
        _finding(Cause.DISTURBED, "", 0.4),
    ]


def _disturbed(observations: Sequence[Observation]) -> list[Finding]:
    """Garbled answers of several devices that also answer well: the cable, not a device."""
    mixed = [one for one in observations if one.garbled and one.understood]
    if len(mixed) < 2:
        return []
    share = sum(one.garbled for one in mixed) / sum(one.heard for one in mixed)
    return [_finding(Cause.DISTURBED, "", min(0.95, 0.6 + share))]


def _device(one: Observation, line: Sequence[Observation]) -> list[Finding]:
    """What concerns one device."""
    others = [other for other in line if other is not one and other.understood]
    found: list[Finding] = []
    if one.silent and not one.heard and (others or len(line) == 1):
        found.append(_finding(Cause.DEVICE_SILENT, one.address, 0.9))
    if one.garbled and (others or one.understood):
        found += _garbled_here(one, line)
    if one.foreign:
        found.append(_finding(Cause.TWO_MASTERS, one.address, 0.4 if one.understood else 0.6))
    codes = set(one.refused)
    if codes & _GATEWAY:
        found.append(_finding(Cause.GATEWAY, one.address, 0.9))
    if codes & _BUSY:
        found.append(_finding(Cause.BUSY, one.address, 0.6))
    return found + _meaning(one)


def _garbled_here(one: Observation, line: Sequence[Observation]) -> list[Finding]:
    """Garbled at one address, while the line as such works."""
    elsewhere = any(other.garbled for other in line if other is not one)
    weight = 0.5 if elsewhere else 0.8
    if len(set(one.lengths)) > 1:
        weight += 0.1  # two answers overlap now so, now so; noise seldom changes the length
    return [
        _finding(Cause.TWO_DEVICES, one.address, weight),
        _finding(Cause.DISTURBED, one.address, 0.6 if one.answered > one.garbled else 0.4),
    ]


def _meaning(one: Observation) -> list[Finding]:
    """Answers that are right as frames, and wrong as numbers."""
    refusals = sum(count for code, count in one.refused.items() if code in _REFUSED_ADDRESS)
    if refusals and not one.answered:
        return [_finding(Cause.WRONG_PROFILE, one.address, 0.9)]
    if not one.values:
        return []
    believed = score(one.values)
    swapped = score(one.swapped) if one.swapped else 0.0
    if believed < _BELIEVED and swapped >= max(_BELIEVED, believed + 0.2):
        return [_finding(Cause.WORD_ORDER, one.address, min(0.95, 0.5 + swapped - believed))]
    if believed < _DOUBTED or (believed < _BELIEVED and refusals > one.answered):
        return [_finding(Cause.WRONG_PROFILE, one.address, 0.9 - believed / 2)]
    return []


def _finding(cause: Cause, address: str, weight: float, why: str = "") -> Finding:
    en, zh = _TEXTS[cause]
    return Finding(
        cause,
        address,
        weight,
        en.format(address=address or "the line", why=why),
        zh.format(address=address or "总线", why=why),
    )


_TEXTS: dict[Cause, tuple[str, str]] = {
    Cause.NOT_CONNECTED: (
        "The port or the serial server cannot be opened: {why}. Check the adapter's plug and the port's name "
        "(/dev/serial/by-id), or the server's address and that no other program holds it.",
        "无法打开串口或串口服务器：{why}。请检查适配器是否插好、串口名称（/dev/serial/by-id）"
        "，或服务器地址以及是否被其他程序占用。",
    ),
    Cause.LINE_SILENT: (
        "No answer at all from any address. In this order: is the meter powered; are A and B on the right "
        "terminals (swap them once); the meter's address; baud rate and parity in the meter's menu; is the "
        "cable whole.",
        "所有地址均无任何应答。请依次检查：仪表是否通电；A、B 端子是否接对（对调试一次）；仪表地址；"
        "仪表菜单中的波特率和校验位；线路是否断开。",
    ),
    Cause.DEVICE_SILENT: (
        "{address} does not answer. Others on the line may: check this meter's power, its address, its baud "
        "rate and parity, and the cable to it.",
        "{address} 无应答。若线路上其他仪表有应答，请检查该仪表的电源、地址、波特率、校验位及其接线。",
    ),
    Cause.ONLY_ECHO: (
        "Only our own request comes back: the adapter hears itself, no meter answers. Check the meters' "
        "power, A and B, address, baud rate and parity.",
        "只收到自己发出的请求（适配器回显），没有仪表应答。请检查仪表电源、A/B 接线、地址、波特率和校验位。",
    ),
    Cause.POLARITY: (
        "Bytes come, and most are those of an undriven or inverted line: A and B are exchanged, or the line "
        "has no bias. Swap A and B; fit one bias network and 120 Ω at both ends.",
        "收到的字节多为线路悬空或反相时的字节：A、B 接反，或总线缺少偏置。请对调 A、B；"
        "总线加一组偏置电阻，两端各接 120 Ω 终端电阻。",
    ),
    Cause.BAUD_OR_PARITY: (
        "Bytes come, but never a valid frame: baud rate or parity differ between meter and port (or serial "
        "server). Compare with the meter's menu; try 9600 8N1, 9600 8E1, 2400 8E1.",
        "能收到字节，但没有一帧有效：仪表与串口（或串口服务器）的波特率或校验位不一致。"
        "请对照仪表菜单；可依次尝试 9600 8N1、9600 8E1、2400 8E1。",
    ),
    Cause.DISTURBED: (
        "Answers on {address} are sometimes garbled: missing 120 Ω terminators, long stubs, a cable beside "
        "power lines, or too little pause between requests (raise quiet_ms).",
        "{address} 的应答时有错误：可能缺少 120 Ω 终端电阻、分支过长、与动力电缆并行敷设，"
        "或请求间隔太短（增大 quiet_ms）。",
    ),
    Cause.TWO_DEVICES: (
        "Answers of {address} are garbled although the line works: most likely two meters have this "
        "address and talk at once. Unplug one meter after the other until the answer is clean.",
        "线路正常，但 {address} 的应答混乱：很可能有两台仪表使用同一地址并同时应答。"
        "请逐台断开仪表，直到应答正常。",
    ),
    Cause.TWO_MASTERS: (
        "Answers that were not ours came while {address} was asked: a second master polls this line, or a "
        "meter or gateway answers late (raise timeout_s).",
        "询问 {address} 时收到不属于本机请求的应答：线路上有第二个主机在轮询，"
        "或仪表、网关应答过迟（增大 timeout_s）。",
    ),
    Cause.GATEWAY: (
        "The gateway answers, the device {address} behind it does not: check the address, and the gateway's "
        "serial settings and wiring.",
        "网关有应答，但其后的设备 {address} 无应答：请检查设备地址、网关的串口参数和接线。",
    ),
    Cause.BUSY: (
        "{address} says that it is busy: read it less often (raise fast_s), or keep other masters away.",
        "{address} 报告忙：请降低读取频率（增大 fast_s），或停用其他主机。",
    ),
    Cause.WRONG_PROFILE: (
        "{address} answers, but refuses the registers or gives numbers that cannot be true: another model "
        "than the profile's, or another address in use. Compare the type plate.",
        "{address} 有应答，但拒绝所读寄存器，或数值不可能成立：型号与所选配置不符，"
        "或该地址属于另一台仪表。请核对铭牌。",
    ),
    Cause.WORD_ORDER: (
        "{address} gives impossible numbers, and plausible ones with the words exchanged: choose the variant "
        "of the profile with the other word order.",
        "{address} 的数值不可能成立，而高低字对调后合理：请选用字序相反的配置变体。",
    ),
}
