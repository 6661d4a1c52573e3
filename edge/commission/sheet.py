"""The acceptance sheet as CSV and as one printable HTML page, in English and Chinese side by side."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence

from edge.commission.acceptance import Sheet, Verdict

_WORDS = {
    "title": ("Acceptance of a meter", "仪表验收单"),
    "site": ("site", "站点"),
    "building": ("building", "建筑"),
    "device": ("device", "设备"),
    "model": ("model", "型号"),
    "profile": ("profile", "配置文件"),
    "protocol": ("protocol", "协议"),
    "place": ("port or host", "端口或主机"),
    "line": ("serial settings", "串口参数"),
    "address": ("address", "地址"),
    "ratios": ("ratios", "变比"),
    "identity": ("the device says", "设备自述"),
    "confidence": ("confidence of the profile", "配置可信度"),
    "sources": ("sources", "资料来源"),
    "by": ("read by", "抄表人"),
    "at": ("date", "日期"),
    "note": ("remark", "备注"),
    "result": ("result", "结论"),
    "quantity": ("quantity", "量"),
    "unit": ("unit", "单位"),
    "display": ("display", "表显值"),
    "read": ("read", "读数"),
    "tolerance": ("tolerance", "允差"),
    "verdict": ("verdict", "判定"),
    "hint": ("hint", "提示"),
    "signature": ("signature", "签字"),
}
_VERDICTS = {
    Verdict.AGREES: ("agrees", "一致"),
    Verdict.DIFFERS: ("differs", "不一致"),
    Verdict.ABSENT: ("absent", "无值"),
}
_COLUMNS = ("quantity", "unit", "display", "read", "tolerance", "verdict", "hint")
_STYLE = """
@page { size: A4; margin: 18mm }
body { font: 10pt "Noto Sans", "Noto Sans CJK SC", "Source Han Sans SC", sans-serif; color: #111 }
h1 { font-size: 15pt } table { border-collapse: collapse; width: 100%; margin: 4mm 0 }
th, td { border: 0.3mm solid #888; padding: 1.2mm 2mm; text-align: left; overflow-wrap: anywhere }
td.number { text-align: right } tr.differs td, tr.absent td { background: #fde0dc }
.facts th { width: 38%; font-weight: normal; background: #f2f2f2 }
.result { font-size: 13pt; font-weight: bold }
.sign { margin-top: 14mm; border-top: 0.3mm solid #111; width: 70mm; padding-top: 1mm }
"""


def result(sheet: Sheet) -> tuple[str, str]:
    """The conclusion in English and Chinese."""
    if sheet.accepted:
        return "accepted: every value agrees", "合格：各项均一致"
    if not sheet.with_counter:
        return "not accepted: no counter was compared", "不合格：未核对累计读数"
    wrong = sum(line.verdict is not Verdict.AGREES for line in sheet.lines)
    return (
        f"not accepted: {wrong} of {len(sheet.lines)} values",
        f"不合格：{len(sheet.lines)} 项中 {wrong} 项不符",
    )


def as_csv(sheet: Sheet) -> str:
    """Facts as two columns, a blank line, then the table; with a byte order mark for spreadsheet programs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows((_both(key), _harmless(value)) for key, value in _facts(sheet))
    writer.writerow(())
    writer.writerow([_both(column) for column in _COLUMNS])
    writer.writerows([_harmless(cell) for cell in row] for row in _rows(sheet))
    return "\ufeff" + out.getvalue()


def as_html(sheet: Sheet) -> str:
    """One page that needs nothing else."""
    facts = "".join(f"<tr><th>{_both(key)}</th><td>{_text(value)}</td></tr>" for key, value in _facts(sheet))
    head = "".join(f"<th>{_both(column)}</th>" for column in _COLUMNS)
    body = "".join(
        f'<tr class="{line.verdict}">' + "".join(map(_cell, _COLUMNS, row)) + "</tr>"
        for line, row in zip(sheet.lines, _rows(sheet), strict=True)
    )
    english, chinese = result(sheet)
    return (
        f'<!doctype html><html lang="zh"><meta charset="utf-8"><title>{_text(sheet.device)}</title>'
        f"<style>{_STYLE}</style><h1>{_both('title')}</h1>"
        f'<p class="result">{_text(english)} · {chinese}</p>'
        f'<table class="facts">{facts}</table><table><tr>{head}</tr>{body}</table>'
        f'<p class="sign">{_both("signature")}: {_text(sheet.by)}</p></html>'
    )


def _facts(sheet: Sheet) -> list[tuple[str, str]]:
    pairs = [
        ("result", " · ".join(result(sheet))),
        ("site", sheet.site),
        ("building", sheet.building),
        ("device", sheet.device),
        ("model", sheet.model),
        ("profile", sheet.profile),
        ("protocol", sheet.protocol),
        ("place", sheet.place),
        ("line", sheet.line),
        ("address", sheet.address),
        ("ratios", ", ".join(f"{name} {value:g}" for name, value in sheet.ratios.items())),
        ("identity", ", ".join(f"{means} {value}" for means, value in sheet.identity.items())),
        ("confidence", "; ".join(sheet.confidence)),
        ("sources", "; ".join(f"{name}: {text}" for name, text in sheet.sources.items())),
        ("by", sheet.by),
        ("at", sheet.at.isoformat(timespec="seconds")),
        ("note", sheet.note),
    ]
    return [(key, value) for key, value in pairs if value]


def _rows(sheet: Sheet) -> list[Sequence[str]]:
    return [
        (
            line.quantity,
            line.unit,
            f"{line.display:.12g}",
            "" if line.read is None else f"{line.read:.12g}",
            f"{line.tolerance:.4g}",
            " ".join(_VERDICTS[line.verdict]),
            line.hint,
        )
        for line in sheet.lines
    ]


def _both(key: str) -> str:
    return " ".join(_WORDS[key])


def _cell(column: str, text: str) -> str:
    kind = ' class="number"' if column in ("display", "read", "tolerance") else ""
    return f"<td{kind}>{_text(text)}</td>"


def _text(text: str) -> str:
    return html.escape(text)


def _harmless(cell: str) -> str:
    """A spreadsheet program must not take a cell for a formula; numbers stay numbers."""
    if cell[:1] in ("=", "+", "@", "\t") or (cell[:1] == "-" and not cell[1:2].isdigit()):
        return "'" + cell
    return cell
