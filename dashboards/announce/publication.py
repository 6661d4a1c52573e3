"""Publishing: numbered, never changed, every file's SHA-256 in a chained index.

`DIR/index.json` lists what was published. Each entry carries the hash of the entry before, so that
neither a file nor an old entry can be changed unseen. A correction is a new number.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dashboards.announce.model import SILENT, Announcement
from drivers.errors import BeaconError, RequestError

INDEX = "index.json"
PART = ".part-"
LOCK_WAIT_S = 1_800.0
"""A province's files take a minute; whoever waits longer than this waits for something that hangs."""
Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Published(BaseModel):
    """One announcement in the index. content: hash of what it says, without number and date."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: str
    region: str
    period: str
    named: bool
    issued_on: str
    official: bool
    corrects: str = ""
    content: Sha
    files: dict[str, Sha]
    before: str = ""
    hash: str = ""

    def digest(self) -> str:
        body = self.model_dump(exclude={"hash"})
        return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


class Index(BaseModel):
    """Everything published in one directory, oldest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    announcements: tuple[Published, ...] = ()

    def latest(self, region: str, period: str, named: bool) -> Published | None:
        """The announcement in force for a region and period."""
        found = [e for e in self.announcements if (e.region, e.period, e.named) == (region, period, named)]
        return found[-1] if found else None


def read_index(directory: Path) -> Index:
    """Raises BeaconError if the index cannot be read or is none."""
    path = directory / INDEX
    try:
        return Index.model_validate_json(path.read_bytes()) if path.exists() else Index()
    except OSError as error:
        raise BeaconError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise BeaconError(f"{path}: is not an index of announcements: {error.errors()[0]['msg']}") from error


def content_hash(announcement: Announcement, render: Callable[[Announcement], bytes]) -> str:
    """Hash of what is said; number, date and correction are left out. render: makes all of it data."""
    said = replace(announcement, number="", issued_on=date.min, corrects="", correction=SILENT)
    return hashlib.sha256(render(said)).hexdigest()


def _next_number(directory: Path, index: Index, announcement: Announcement) -> str:
    head = f"{announcement.region}-{announcement.period}"
    taken = {entry.number for entry in index.announcements}
    serial = 1
    while f"{head}-{serial:02d}" in taken or (directory / f"{head}-{serial:02d}").exists():
        serial += 1
    return f"{head}-{serial:02d}"


def publish(
    directory: Path,
    announcement: Announcement,
    content: str,
    write: Callable[[Announcement], Mapping[str, bytes]],
) -> Published:
    """Give the announcement its number, write its files and enter it into the index.

    write: makes the files of the numbered announcement, name -> bytes. All appear at once or not at
        all. content: see `content_hash`.
    Raises BeaconError if the same period was announced and this is no correction, if it corrects
    what it cannot, or if the directory cannot be written.
    """
    _check_place(read_index(directory), announcement, content)  # a wrong request leaves no trace
    try:
        with _alone(directory):
            return _publish(directory, announcement, content, write)
    except OSError as error:
        raise BeaconError(f"{error.filename or directory}: cannot be written: {error.strerror}") from error


def _publish(
    directory: Path,
    announcement: Announcement,
    content: str,
    write: Callable[[Announcement], Mapping[str, bytes]],
) -> Published:
    index = read_index(directory)
    _check_place(index, announcement, content)
    numbered = replace(announcement, number=_next_number(directory, index, announcement))
    files = write(numbered)
    entry = Published(
        number=numbered.number,
        region=numbered.region,
        period=str(numbered.period),
        named=numbered.named,
        issued_on=numbered.issued_on.isoformat(),
        official=numbered.official,
        corrects=numbered.corrects,
        content=content,
        files={name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
        before=index.announcements[-1].hash if index.announcements else "",
    )
    entry = entry.model_copy(update={"hash": entry.digest()})
    _write(directory, numbered.number, files)
    _write_index(directory, Index(announcements=(*index.announcements, entry)))
    return entry


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One publisher at a time: numbers and the index follow from what is there."""
    directory.mkdir(parents=True, exist_ok=True)
    held = os.open(directory, os.O_RDONLY)
    try:
        _lock(held, directory)
        for left in directory.glob(f"{PART}*"):  # of a publisher that was killed
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(held)


def _lock(held: int, directory: Path) -> None:
    until = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            return fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise BeaconError(
                    f"{directory}: another announcement is being published there for more than "
                    f"{LOCK_WAIT_S / 60:g} minutes; end that one, then try again"
                ) from None
            time.sleep(0.1)


def _check_place(index: Index, announcement: Announcement, content: str) -> None:
    last = index.latest(announcement.region, str(announcement.period), announcement.named)
    known = {entry.number: entry for entry in index.announcements}
    if announcement.corrects:
        _check_corrected(index, known.get(announcement.corrects), announcement)
    if last is None:
        return
    if last.content == content:
        raise RequestError(f"this is already published as {last.number}; nothing has changed since")
    if announcement.corrects != last.number:
        raise RequestError(
            f"{announcement.region} {announcement.period} is already published as {last.number}, "
            "and what is published is never changed: "
            f"publish a correction with --corrects {last.number} --reason …"
        )


def _check_corrected(index: Index, corrected: Published | None, announcement: Announcement) -> None:
    """A correction is of the same region and period; it may be the first without or with names."""
    if corrected is None:
        raise RequestError(f"there is no announcement {announcement.corrects} to correct")
    if (corrected.region, corrected.period) != (announcement.region, str(announcement.period)):
        raise RequestError(
            f"{corrected.number} is about {corrected.region} {corrected.period}, this one about "
            f"{announcement.region} {announcement.period}: a correction has the same region and period"
        )
    for entry in index.announcements:
        if entry.corrects == corrected.number:
            raise RequestError(f"{corrected.number} is already corrected by {entry.number}: correct that one")


def _write(directory: Path, number: str, files: Mapping[str, bytes]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=PART, dir=directory))
    try:
        for name, data in files.items():
            path = part / name
            with path.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            path.chmod(0o444)
        part.chmod(0o755)
        part.rename(directory / number)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _write_index(directory: Path, index: Index) -> None:
    part = directory / f".{INDEX}.part"
    with part.open("wb") as file:
        file.write(orjson.dumps(index.model_dump(), option=orjson.OPT_INDENT_2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(directory / INDEX)


def verify(directory: Path) -> list[str]:
    """Everything that is not as published, one line each; [] means all is as it was."""
    index = read_index(directory)
    if not index.announcements:
        return [f"{directory}: holds no index of announcements"]
    problems = []
    before = ""
    for entry in index.announcements:
        if entry.before != before or entry.hash != entry.digest():
            problems.append(f"{entry.number}: its entry in {INDEX} was changed, or one before it was removed")
        before = entry.hash
        problems += _verify_files(directory / entry.number, entry)
    known = {entry.number for entry in index.announcements}
    for path in sorted(directory.iterdir()):
        if path.is_dir() and not path.name.startswith(".") and path.name not in known:
            problems.append(
                f"{path.name}: is not in {INDEX}: publishing it was interrupted; remove the folder"
            )
    return problems


def _verify_files(directory: Path, entry: Published) -> list[str]:
    problems = []
    for name, expected in entry.files.items():
        path = directory / name
        if not path.is_file():
            problems.append(f"{entry.number}/{name}: is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            problems.append(f"{entry.number}/{name}: was changed after publication")
    if directory.is_dir():
        extra = sorted({path.name for path in directory.iterdir()} - entry.files.keys())
        problems += [f"{entry.number}/{name}: was added after publication" for name in extra]
    return problems
