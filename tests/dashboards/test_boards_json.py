"""Board JSON: sane by itself, the same in both languages, and the committed copy is what the source makes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.boards.catalogue import all_boards
from dashboards.boards.influx import ENERGY, SAMPLES
from dashboards.boards.publish import InfluxAccess, Publisher
from dashboards.boards.render import kubernetes_yaml, render, rendered
from drivers.errors import BeaconError

PROVIDERS = "provisioning/dashboards/beacon.yaml"
DEPLOYED = Path(__file__).parents[2] / "deploy" / "grafana"
BOARDS = all_boards()


@pytest.fixture(params=sorted(BOARDS))
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    return BOARDS[request.param]


def units_of(value: Any) -> set[str]:
    """Every unit anywhere in a panel's field configuration."""
    if isinstance(value, dict):
        found = {value["value"]} if value.get("id") == "unit" else set()
        if isinstance(value.get("unit"), str):
            found.add(value["unit"])
        return found.union(*(units_of(each) for each in value.values()), set())
    return set().union(*(units_of(each) for each in value)) if isinstance(value, list) else set()


def test_panels_have_ids_of_their_own_and_do_not_overlap(board: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_target_names_its_data_source_and_language(board: dict[str, Any]) -> None:
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            assert target["datasource"] == {"type": "influxdb", "uid": target["datasource"]["uid"]}
            assert target["datasource"]["uid"] in {ENERGY, SAMPLES}
            assert target["rawQuery"] is True
            assert target["query"].startswith("SELECT ")
        refs = [target["refId"] for target in panel.get("targets", [])]
        assert len(set(refs)) == len(refs)


def test_panels_with_numbers_say_their_unit(board: dict[str, Any]) -> None:
    for panel in board["panels"]:
        if panel["type"] not in {"row", "text", "table", "geomap"}:
            assert units_of(panel["fieldConfig"]) or panel["type"] == "heatmap", panel["title"]


def test_threshold_steps_rise(board: dict[str, Any]) -> None:
    for panel in board["panels"]:
        steps = panel.get("fieldConfig", {}).get("defaults", {}).get("thresholds", {}).get("steps", [])
        values = [step["value"] for step in steps[1:]]
        assert values == sorted(values)
        assert not steps or steps[0]["value"] is None


def test_links_lead_to_boards_that_exist(board: dict[str, Any]) -> None:
    for uid in re.findall(r"/d/([a-z-]+)", json.dumps(board)):
        assert uid in BOARDS


def test_a_variable_means_the_same_on_every_board_that_links_carry_it_to() -> None:
    kinds: dict[str, set[tuple[str, bool]]] = {}
    for board in BOARDS.values():
        for each in board["templating"].get("list", []):
            kinds.setdefault(each["name"], set()).add((each["type"], each.get("multi", False)))
    assert {name: kind for name, kind in kinds.items() if len(kind) > 1} == {}


def test_the_sdk_reads_its_own_board_back(board: dict[str, Any]) -> None:
    again = Dashboard.from_json(board)
    assert again.uid == board["uid"]
    assert len(again.panels or []) == len(board["panels"])


def test_both_languages_ask_the_same_and_share_no_title() -> None:
    for uid, zh in BOARDS.items():
        if not uid.endswith("-zh"):
            continue
        en = BOARDS[uid.removesuffix("zh") + "en"]
        assert [panel["gridPos"] for panel in zh["panels"]] == [panel["gridPos"] for panel in en["panels"]]
        assert zh["title"] != en["title"]
        assert re.search(r"[一-鿿]", zh["title"])
        left = [p["title"] for p in en["panels"] if re.search(r"[一-鿿]", json.dumps(p, ensure_ascii=False))]
        assert left == []


def test_the_public_board_has_no_variables() -> None:
    for uid in ("beacon-announcement-zh", "beacon-announcement-en"):
        assert BOARDS[uid]["templating"].get("list", []) == []
        assert "${" not in json.dumps(BOARDS[uid]["panels"])


def test_a_time_range_is_offered_where_a_panel_heeds_it() -> None:
    for board in BOARDS.values():
        heeded = "$timeFilter" in json.dumps(board["panels"])
        assert board.get("timepicker", {}).get("hidden", False) is not heeded, board["uid"]


def test_the_committed_copy_is_what_the_source_makes() -> None:
    made = rendered()
    committed = {
        str(path.relative_to(DEPLOYED)): path.read_text("utf-8")
        for path in sorted(DEPLOYED.rglob("*"))
        if path.is_file() and path.suffix in {".json", ".yaml"}
    }
    assert committed.keys() == made.keys()
    stale = [name for name, text in made.items() if committed[name] != text]
    assert stale == [], "run: beacon boards render deploy/grafana"


def test_provisioning_files_are_yaml_with_both_data_sources() -> None:
    files = rendered()
    sources = yaml.safe_load(files["provisioning/datasources/beacon.yaml"])["datasources"]
    assert {source["uid"] for source in sources} == {ENERGY, SAMPLES}
    providers = yaml.safe_load(files["provisioning/dashboards/beacon.yaml"])["providers"]
    assert {provider["options"]["path"] for provider in providers} == {
        "/var/lib/grafana/beacon/zh",
        "/var/lib/grafana/beacon/en",
    }


def test_kubernetes_gets_the_same_boards_folders_and_data_sources_as_compose() -> None:
    files = rendered()
    documents = list(yaml.safe_load_all(kubernetes_yaml(BOARDS)))
    carried = {name: text for each in documents for name, text in each["data"].items()}
    assert carried.pop("beacon.yaml") == files["provisioning/datasources/beacon.yaml"]
    assert carried == {
        name.rsplit("/", 1)[1]: text for name, text in files.items() if name.startswith("dashboards/")
    }
    folders = {each["name"]: each["folder"] for each in yaml.safe_load(files[PROVIDERS])["providers"]}
    for document in documents:
        if document["metadata"]["labels"] == {"grafana_dashboard": "1"}:
            name, annotations = document["metadata"]["name"], document["metadata"]["annotations"]
            assert annotations["grafana_folder"] == folders[f"beacon-{name[-2:]}"]


def test_config_maps_fit_into_the_annotation_that_kubectl_apply_writes() -> None:
    for document in yaml.safe_load_all(kubernetes_yaml(BOARDS)):
        assert len(json.dumps(document)) < 262_144, document["metadata"]["name"]


def test_publishing_makes_the_data_sources_that_provisioning_makes() -> None:
    files = rendered()
    provisioned = yaml.safe_load(files["provisioning/datasources/beacon.yaml"])["datasources"]
    influx = InfluxAccess("${BEACON_INFLUX_URL}", "${BEACON_INFLUX_ENERGY}", "${BEACON_INFLUX_SAMPLES}", "t")
    published = Publisher("http://grafana", "t", influx, BOARDS)._sources()
    assert [
        {k: v for k, v in each.items() if k not in {"secureJsonData", "editable"}} for each in provisioned
    ] == list(published.values())


def test_render_says_which_path_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "dashboards").write_text("a file in the way")
    with pytest.raises(BeaconError, match=r"dashboards.*cannot be written"):
        render(tmp_path)
    assert (tmp_path / "dashboards").read_text() == "a file in the way"
