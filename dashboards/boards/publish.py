"""Publishing to a Grafana server: look at everything first, then write only what differs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import niquests
from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException, GrafanaUnauthorizedError

from dashboards.boards.influx import ENERGY, SAMPLES
from dashboards.boards.render import FOLDER
from drivers.errors import BeaconError

SOURCE = "beaconSource"
"""Key in the published JSON: hash of the board as generated. Grafana's editor drops it on saving, and
Grafana 13 then keeps the board in a format that this interface does not give: 406."""
VIEW, EDIT = 1, 2
PERMISSIONS = [{"role": "Viewer", "permission": VIEW}, {"role": "Editor", "permission": EDIT}]
NEEDED = ("folders:create", "dashboards:create", "datasources:create")

State = Literal["created", "updated", "unchanged", "edited by hand", "unavailable"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found, or done, with one thing on the server."""

    kind: str
    uid: str
    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True)
class InfluxAccess:
    """How Grafana reaches InfluxDB. `token` goes into Grafana's secret store."""

    url: str
    energy: str
    samples: str
    token: str = field(default="", repr=False)


def connect(url: str, token: str) -> Any:
    """A client for `https://host[:port][/path]`. Raises BeaconError if that is no address."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BeaconError(f"{url!r} is not the address of a Grafana server, write https://host:port")
    path = parts.path.strip("/")
    return GrafanaApi(
        auth=token,
        host=parts.hostname,
        port=parts.port,
        protocol=parts.scheme,
        url_path_prefix=f"{path}/" if path else "",
        timeout=20,
    )


@contextmanager
def _explained(url: str) -> Iterator[None]:
    try:
        yield
    except GrafanaUnauthorizedError as error:
        raise BeaconError(f"Grafana at {url} refused the token: {error.message}") from error
    except GrafanaException as error:
        if error.status_code == 403:
            raise BeaconError(
                f"Grafana at {url}: the token's account may not do this ({error.message}); "
                "give its service account the role Admin"
            ) from error
        raise BeaconError(f"Grafana at {url} answered: {error.message}") from error
    except (niquests.exceptions.RequestException, OSError) as error:
        raise BeaconError(f"Grafana at {url} cannot be reached: {error}") from error


def digest(board: Mapping[str, Any]) -> str:
    """SHA-256 of what a board says, leaving out what the server adds."""
    body = {key: value for key, value in board.items() if key not in {"id", "version", SOURCE}}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def differences(ours: Any, theirs: Any, at: str = "") -> list[str]:
    """Paths at which two JSON values differ, at most twenty."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        keys = sorted((ours.keys() | theirs.keys()) - ({"id", "version", SOURCE} if not at else set()))
        found = [path for key in keys for path in differences(ours.get(key), theirs.get(key), f"{at}.{key}")]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        found = [path for index, (a, b) in pairs for path in differences(a, b, f"{at}[{index}]")]
    else:
        found = [] if ours == theirs else [at.lstrip(".")]
    return found[:20]


def _maybe(api: GrafanaApi, path: str) -> Any:
    """The answer of GET, or None if there is no such thing."""
    try:
        return api.client.GET(path)
    except GrafanaClientError as error:
        if error.status_code == 404:
            return None
        raise


class Publisher:
    """One run against one server. `plan` only reads; `apply` writes what the plan says.

    overwrite: also boards that somebody edited by hand.
    """

    def __init__(
        self,
        url: str,
        token: str,
        influx: InfluxAccess,
        boards: Mapping[str, Mapping[str, Any]],
        *,
        overwrite: bool = False,
        public: Sequence[str] = (),
    ) -> None:
        self.url, self.influx, self.boards = url, influx, boards
        self.overwrite, self.public = overwrite, public
        self._api = connect(url, token)

    def plan(self) -> list[Outcome]:
        """What `apply` would do. Raises BeaconError if server, token or rights do not allow it."""
        with _explained(self.url):
            self._check_rights()
            return [
                *(self._plan_folder(lang) for lang in self._languages()),
                *(self._plan_source(uid) for uid in self._sources()),
                *(self._plan_board(uid) for uid in self.boards),
                *(self._plan_permissions(lang) for lang in self._languages()),
                *(self._plan_public(uid) for uid in self.public),
            ]

    def apply(self) -> list[Outcome]:
        """Make the server as planned. A second run changes nothing."""
        plan = self.plan()
        writers = {
            "folder": self._write_folder,
            "data source": self._write_source,
            "board": self._write_board,
            "permissions": self._write_permissions,
            "public board": self._write_public,
        }
        done = []
        with _explained(self.url):
            for outcome in plan:
                if outcome.state in {"created", "updated"}:
                    outcome = writers[outcome.kind](outcome)
                done.append(outcome)
        return done

    def _languages(self) -> list[str]:
        return [lang for lang in FOLDER if any(uid.endswith(f"-{lang}") for uid in self.boards)]

    def _check_rights(self) -> None:
        self._api.client.GET("/org")
        rights = _maybe(self._api, "/access-control/user/permissions")
        missing = [right for right in NEEDED if rights is not None and right not in rights]
        if missing:
            raise BeaconError(
                f"Grafana at {self.url}: the token's account lacks {', '.join(missing)}; "
                "give its service account the role Admin. Nothing was written."
            )

    def _plan_folder(self, lang: str) -> Outcome:
        found = _maybe(self._api, f"/folders/beacon-{lang}")
        return Outcome("folder", f"beacon-{lang}", "created" if found is None else "unchanged", FOLDER[lang])

    def _write_folder(self, outcome: Outcome) -> Outcome:
        self._api.folder.create_folder(outcome.detail, uid=outcome.uid)
        return outcome

    def _sources(self) -> dict[str, dict[str, Any]]:
        databases = {
            ENERGY: ("Beacon energy", self.influx.energy),
            SAMPLES: ("Beacon samples", self.influx.samples),
        }
        return {
            uid: {
                "uid": uid,
                "name": name,
                "type": "influxdb",
                "access": "proxy",
                "url": self.influx.url,
                "database": database,
                "jsonData": {"version": "InfluxQL", "dbName": database, "httpMode": "POST"}
                | ({"httpHeaderName1": "Authorization"} if self.influx.token else {}),
            }
            for uid, (name, database) in databases.items()
        }

    def _plan_source(self, uid: str) -> Outcome:
        found = _maybe(self._api, f"/datasources/uid/{uid}")
        wanted = self._sources()[uid]
        if found is None:
            return Outcome("data source", uid, "created")
        same = all(found.get(key) == value for key, value in wanted.items())
        has_token = bool(found.get("secureJsonFields", {}).get("httpHeaderValue1"))
        settled = same and has_token == bool(self.influx.token) and not self.overwrite
        return Outcome("data source", uid, "unchanged" if settled else "updated")

    def _write_source(self, outcome: Outcome) -> Outcome:
        wanted = self._sources()[outcome.uid]
        if self.influx.token:
            wanted["secureJsonData"] = {"httpHeaderValue1": f"Token {self.influx.token}"}
        if outcome.state == "created":
            self._api.datasource.create_datasource(wanted)
        else:
            self._api.datasource.update_datasource_by_uid(outcome.uid, wanted)
        return outcome

    def _plan_board(self, uid: str) -> Outcome:
        try:
            found = _maybe(self._api, f"/dashboards/uid/{uid}")
        except GrafanaClientError as error:
            if error.status_code != 406:
                raise
            return Outcome("board", uid, "updated" if self.overwrite else "edited by hand", "new format")
        if found is None:
            return Outcome("board", uid, "created")
        ours, theirs = self.boards[uid], found["dashboard"]
        if digest(ours) == digest(theirs):
            return Outcome("board", uid, "unchanged")
        paths = ", ".join(differences(ours, theirs)[:5])
        if theirs.get(SOURCE) != digest(theirs) and not self.overwrite:
            return Outcome("board", uid, "edited by hand", paths)
        return Outcome("board", uid, "updated", paths)

    def _write_board(self, outcome: Outcome) -> Outcome:
        board = self.boards[outcome.uid]
        lang = outcome.uid.rsplit("-", 1)[1]
        self._api.dashboard.update_dashboard(
            {
                "dashboard": {**board, SOURCE: digest(board)},
                "folderUid": f"beacon-{lang}",
                "message": f"beacon boards publish {digest(board)[:12]}",
                "overwrite": True,
            }
        )
        return outcome

    def _plan_permissions(self, lang: str) -> Outcome:
        have = {(each.get("role"), each.get("permission")) for each in self._permissions(f"beacon-{lang}")}
        want = {(each["role"], each["permission"]) for each in PERMISSIONS}
        return Outcome("permissions", f"beacon-{lang}", "unchanged" if want <= have else "updated")

    def _permissions(self, folder: str) -> list[dict[str, Any]]:
        """What was given for the folder itself."""
        found = _maybe(self._api, f"/folders/{folder}/permissions") or []
        return [each for each in found if not each.get("inherited")]

    def _write_permissions(self, outcome: Outcome) -> Outcome:
        """Give roles theirs; what users and teams have stays, service accounts need none."""
        kept = [
            {key: each[key], "permission": each["permission"]}
            for each in self._permissions(outcome.uid)
            for key in ("teamId", "userId")
            if each.get(key) and not str(each.get("userLogin", "")).startswith("sa-")
        ]
        self._api.folder.update_folder_permissions(outcome.uid, [*PERMISSIONS, *kept])
        return outcome

    def _plan_public(self, uid: str) -> Outcome:
        found = _maybe(self._api, f"/dashboards/uid/{uid}/public-dashboards")
        if found is None:
            return Outcome("public board", uid, "created")
        return Outcome(
            "public board", uid, "unchanged" if found.get("isEnabled") else "updated", self._address(found)
        )

    def _address(self, found: Mapping[str, Any]) -> str:
        return f"{self.url.rstrip('/')}/public-dashboards/{found.get('accessToken', '')}"

    def _write_public(self, outcome: Outcome) -> Outcome:
        path = f"/dashboards/uid/{outcome.uid}/public-dashboards"
        body = {
            "isEnabled": True,
            "timeSelectionEnabled": False,
            "annotationsEnabled": False,
            "share": "public",
        }
        if outcome.state == "updated":
            found = self._api.client.GET(path)
            answer = self._api.client.PATCH(f"{path}/{found['uid']}", json=body)
            return Outcome("public board", outcome.uid, "updated", self._address(answer))
        try:
            answer = self._api.client.POST(path, json=body)
        except GrafanaClientError as error:
            if error.status_code != 404:
                raise
            return Outcome("public board", outcome.uid, "unavailable", "this server has no public dashboards")
        return Outcome("public board", outcome.uid, "created", self._address(answer))
