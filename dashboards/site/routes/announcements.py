"""Published announcements: the list, one of them, its files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse

from dashboards.site.context import Context, language_of
from dashboards.site.guard import DOCUMENT_POLICY
from dashboards.site.language import Language
from dashboards.site.views.announced import MEDIA_TYPES, Entry, entries, file_label, ordered


def router(context: Context) -> APIRouter:
    """Routes below `/announcements`."""
    routes = APIRouter()

    def every() -> list[Entry]:
        return context.cache.get("announcements", 2.0, lambda: entries(context.services.announcements))

    def one(number: str) -> Entry:
        found = next((entry for entry in every() if entry.published.number == number), None)
        if found is None:
            raise HTTPException(404, "announcement")
        return found

    def title(language: Language, entry: Entry) -> str:
        where = language.region(context.services.registry, entry.published.region.ljust(6, "0"))
        return language.t("announcement.title", region=where, period=language.period(entry.published.period))

    @routes.get("/announcements", response_class=HTMLResponse)
    def announcements(request: Request) -> HTMLResponse:
        language = language_of(request)
        return context.page(
            request,
            "announcements.html",
            entries=[(entry, title(language, entry)) for entry in every()],
            file_label=file_label,
            ordered=ordered,
            issued_on=lambda published: date.fromisoformat(published.issued_on),
        )

    @routes.get("/announcements/{number}", response_class=HTMLResponse)
    def announcement(request: Request, number: str) -> HTMLResponse:
        entry, language = one(number), language_of(request)
        return context.page(
            request,
            "announcement.html",
            entry=entry,
            title=title(language, entry),
            html=entry.file(".html", language.code),
            file_label=file_label,
            ordered=ordered,
            issued_on=lambda published: date.fromisoformat(published.issued_on),
        )

    @routes.get("/announcements/{number}/files/{name}")
    def file(number: str, name: str) -> FileResponse:
        entry = one(number)
        directory = context.services.announcements or Path()
        path = directory / number / name
        if name not in entry.published.files or not path.is_file():
            raise HTTPException(404, "announcement")
        return FileResponse(
            path,
            media_type=MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
            filename=f"{number}-{name}",
            content_disposition_type="inline" if path.suffix in (".html", ".pdf") else "attachment",
            headers={"Content-Security-Policy": DOCUMENT_POLICY} if path.suffix == ".html" else None,
        )

    return routes
