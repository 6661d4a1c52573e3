"""Boards against the types of the newest Grafana: no option, property or value that it does not know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from grafana_code import install, type_check

from dashboards.boards.catalogue import all_boards

KINDS = {
    "barchart": "BarChart",
    "bargauge": "BarGauge",
    "geomap": "Geomap",
    "heatmap": "Heatmap",
    "piechart": "PieChart",
    "stat": "Stat",
    "table": "Table",
    "text": "Text",
    "timeseries": "TimeSeries",
}
CUSTOM = {
    "table": "TableFieldOptions",
    "timeseries": "TimeSeries.FieldConfig",
    "geomap": "HideableFieldConfig",
}
HEAD = """\
import type { Dashboard, HideableFieldConfig, Panel, RowPanel, TableFieldOptions } from 'schema-13';
type Plain<T> = T extends string ? `${T}` : T extends (infer U)[] ? Plain<U>[]
  : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type Some<T> = Partial<Plain<T>>;
"""
WRONG = """\
// @ts-expect-error
const wrong_value: Some<Stat.Options> = { colorMode: 'loud' };
// @ts-expect-error
const wrong_option: Some<Table.Options> = { footers: {} };
// @ts-expect-error
const wrong_property: Some<TimeSeries.FieldConfig> = { fillAboveTo: 'x' };
// @ts-expect-error
const wrong_panel: Plain<Panel> = { title: 'no type' };
"""


def constants(name: str, panel: dict[str, Any]) -> list[str]:
    """One panel as typed constants: whole, its options, the custom properties of its fields."""
    if panel["type"] == "row":
        return [f"const {name}: Plain<RowPanel> = {json.dumps(panel)};"]
    kind = KINDS[panel["type"]]
    made = [
        f"const {name}: Plain<Panel> = {json.dumps(panel)};",
        f"const {name}_options: Some<{kind}.Options> = {json.dumps(panel['options'])};",
    ]
    config = panel.get("fieldConfig", {"defaults": {}, "overrides": []})
    found = [config["defaults"].get("custom", {})]
    for override in config["overrides"]:
        custom = [each for each in override["properties"] if each["id"].startswith("custom.")]
        found.append({each["id"].removeprefix("custom."): each["value"] for each in custom})
    for number, custom in enumerate(filter(None, found)):
        of = CUSTOM[panel["type"]]
        made.append(f"const {name}_custom{number}: Some<{of}> = {json.dumps(custom)};")
    return made


@pytest.mark.timeout(300)
def test_the_newest_grafana_knows_every_option(tmp_path: Path) -> None:
    install()
    module = "schema-13/dist/esm/raw/composable/{}/panelcfg/x/{}PanelCfg_types.gen"
    lines = [f"import type * as {kind} from '{module.format(key, kind)}';" for key, kind in KINDS.items()]
    for number, board in enumerate(all_boards().values()):
        whole = {key: value for key, value in board.items() if key != "panels"}
        lines.append(f"const board{number}: Plain<Dashboard> = {json.dumps(whole)};")
        for panel in board["panels"]:
            lines += constants(f"panel{number}_{panel['id']}", panel)
    assert type_check("\n".join([HEAD, *lines, WRONG]), tmp_path) == ""
