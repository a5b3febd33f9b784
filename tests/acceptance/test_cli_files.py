"""Files, jobs and tools from the command line, with a real box."""

from __future__ import annotations

import json
import signal

import pytest
from tests.acceptance.person import Person, person, served

__all__ = ["person", "served"]

pytestmark = pytest.mark.bubblewrap


def test_a_directory_goes_there_and_back_as_it_was(person: Person) -> None:
    site = person.home / "site"
    (site / "deep").mkdir(parents=True)
    (site / "run").write_text("#!/bin/sh\necho ran\n")
    (site / "run").chmod(0o755)
    (site / "deep/link").symlink_to("../run")
    person.says("cp", "site", "shop:there")
    assert person.says("exec", "shop", "--", "there/deep/link") == "ran\n"
    person.says("cp", "shop:there", "back")
    assert (person.home / "back/deep/link").readlink().as_posix() == "../run"
    assert (person.home / "back/run").stat().st_mode & 0o111


def test_a_copy_shows_how_far_it_is(person: Person) -> None:
    (person.home / "big").write_bytes(bytes(40 << 20))
    typing = person.types("cp", "big", "shop:big")
    typing.expect("MB/s")
    assert typing.ended() == 0
    assert person.says("exec", "shop", "--", "stat -c %s big").strip() == str(40 << 20)
    typing = person.types("cp", "shop:big", "again")
    typing.expect("MB/s")
    assert typing.ended() == 0
    assert (person.home / "again").stat().st_size == 40 << 20


def test_a_link_of_the_box_leads_nowhere_here(person: Person) -> None:
    person.says("exec", "shop", "--", "mkdir -p evil && ln -sfn /etc evil/etc")
    done = person.run("cp", "shop:evil", "evil")
    assert done.returncode == 2
    assert list((person.home / "evil").iterdir()) == []


def test_files_are_written_edited_and_found(person: Person) -> None:
    person.says("fs", "write", "shop", "src/a.py", stdin=b"price = 1\n")
    assert "+price = 2" in person.says("fs", "edit", "shop", "src/a.py", "1", "2")
    assert (
        person.says("fs", "grep", "shop", "price", "--include", "*.py") == "src/a.py:1:price = 2\n"
    )
    assert person.says("fs", "cat", "shop", "src/a.py") == "price = 2\n"
    assert "src/a.py" in person.says("fs", "glob", "shop", "**/*.py")
    assert person.run("fs", "cat", "shop", "../../etc/passwd").returncode == 2


def test_changes_are_watched_until_ctrl_c(person: Person) -> None:
    typing = person.types("fs", "watch", "shop")
    typing.expect("watching")
    person.says("fs", "write", "shop", "fresh.txt", stdin=b"x")
    typing.expect("fresh.txt")
    typing.type("\x03")
    assert typing.ended() == 130


def test_a_job_is_followed_and_left_running(person: Person) -> None:
    command = "i=0; while :; do i=$((i + 1)); echo tick $i; sleep 0.2; done"
    job = person.says("jobs", "start", "shop", "--name", "ticks", "--", command).strip()
    typing = person.types("logs", "shop", "ticks", "-f")
    typing.expect("tick 3")
    typing.type("\x03")
    assert typing.ended() == 130
    assert json.loads(person.says("jobs", "show", "shop", job, "--json"))["state"] == "running"
    person.says("jobs", "kill", "shop", job)
    assert "tick 1\n" in person.says("logs", "shop", job, "-f")


def test_a_follower_comes_back_when_the_server_does(person: Person) -> None:
    command = "for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.5; done"
    job = person.says("jobs", "start", "shop", "--", command).strip()
    port = person.served.url.rpartition(":")[2]
    follower = person.start("logs", "shop", job, "-f")
    assert follower.stdout is not None
    assert follower.stdout.readline() == b"line 1\n"
    person.served.stop(signal.SIGTERM)
    person.served.environ = {**person.served.environ, "VIBN_PORT": port}
    person.served.log.write_text("")
    person.served.start()
    rest = follower.stdout.read()
    assert rest == b"".join(b"line %d\n" % n for n in range(2, 9))
    assert follower.wait(60) == 0


def test_a_tool_is_called_as_an_ai_would(person: Person) -> None:
    person.says("fs", "write", "shop", "f.txt", stdin=b"one\ntwo\n")
    said = person.says(
        "tools", "call", "fs_read", "-p", "shop", "--file-path", "f.txt", "--offset", "2"
    )
    assert said.split() == ["2", "two"]
    given = '{"command": "echo hi"}'
    told = person.says("tools", "call", "shell.exec", "-p", "shop", "--arguments", given, "--json")
    assert json.loads(told)["result"]["stdout"] == "hi\n"
    assert "--file-path" in person.says("tools", "call", "fs_edit", "--help")
    assert person.run("tools", "call", "fs_read", "-p", "shop").returncode == 2
