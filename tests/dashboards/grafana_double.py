"""A stand-in for Grafana's HTTP API: the requests that publishing makes, answered as Grafana 11 does.

Tests of publishing run against it, and against a real server where there is one: `test_boards_contract.py`.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

TOKEN = "glsa_right"
ADMIN = "admin", "right"
_AUTHORIZED = {f"Bearer {TOKEN}", "Basic " + base64.b64encode(":".join(ADMIN).encode()).decode()}


@dataclass
class Grafana:
    """What the server holds, and every write it saw."""

    url: str = ""
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    permissions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)
    public: dict[str, dict[str, Any]] = field(default_factory=dict)
    rights: dict[str, list[str]] | None = field(
        default_factory=lambda: {
            "folders:create": [""],
            "dashboards:create": [""],
            "datasources:create": [""],
        }
    )
    has_public: bool = True
    writes: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    new_format: set[str] = field(default_factory=set)
    """Boards that somebody saved with the editor of Grafana 13, which `/api` does not give."""

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def authenticate(request: Request, call_next: Any) -> Any:
            if request.headers.get("authorization") not in _AUTHORIZED:
                return JSONResponse({"message": "Invalid API key"}, 401)
            if request.method != "GET":
                self.writes.append(f"{request.method} {request.url.path}")
            return await call_next(request)

        def found(table: dict[str, Any], uid: str) -> Any:
            return table[uid] if uid in table else JSONResponse({"message": "not found"}, 404)

        app.get("/api/org")(lambda: {"id": 1, "name": "Main Org."})
        app.get("/api/access-control/user/permissions")(
            lambda: self.rights if self.rights is not None else JSONResponse({"message": "Not found"}, 404)
        )
        app.get("/api/folders/{uid}")(lambda uid: found(self.folders, uid))
        app.get("/api/folders/{uid}/permissions")(lambda uid: found(self.permissions, uid))
        app.get("/api/datasources/uid/{uid}")(lambda uid: found(self.sources, uid))

        @app.get("/api/dashboards/uid/{uid}")
        def saved(uid: str) -> Any:
            if uid in self.new_format:
                return JSONResponse({"message": "dashboard api version not supported"}, 406)
            return found(self.boards, uid)

        app.get("/api/dashboards/uid/{uid}/public-dashboards")(lambda uid: found(self.public, uid))

        @app.post("/api/folders")
        async def folder(request: Request) -> Any:
            body = await request.json()
            self.folders[body["uid"]] = body
            self.permissions[body["uid"]] = [
                {"role": "Editor", "permission": 2, "inherited": True},
                {"userId": 2, "userLogin": "somebody", "permission": 4, "inherited": False},
            ]
            return body

        @app.post("/api/folders/{uid}/permissions")
        async def permit(uid: str, request: Request) -> Any:
            self.permissions[uid] = (await request.json())["items"]
            return {"message": "Folder permissions updated"}

        async def source(request: Request) -> Any:
            body = await request.json()
            secret = body.pop("secureJsonData", {})
            self.secrets += secret.values()
            self.sources[body["uid"]] = body | {"id": 7, "secureJsonFields": dict.fromkeys(secret, True)}
            return {"datasource": body}

        app.post("/api/datasources")(source)
        app.put("/api/datasources/uid/{uid}")(source)

        @app.post("/api/dashboards/db")
        async def board(request: Request) -> Any:
            body = await request.json()
            uid = body["dashboard"]["uid"]
            if uid in self.new_format and not body.get("overwrite"):
                return JSONResponse({"message": "a newer version"}, 412)
            self.new_format.discard(uid)
            version = self.boards.get(uid, {"dashboard": {"version": 0}})["dashboard"]["version"] + 1
            if not body.get("overwrite") and body["dashboard"].get("version", 0) != version - 1:
                return JSONResponse({"status": "version-mismatch", "message": "changed meanwhile"}, 412)
            stored = body["dashboard"] | {"id": len(self.boards) + 1, "version": version}
            self.boards[uid] = {"dashboard": stored, "meta": {"folderUid": body["folderUid"]}}
            return {"uid": uid, "status": "success", "version": version}

        @app.post("/api/dashboards/uid/{uid}/public-dashboards")
        async def share(uid: str, request: Request) -> Any:
            if not self.has_public:
                return JSONResponse({"message": "Not found"}, 404)
            self.public[uid] = await request.json() | {"uid": f"p-{uid}", "accessToken": f"a-{uid}"}
            return self.public[uid]

        @app.patch("/api/dashboards/uid/{uid}/public-dashboards/{public}")
        async def reshare(uid: str, public: str, request: Request) -> Any:
            self.public[uid] |= await request.json()
            return self.public[uid]

        @app.delete("/api/folders/{uid}")
        def remove_folder(uid: str) -> Any:
            del self.folders[uid], self.permissions[uid]
            self.boards = {k: v for k, v in self.boards.items() if v["meta"]["folderUid"] != uid}
            self.public = {k: v for k, v in self.public.items() if k in self.boards}
            return {"message": "Folder deleted"}

        @app.delete("/api/datasources/uid/{uid}")
        def remove_source(uid: str) -> Any:
            del self.sources[uid]
            return {"message": "Data source deleted"}

        app.post("/api/serviceaccounts")(lambda: {"id": 5})
        app.post("/api/serviceaccounts/5/tokens")(lambda: {"id": 1, "key": TOKEN})
        app.delete("/api/serviceaccounts/5")(lambda: {"message": "Service account deleted"})
        return app


@contextlib.contextmanager
def serving(grafana: Grafana) -> Iterator[Grafana]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        grafana.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(grafana.app(), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.01)
        try:
            yield grafana
        finally:
            server.should_exit = True
            thread.join(10)
