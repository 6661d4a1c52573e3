"""The site's pages, read API and live stream over a real SQLite store."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import validate
from site_world import HOSPITAL, HOTEL, LIBRARY, MAIN_KW, NOW, OFFICE, PV_KW, Deaf, services

from dashboards.announce.publication import Index, Published
from dashboards.site import SiteServices, create_app
from dashboards.site.language import Language, messages
from drivers.quantity import vocabulary

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
ZH = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
PAGES = [
    "/", "/?type=hotel&sort=eui", "/regions/330000", "/regions/330100", f"/buildings/{OFFICE}",
    f"/buildings/{OFFICE}?span=week", f"/buildings/{OFFICE}?span=month", f"/buildings/{LIBRARY}",
    f"/buildings/{OFFICE}/devices/main", f"/buildings/{OFFICE}/devices/pump?quantity=supply_temperature",
    f"/buildings/{OFFICE}/explain", f"/buildings/{HOTEL}/explain?period=2026",
    f"/buildings/{LIBRARY}/explain", "/heat-pumps", f"/buildings/{OFFICE}/heat-pumps",
    "/alerts", "/alerts?state=resolved&severity=info", "/alerts/1", "/announcements", "/edges",
    "/commissioning", f"/commissioning?building={OFFICE}",
    "/api/v1/docs", "/nowhere",
]  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SiteServices:
    return services(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def client(world: SiteServices) -> Iterator[TestClient]:
    with TestClient(create_app(world)) as client:
        yield client


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_speaks_both_languages(client: TestClient, path: str, language: str) -> None:
    answer = client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == (404 if path == "/nowhere" else 200)
    assert f'<html lang="{"zh-Hans" if language == "zh" else "en"}"' in answer.text
    assert len(answer.content) < 300_000
    assert not re.search(r"\b(None|nan|inf)\b", re.sub(r"<script.*?</script>", "", answer.text, flags=re.S))


def test_catalogue_has_both_texts_and_no_dead_ones() -> None:
    assert messages("en").keys() == messages("zh").keys()
    assert all(text.strip() for code in ("en", "zh") for text in messages(code).values())
    site = Path(__import__("dashboards.site").site.__file__).parent
    source = "\n".join(p.read_text() for p in [*site.rglob("*.py"), *site.rglob("*.html")])
    composed = set(re.findall(r'"(\w+)\." ~|f"(\w+)\.\{', source))
    sections = {a or b for a, b in composed}
    prefixes = ("alert.state_", "edge.clock_", "quantity.")
    dead = [
        key
        for key in messages("en")
        if key not in source
        and key.split(".")[0] not in sections
        and not key.startswith(prefixes)
        and not key.endswith(("_one", "_short"))
    ]
    assert dead == []


@pytest.mark.parametrize("code", ["en", "zh"])
def test_every_quantity_has_a_name_of_its_own(code: str) -> None:
    names = [Language(code).quantity(name) for name in vocabulary()]
    assert not {name for name in names if "_" in name}
    assert len(set(names)) == len(vocabulary())


def test_places_are_said_in_words_and_states_as_yes_or_no() -> None:
    en, zh = Language("en"), Language("zh")
    assert (en.quantity("thd_voltage_l31"), zh.quantity("thd_voltage_l31")) == (
        "THD of voltage L3-L1",
        "CA 线电压总谐波畸变率",
    )
    assert (en.quantity("current_ch7"), zh.quantity("voltage_l2n")) == ("Current, channel 7", "B 相电压")
    assert (zh.reading("compressor_running", 1.0), en.reading("defrost_active", 0.0)) == ("是", "no")
    assert (en.reading("operating_mode", 2.0), en.reading("pulse_count", 1234.0)) == ("2", "1,234")
    assert en.reading("active_power_total", 2.0) == "2.00"


def test_a_column_keeps_one_unit_and_a_time_of_another_day_says_the_day() -> None:
    column = Language("en").column([154_000.0, 47_391.0, None], "kWh")
    assert (column.unit, column.text(154_000.0), column.text(47_391.0), column.text(None)) == (
        "MWh", "154.0", "47.4", "–",
    )  # fmt: skip
    assert Language("en").column([900.0], "kWh").text(900.0) == "900"
    assert Language("en").recent(NOW - HOUR_MS, NOW) == "14:05:00"
    assert Language("zh").recent(NOW - DAY_MS, NOW) == "11月19日 15:05:00"


def test_names_are_escaped(client: TestClient) -> None:
    text = client.get("/").text + client.get(f"/buildings/{OFFICE}").text + client.get("/alerts").text
    assert "West Lake &lt;Office&gt;" in text
    assert "Power &lt;above&gt; contract" in text
    assert "<Office>" not in text
    assert "<above>" not in text


def test_list_shows_power_change_and_intensity(client: TestClient) -> None:
    row = re.search(rf'<a href="/buildings/{OFFICE}">.*?</tr>', client.get("/").text, re.S)
    assert row is not None
    assert f">{MAIN_KW + PV_KW:.0f}<" in row[0]  # main import plus own generation
    assert "▲ 25.0%" in row[0]  # 1,000 kWh a day after 800
    assert "Over quota" in row[0]
    assert "108%" in row[0]


def test_urgent_buildings_come_first_and_filters_hold(client: TestClient) -> None:
    def order(path: str) -> list[str]:
        return re.findall(r'<th scope="row"><a href="/buildings/(\w+)"', client.get(path).text)

    assert order("/") == [OFFICE, HOTEL, HOSPITAL, LIBRARY]
    assert order("/?level=warning") == [HOTEL]
    assert order("/?type=hospital") == [HOSPITAL]
    assert order("/?region=330500") == [LIBRARY]
    assert order("/?q=spring") == [HOSPITAL]
    assert order("/?q=观潮") == [HOTEL]
    assert order("/regions/330100?sort=name") == [OFFICE, HOSPITAL]
    assert order("/?q=nothing-like-it") == []


def test_building_page_draws_what_it_says(client: TestClient) -> None:
    text = client.get(f"/buildings/{OFFICE}").text
    assert "Lighting and sockets" in text
    assert "50%" in text  # 500 of 1,000 kWh
    assert re.search(r"Without a sub-meter.*?25%", text, re.S)
    assert 'class="gauge"' in text
    assert "Energy: 108% of the limit used, 88% expected by today" in text
    assert 'class="band"' in text
    assert re.search(r'data-live="pump/pump/cop">4.00<', text)
    assert "75%" in text  # of the generation used in the building
    assert text.count('class="h') >= 24 * 7


def test_building_without_meters_says_so(client: TestClient) -> None:
    text = client.get(f"/buildings/{LIBRARY}").text
    assert "No quota has been judged" in text
    assert "No interval energy from the main meters yet" in text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/buildings/999999A999", 404), ("/regions/440000", 404), ("/regions/abc", 404), ("/alerts/77", 404),
        ("/buildings/999999A999/explain", 404), (f"/buildings/{HOTEL}/heat-pumps", 404),
        (f"/buildings/{OFFICE}/explain?period=2019", 404),
        (f"/buildings/{OFFICE}/explain?period=0000-00", 422),
        (f"/buildings/{OFFICE}/explain?period=0000", 404),
        (f"/buildings/{OFFICE}/devices/nothing", 404), ("/announcements/x", 404), ("/?page=0", 422),
        ("/?region=33", 422), ("/static/../app.py", 404), ("/alerts/0", 422), ("/login", 404),
        ("/" + "x" * 5000, 414),
    ],
)  # fmt: skip
def test_wrong_addresses_get_a_clear_answer(client: TestClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/api/v1/buildings", f"/buildings/{OFFICE}/explain", "/static/site.css"]
)
def test_head_is_get_without_its_body(client: TestClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


def test_head_does_not_open_a_stream(client: TestClient) -> None:
    assert client.head("/live/latest").status_code in {404, 405}


def test_a_damaged_index_is_a_page_and_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = replace(services(tmp_path), announcements=tmp_path)
    (tmp_path / "index.json").write_text("{")
    with TestClient(create_app(site)) as client:
        answer = client.get("/announcements", headers=ZH)
    assert (answer.status_code, "故障已记录" in answer.text) == (500, True)
    assert "index.json: is not an index of announcements" in caplog.text


def test_security_headers_forbid_inline_scripts_and_strangers(client: TestClient) -> None:
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r'(src|href)="(https?:)?//', answer.text)
    assert not re.search(r"\sstyle=|\son\w+=", answer.text)


def test_language_and_theme_switch_stay_on_the_site(world: SiteServices) -> None:
    with TestClient(create_app(world)) as client:
        answer = client.get("/language/zh", params={"next": "/edges"}, follow_redirects=False)
        assert answer.headers["location"] == "/edges"
        assert "采集终端" in client.get("/edges").text
        for stranger in ("//evil.example", "https://evil.example", "/\\evil.example"):
            answer = client.get("/theme/dark", params={"next": stranger}, follow_redirects=False)
            assert answer.headers["location"] == "/"
        assert 'data-theme="dark"' in client.get("/").text


def test_assets_are_kept_for_ever_under_their_hash(client: TestClient) -> None:
    href = re.search(r'href="(/static/site.css\?v=\w+)"', client.get("/").text)
    assert href is not None
    assert "immutable" in client.get(href[1]).headers["cache-control"]
    assert "cache-control" not in client.get("/static/site.css").headers


def test_api_pages_and_csv(client: TestClient) -> None:
    page = client.get("/api/v1/buildings", params={"limit": 3}).json()
    assert (page["total"], page["next"], len(page["items"])) == (4, 3, 3)
    assert client.get("/api/v1/buildings", params={"limit": 3, "offset": 3}).json()["next"] is None
    office = client.get(f"/api/v1/buildings/{OFFICE}").json()
    assert office["power_kw"] == MAIN_KW + PV_KW
    assert office["level"] == "exceeded"
    assert office["change"] == pytest.approx(0.25)
    text = client.get("/api/v1/buildings", params={"format": "csv"}).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["id"] for row in rows] == [OFFICE, HOSPITAL, HOTEL, LIBRARY]
    assert rows[1]["name_zh"] == "清泉医院"


def test_api_energy_by_day_and_month(client: TestClient) -> None:
    query = {"building": OFFICE, "first": "2026-01-01", "last": "2026-02-28", "by": "month"}
    months = client.get("/api/v1/energy", params=query).json()["items"]
    assert [(m["period"], m["energy"]) for m in months] == [("2026-01", 31_000.0), ("2026-02", 28_000.0)]
    days = client.get("/api/v1/energy", params={**query, "by": "day"}).json()
    assert days["total"] == 59
    assert client.get("/api/v1/energy", params={**query, "last": "2028-01-01"}).status_code == 422
    assert (
        client.get("/api/v1/energy", params={**query, "first": "soon"})
        .json()["detail"][0]
        .startswith("first:")
    )


def test_api_series_judgements_alerts_edges(client: TestClient) -> None:
    query = {"device": "pump", "quantity": "thermal_power", "start": NOW - 4_000_000, "end": NOW, "step_s": 0}
    points = client.get(f"/api/v1/buildings/{OFFICE}/series", params=query).json()["items"]
    assert [p["value"] for p in points] == [44.0, 43.0, 42.0, 41.0, 40.0]
    assert client.get(f"/api/v1/buildings/{OFFICE}/series", params={**query, "start": 0}).status_code == 422
    assert client.get("/api/v1/judgements", params={"period": "2026"}).json()["total"] == 4
    assert [a["rule"] for a in client.get("/api/v1/alerts").json()["items"]] == ["over_power", "no_data"]
    edges = {e["edge"]: e for e in client.get("/api/v1/edges").json()["items"]}
    assert edges["pi-1"]["online"]
    assert not edges["pi-2"]["online"]
    assert edges["pi-2"]["failing"] == {"main": "no answer from unit 3"}
    devices = client.get(f"/api/v1/buildings/{OFFICE}/devices").json()
    assert [d["device"] for d in devices] == ["main", "pump", "roof"]


@pytest.fixture(scope="module")
def schema(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/v1/openapi.json").json()
    return found


def test_openapi_describes_every_route(schema: dict[str, Any]) -> None:
    assert {path.removeprefix("/api/v1") for path in schema["paths"]} == {
        "/buildings", "/buildings/{building}", "/buildings/{building}/devices",
        "/buildings/{building}/series", "/energy", "/judgements", "/alerts", "/edges",
    }  # fmt: skip
    assert "offset = next" in schema["info"]["description"]
    for path, methods in schema["paths"].items():
        operation = methods["get"]
        assert operation["description"], path
        assert operation["security"] == [{"token": []}], path
        assert all(p["description"] for p in operation.get("parameters", [])), path
        errors = {"401", "422", "503"} | ({"404"} if "{" in path else set())
        assert operation["responses"].keys() == {"200", *errors}, path
        listed = "limit" in {p["name"] for p in operation.get("parameters", [])}
        assert ("text/csv" in operation["responses"]["200"]["content"]) == listed, path
    silent = [
        (name, field)
        for name, model in schema["components"]["schemas"].items()
        for field, said in model.get("properties", {}).items()
        if not said.get("description")
    ]
    assert silent == []


ASKED = {
    "/api/v1/buildings": {"region": "330100", "type": "hospital", "limit": 1},
    "/api/v1/buildings/{building}": {},
    "/api/v1/buildings/{building}/devices": {},
    "/api/v1/buildings/{building}/series": {
        "device": "pump", "quantity": "thermal_power", "start": NOW - HOUR_MS, "end": NOW,
    },
    "/api/v1/energy": {"first": "2026-10-01", "last": "2026-10-03", "carrier": "", "item": "", "limit": 3},
    "/api/v1/judgements": {"period": "2026"},
    "/api/v1/alerts": {},
    "/api/v1/edges": {},
}  # fmt: skip


@pytest.mark.parametrize("path", ASKED)
def test_answers_are_what_openapi_says(client: TestClient, schema: dict[str, Any], path: str) -> None:
    operation = schema["paths"][path]["get"]

    def check(answer: Any) -> Any:
        said = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
        validate(answer.json(), {**said, "components": schema["components"]})
        return answer.json()

    address = path.format(building=OFFICE)
    page = check(client.get(address, params=ASKED[path]))
    if "limit" in (names := {p["name"] for p in operation.get("parameters", [])}):
        assert page["items"]
        assert (page["next"] is None) == (page["total"] <= len(page["items"]))
        file = client.get(address, params={**ASKED[path], "format": "csv"})
        assert len(list(csv.DictReader(io.StringIO(file.text.lstrip("\ufeff"))))) == page["total"]
        wrong = client.get(address, params={**ASKED[path], "limit": 0})
        assert check(wrong)["detail"][0].startswith("limit: ")
    if "{" in path:
        missing = client.get(path.format(building="999999A999"), params=ASKED[path])
        assert check(missing)["detail"]
    if "first" in names:
        swapped = client.get(address, params={"first": "2026-10-02", "last": "2026-10-01"})
        assert check(swapped)["detail"] == ["last: must not be before first"]


def test_spreadsheet_formulas_are_disarmed(world: SiteServices, tmp_path: Path) -> None:
    buildings = dict(world.registry.buildings)
    buildings[HOTEL] = replace(buildings[HOTEL], name_en="=HYPERLINK(1)")
    changed = replace(world, registry=replace(world.registry, buildings=buildings))
    with TestClient(create_app(changed)) as client:
        text = client.get("/api/v1/buildings", params={"format": "csv"}).text
    assert "'=HYPERLINK(1)" in text
    assert ",=HYPERLINK" not in text


def test_metrics_and_health(client: TestClient) -> None:
    assert client.get("/healthz").text == "ok"
    text = client.get("/metrics").text
    assert 'beacon_buildings{level="exceeded"} 1.0' in text
    assert 'beacon_edge_online{edge="pi-2",site="nb"} 0.0' in text
    assert 'beacon_alerts{state="open"} 2.0' in text


def test_an_absent_store_is_said_clearly(world: SiteServices) -> None:
    with TestClient(create_app(replace(world, store=Deaf()))) as client:  # type: ignore[arg-type]
        answer = client.get("/", headers=ZH)
        assert answer.status_code == 503
        assert "数据库暂时无法访问" in answer.text
        assert client.get("/healthz").status_code == 503
        assert client.get("/api/v1/edges").json()["detail"].startswith("Readings wait safely")


def test_too_large_a_body_is_refused(client: TestClient) -> None:
    assert client.post("/alerts/1/acknowledge", content=b"x" * 70_000).status_code == 413


def test_announcements_are_listed_shown_and_served(world: SiteServices, tmp_path: Path) -> None:
    number = "33-2026-10-01"
    names = ("announcement.en.html", "announcement.zh.html", "announcement.csv")
    files = {name: f"<p>{name}</p>".encode() for name in names}
    (tmp_path / number).mkdir()
    for name, data in files.items():
        (tmp_path / number / name).write_bytes(data)
    (tmp_path / number / "secret.txt").write_text("not announced")
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    published = Published(number=number, region="33", period="2026-10", named=True, issued_on="2026-11-05",
                          official=True, content="0" * 64, files=hashes)  # fmt: skip
    (tmp_path / "index.json").write_text(Index(announcements=(published,)).model_dump_json())
    with TestClient(create_app(replace(world, announcements=tmp_path))) as client:
        assert "Zhejiang: building energy and carbon, Oct 2026" in client.get("/announcements").text
        page = client.get(f"/announcements/{number}", headers=ZH).text
        assert f'src="/announcements/{number}/files/announcement.zh.html"' in page
        assert hashes["announcement.csv"] in page
        served = client.get(f"/announcements/{number}/files/announcement.en.html")
        assert served.content == files["announcement.en.html"]
        assert "script-src" not in served.headers["content-security-policy"]
        assert "default-src 'none'" in served.headers["content-security-policy"]
        for name in ("secret.txt", "../index.json", "..%2Findex.json"):
            assert client.get(f"/announcements/{number}/files/{name}").status_code == 404


def test_portfolio_streams_only_the_rows_on_the_page(client: TestClient) -> None:
    address = re.search(r'data-stream="([^"]+)"', client.get("/?type=hospital").text)
    assert address is not None
    assert address[1] == f"/live/portfolio?region=&amp;shown={HOSPITAL}"


def test_the_page_of_the_api_says_which_values_a_parameter_may_have(client: TestClient) -> None:
    text = client.get("/api/v1/docs", headers=ZH).text
    assert "government_office | commercial_office" in text
    assert "electricity | water" in text
    assert "逐日或逐月能耗" in text
    assert not re.search(r"(first day|how many records|Energy by local day)", text)
