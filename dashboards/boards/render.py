"""Boards and provisioning files into a directory, for compose and for Kubernetes, from the same source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dashboards.boards.catalogue import all_boards
from dashboards.boards.influx import ENERGY, SAMPLES
from dashboards.files import write_whole

FOLDER = {"zh": "Beacon 建筑能源与碳", "en": "Beacon"}

_DATASOURCE = """\
  - name: {name}
    uid: {uid}
    type: influxdb
    access: proxy
    url: ${{BEACON_INFLUX_URL}}
    database: ${{{database}}}
    jsonData:
      version: InfluxQL
      dbName: ${{{database}}}
      httpMode: POST
      httpHeaderName1: Authorization
    secureJsonData:
      httpHeaderValue1: Token ${{BEACON_INFLUX_TOKEN}}
    editable: false
"""

_PROVIDER = """\
  - name: beacon-{lang}
    folder: {folder}
    folderUid: beacon-{lang}
    type: file
    allowUiUpdates: false
    options:
      path: /var/lib/grafana/beacon/{lang}
"""

_CONFIG_MAP = """\
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {uid}
  labels:
    grafana_dashboard: "1"
  annotations:
    grafana_folder: {folder}
data:
{file}"""


def board_json(board: Mapping[str, Any]) -> str:
    return json.dumps(board, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def datasources_yaml() -> str:
    return "apiVersion: 1\ndatasources:\n" + "".join(
        _DATASOURCE.format(name=name, uid=uid, database=database)
        for name, uid, database in (
            ("Beacon energy", ENERGY, "BEACON_INFLUX_ENERGY"),
            ("Beacon samples", SAMPLES, "BEACON_INFLUX_SAMPLES"),
        )
    )


def providers_yaml() -> str:
    return "apiVersion: 1\nproviders:\n" + "".join(
        _PROVIDER.format(lang=lang, folder=folder) for lang, folder in FOLDER.items()
    )


def _indented(name: str, text: str) -> str:
    body = "".join(f"    {line}\n" for line in text.splitlines())
    return f"  {name}: |\n{body}"


def kubernetes_yaml(boards: Mapping[str, Mapping[str, Any]]) -> str:
    """ConfigMaps that the Grafana chart's sidecar loads, by label: the boards and the data sources.

    One for each board: `kubectl apply` keeps a copy in an annotation, which holds 256 KiB.
    """
    parts = [
        _CONFIG_MAP.format(
            uid=uid, folder=FOLDER[uid.rsplit("-", 1)[1]], file=_indented(f"{uid}.json", board_json(board))
        )
        for uid, board in boards.items()
    ]
    sources = (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: beacon-datasources\n  labels:\n"
        '    grafana_datasource: "1"\ndata:\n' + _indented("beacon.yaml", datasources_yaml())
    )
    return "".join(parts) + sources


def rendered() -> dict[str, str]:
    """Relative path -> content of every file."""
    boards = all_boards()
    files = {f"dashboards/{uid.rsplit('-', 1)[1]}/{uid}.json": board_json(b) for uid, b in boards.items()}
    files["provisioning/datasources/beacon.yaml"] = datasources_yaml()
    files["provisioning/dashboards/beacon.yaml"] = providers_yaml()
    files["kubernetes/beacon-boards.yaml"] = kubernetes_yaml(boards)
    return files


def render(directory: Path) -> list[Path]:
    """Write all files; each appears whole or not at all. Raises BeaconError if one cannot be."""
    written = []
    for name, content in rendered().items():
        path = directory / name
        write_whole(path, content.encode())
        written.append(path)
    return written
