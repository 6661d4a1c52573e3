"""The users file: what the command writes into it and says of it, and what holds when it cannot be read."""

from __future__ import annotations

import logging
import os
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from site_users import PASSWORD, log_in, people, write_users
from site_world import HOTEL, LIBRARY, OFFICE, services
from typer.testing import CliRunner

from beacon.commands import user as user_command
from dashboards.site import Users, create_app
from dashboards.site.users_file import planned, remove, set_user
from drivers.errors import RequestError


@pytest.fixture
def users_file(tmp_path: Path) -> Path:
    return people(tmp_path / "users.toml")


@pytest.mark.parametrize("how", ["mode", "syntax", "deleted"])
def test_a_users_file_that_cannot_be_read_holds_for_a_minute_only(
    tmp_path: Path, users_file: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    now, good = 1000.0, users_file.read_text()
    world = replace(services(tmp_path), users=Users(users_file, now=lambda: now), public=True)
    with TestClient(create_app(world), follow_redirects=False) as client:
        assert log_in(client, "ann") == 303
        if how == "mode":
            users_file.chmod(0o644)
        elif how == "syntax":
            users_file.write_text("[[user\n")
        else:
            users_file.unlink()
        with caplog.at_level(logging.WARNING, logger="dashboards.site.access"):
            for wait in (0, 30, 30):
                now += wait
                assert client.get("/").status_code == 200
            now += 1
            assert client.get("/").status_code == 503
            assert "users file cannot be read" in client.get("/").text
            bearer = {"Authorization": "Bearer ann-secret"}
            assert client.get("/api/v1/buildings", headers=bearer).status_code == 503
            assert log_in(client, "ann") == 503
            assert client.get("/announcements").status_code == 200
            errors = [record for record in caplog.records if record.levelname == "ERROR"]
            assert len(errors) == 1
            assert str(users_file) in errors[0].getMessage()
            write_users(users_file, good)
            now += 1
            assert client.get("/").status_code == 200
        assert "can be read again" in caplog.text


def test_a_changed_problem_is_logged_anew(users_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    users = Users(users_file)
    users_file.chmod(0o640)
    users.user("ann")
    write_users(users_file, "[[user]]\nname = 'x y'\nrole = 'boss'\n")
    users.user("ann")
    users.user("ann")
    assert [r.levelname for r in caplog.records] == ["ERROR", "ERROR"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_writer_keeps_owner_group_and_mode(users_file: Path, tmp_path: Path) -> None:
    os.chown(users_file, 12_345, 12_346)
    users_file.chmod(0o400)
    assert remove(users_file, "vic")
    set_user(users_file, planned(users_file, "user", "li"), PASSWORD)
    status = users_file.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12_345, 12_346, 0o400)
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, 12_345, 12_346)
    set_user(folder / "users.toml", planned(folder / "users.toml", "user", "li"), PASSWORD)
    status = (folder / "users.toml").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12_345, 12_346, 0o600)


def test_the_writer_leaves_a_link_in_place(users_file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(users_file)
    assert remove(link, "vic")
    assert link.is_symlink()
    assert Users(users_file).user("vic") is None


def beacon_user(*arguments: str, typed: str = f"{PASSWORD}\n{PASSWORD}\n") -> tuple[str, str]:
    """What it says on standard output and on standard error."""
    done = CliRunner().invoke(user_command.app, arguments, input=typed)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_a_new_password_keeps_role_and_scope_and_says_them(users_file: Path) -> None:
    file = ("--file", str(users_file))
    out, _ = beacon_user("password", "sue", *file)
    assert out.endswith("sue is supervisor, sees region 330200\n")
    sue = Users(users_file).check("sue", PASSWORD)
    assert sue is not None
    assert sue.visitor().sees(HOTEL)
    assert not sue.visitor().sees(OFFICE)
    out, _ = beacon_user("password", "sue", "--role", "manager", *file)
    assert out.endswith("sue is manager, sees region 330200\n")
    out, _ = beacon_user("password", "sue", "--building", OFFICE, "--building", LIBRARY, *file)
    assert out.endswith(f"sue is manager, sees buildings {OFFICE}, {LIBRARY}\n")
    out, _ = beacon_user("password", "sue", "--role", "viewer", "--everything", *file)
    assert out.endswith("sue is viewer, sees everything\n")
    out, _ = beacon_user("password", "newcomer", *file)
    assert out.endswith("newcomer is viewer, sees everything\n")
    secret, said = beacon_user("token", "sue", *file)
    assert "sue is supervisor, sees region 330200" in said
    bearer = Users(users_file).bearer(secret.strip())
    assert bearer is not None
    assert not bearer.sees(OFFICE)


def test_help_says_that_no_scope_is_everything() -> None:
    out = CliRunner().invoke(user_command.app, ["password", "--help"], env={"COLUMNS": "200"}).stdout
    assert "a new name sees EVERYTHING" in re.sub(r"[\s│]+", " ", out)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("[[user\n", "is not TOML"), ('[[user]]\nname = "a"\nrole = "boss"\n', "user.0.role")],
)
def test_a_file_that_does_not_hold_is_left_alone(tmp_path: Path, text: str, problem: str) -> None:
    path = write_users(tmp_path / "users.toml", text)
    with pytest.raises(RequestError, match=rf"users\.toml: {problem}"):
        beacon_user("password", "li", "--file", str(path), typed="")
    assert path.read_text() == text


@pytest.mark.parametrize(("typed", "kept"), [("33", "330000"), ("3301", "330100"), ("330106", "330106")])
def test_regions_have_two_four_or_six_digits(tmp_path: Path, typed: str, kept: str) -> None:
    file = tmp_path / "users.toml"
    out, _ = beacon_user("password", "li", "--role", "supervisor", "--region", typed, "--file", str(file))
    assert out.endswith(f"li is supervisor, sees region {kept}\n")
    visitor = Users(file).user("li").visitor()  # type: ignore[union-attr]
    assert visitor.sees("330106A001")
    assert visitor.sees("330203A001") == (typed == "33")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("li", "--region", "331"), "'331': a region has 2, 4 or 6 digits"),
        (("li", "--region", "zhe"), "a region has 2, 4 or 6 digits"),
        (("li", "--building", "330106a001"), "'330106a001': a building has six digits"),
        (("l i",), "'l i': a name has 1 to 64"),
        (("li", "--role", "supervisor"), "a supervisor needs --building or --region"),
        (("li", "--role", "admin", "--region", "33"), "an admin sees everything"),
        (("li", "--everything", "--region", "33"), "--everything goes with neither"),
    ],
)
def test_arguments_are_checked_before_the_password_is_asked_for(
    tmp_path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(RequestError, match=re.escape(problem)):
        beacon_user("password", *arguments, "--file", str(tmp_path / "users.toml"), typed="")
    assert not (tmp_path / "users.toml").exists()


def test_the_command_looks_at_the_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "buildings.toml").write_text(
        f'[[building]]\nid = "{OFFICE}"\nname_zh = "楼"\nname_en = "House"\n'
        'type = "government_office"\narea_m2 = 9\n',
        "utf-8",
    )
    (tmp_path / "collector.toml").write_text('[registry]\nfiles = ["buildings.toml"]\n')
    (tmp_path / "site.toml").write_text('[web]\nhost = "127.0.0.1"\n')
    file = ("--file", str(tmp_path / "users.toml"))
    _, said = beacon_user(
        "password", "li", "--building", HOTEL, "--region", "3301", "--region", "3302", *file
    )
    assert f"the registry has no building {HOTEL}\n" in said
    assert "the registry has no region 330200\n" in said
    assert "330100" not in said
    assert 'Write users = "users.toml" below [web]' in said
    assert "open to everybody" in said
    (tmp_path / "site.toml").write_text('[web]\nusers = "users.toml"\n')
    assert beacon_user("password", "li", "--building", OFFICE, *file)[1].count("note:") == 0
