"""How the read API answers: a page as JSON, everything as CSV, and what both are called in OpenAPI."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Path, Query
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from dashboards.site.language import Language
from dashboards.site.routes.records import Mistakes, Page, Problem

Record = TypeVar("Record", bound=BaseModel)
CSV_ROWS = 500


def words(key: str) -> str:
    """A description in English, as OpenAPI has it; the page about the API has it in both languages."""
    return Language("en").t(key)


Format = Annotated[Literal["json", "csv"], Query(description=words("parameter.format"))]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description=words("parameter.offset"))]
Limit = Annotated[int, Query(ge=1, le=1000, description=words("parameter.limit"))]
Region = Annotated[
    str, Query(pattern=r"^(\d{6})?$", description=words("parameter.region"), examples=["330100"])
]
Building = Annotated[
    str,
    Query(
        pattern=r"^([0-9]{6}[A-H][0-9]{3})?$",
        description=words("parameter.building"),
        examples=["330106A001"],
    ),
]
BuildingId = Annotated[str, Path(description=words("parameter.building_path"), examples=["330106A001"])]


def described(name: str, *, one: bool = False, listed: bool = True) -> dict[str, Any]:
    """What OpenAPI says of an operation. one: of one building, which may not exist. listed: also as CSV."""
    responses: dict[int | str, dict[str, Any]] = {
        401: {"model": Problem, "description": words("api.answer_401")},
        422: {"model": Mistakes, "description": words("api.answer_422")},
        503: {"model": Problem, "description": words("api.answer_503")},
    }
    if one:
        responses[404] = {"model": Problem, "description": words("api.answer_404")}
    if listed:
        responses[200] = {
            "description": words("api.answer_200"),
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    return {
        "operation_id": name,
        "summary": words(f"operation.{name}"),
        "description": words(f"operation.{name}_text"),
        "responses": responses,
    }


def mistake(parameter: str, problem: str) -> RequestValidationError:
    """A value that only its neighbours show to be wrong."""
    return RequestValidationError([{"loc": ("query", parameter), "msg": problem, "type": "value_error"}])


def paged(
    rows: Sequence[Any], record: Callable[[Any], Record], name: str, format: str, offset: int, limit: int
) -> Response:
    """One page of `rows` as records, or all of them as CSV."""
    if format == "csv":
        return csv_file(name, map(record, rows))
    return page_of(len(rows), offset, limit, [record(row) for row in rows[offset : offset + limit]])


def page_of(total: int, offset: int, limit: int, items: list[Any]) -> Response:
    end = offset + limit
    page = Page[Any](total=total, offset=offset, next=end if end < total else None, items=items)
    return Response(page.model_dump_json(), media_type="application/json")


def csv_file(name: str, records: Iterable[BaseModel]) -> Response:
    """CSV with a header, in UTF-8 with a byte order mark, so that spreadsheets read Chinese; sent in parts.

    The first part is read here: a store that does not answer is an error and not half a file.
    """
    parts = _csv_parts(iter(records))
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(
        chain([next(parts)], parts), media_type="text/csv; charset=utf-8", headers=headers
    )


def _csv_parts(records: Iterator[BaseModel]) -> Iterator[str]:
    text = io.StringIO("\ufeff")
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text)
    header: list[str] = []
    while True:
        for record in islice(records, CSV_ROWS):
            if not header:
                header = list(type(record).model_fields)
                writer.writerow(header)
            writer.writerow([_cell(getattr(record, name)) for name in header])
        done = text.getvalue()
        if header and not done:
            return
        yield done
        if not header:
            return
        text.seek(0)
        text.truncate()


def _cell(value: object) -> object:
    """Text that a spreadsheet would run as a formula gets an apostrophe."""
    if isinstance(value, str) and value[:1] in "=+-@\t\r" and value:
        return "'" + value
    return value
