"""What operators do from the command line, with a real server."""

from __future__ import annotations

import json

import pytest
from tests.acceptance.person import Person, person, served

__all__ = ["person", "served"]

pytestmark = pytest.mark.bubblewrap


def test_a_token_lets_in_until_it_is_revoked(person: Person) -> None:
    made = json.loads(person.says("tokens", "create", "ci", "--read-only", "--json"))
    url = person.served.url
    as_ci = {"VIBN_URL": url, "VIBN_TOKEN": made["token"], "VIBN_ADMIN_SECRET": ""}
    assert person.run("projects", "list", **as_ci).returncode == 0
    refused = person.run("exec", "shop", "--", "true", **as_ci)
    assert (refused.returncode, b"token" in refused.stderr) == (8, True)
    person.says("tokens", "revoke", made["id"])
    assert person.run("projects", "list", **as_ci).returncode == 3


def test_a_workspace_of_its_own_sees_nothing_of_others(person: Person) -> None:
    person.says("workspaces", "create", "acme")
    token = person.says("tokens", "create", "first", "-w", "acme").strip()
    theirs = {"VIBN_URL": person.served.url, "VIBN_TOKEN": token, "VIBN_ADMIN_SECRET": ""}
    assert person.run("projects", "list", **theirs).stdout == b""
    assert person.run("exec", "shop", "--", "ls", **theirs).returncode == 4


def test_the_kill_switch_stops_commands_and_lets_them_on_again(person: Person) -> None:
    person.says("exec", "shop", "--", "true")
    person.says("killswitch", "on", "--reason", "an attack", "-p", "shop")
    try:
        done = person.run("exec", "shop", "--", "true")
        assert done.returncode == 12
        assert b"an attack" in done.stderr
        assert "an attack" in person.says("killswitch", "status")
    finally:
        person.says("killswitch", "off", "-p", "shop")
    person.says("exec", "shop", "--", "true")
    assert "all refused after" in person.says("killswitch", "drill")


def test_a_running_command_is_ended_by_the_switch_when_it_says_so(person: Person) -> None:
    process = person.start("exec", "shop", "--", "echo begun; sleep 600")
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    person.says("killswitch", "on", "--reason", "now", "-p", "shop", "--kill")
    try:
        assert process.wait(60) == 12
    finally:
        person.says("killswitch", "off", "-p", "shop")


def test_what_was_done_is_in_the_trail_which_is_whole(person: Person) -> None:
    person.says("exec", "shop", "--", "echo secret-argument")
    said = person.says("audit", "list", "-p", "shop", "--json")
    rows = json.loads(said)["rows"]
    assert {row["outcome"] for row in rows} >= {"ok"}
    assert "secret-argument" not in said
    assert "whole" in person.says("audit", "verify")


def test_a_profile_that_others_may_read_is_not_used(person: Person) -> None:
    path = person.served.config / "vibn" / "profile.toml"
    path.chmod(0o644)
    try:
        done = person.run("projects", "list")
        assert done.returncode == 2
        assert f"chmod 600 {path}".encode() in done.stderr
    finally:
        path.chmod(0o600)


def test_the_doctor_tells_programs_too(person: Person) -> None:
    done = person.run(
        "doctor", "--json", VIBN_RUNTIME="bubblewrap", VIBN_STATE_DIR=str(person.home)
    )
    findings = json.loads(done.stdout)["findings"]
    assert all(one["severity"] in ("ok", "warning", "error") for one in findings)
