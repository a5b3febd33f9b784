"""Every command against the fake, in this process."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from vibn.cli import main
from vibn.client.testing import FakeServer
from vibn.errors import RateLimited


class Line:
    """Runs the command line; ``out`` and ``err`` are what it said last."""

    def __init__(self, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, stdin: bytes = b"", status: int = 0) -> str:
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        self.out, self.err = self._capsys.readouterr()
        assert (ended.value.code or 0) == status, (self.out, self.err)
        return self.out

    def json(self, *arguments: str, stdin: bytes = b"") -> Any:
        return json.loads(self(*arguments, "--json", stdin=stdin))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeServer:
    fake = FakeServer()
    monkeypatch.setenv("VIBN_URL", fake.url)
    monkeypatch.setenv("VIBN_TOKEN", fake.token)
    monkeypatch.setenv("VIBN_ADMIN_SECRET", fake.admin_secret)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return fake


@pytest.fixture
def vibn(server: FakeServer, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> Line:
    line = Line(capsys, monkeypatch)
    line("projects", "create", "shop")
    return line


def test_projects(vibn: Line) -> None:
    assert vibn.json("projects", "list")["projects"][0]["slug"] == "shop"
    assert vibn("projects", "list").startswith("shop\tabsent")
    vibn("projects", "set", "shop", "--env", "A=1", "--memory", "512M")
    shown = vibn.json("projects", "show", "shop")
    assert (shown["env"], shown["limits"]["memory"]) == ({"A": "1"}, 512 << 20)
    vibn("projects", "set", "shop", "--unset", "A", "--seed", "https://x/y.git", "--ref", "dev")
    shown = vibn("projects", "show", "shop")
    assert "https://x/y.git dev" in shown
    assert "A=1" not in shown
    vibn("projects", "delete", "shop", status=2)
    assert "--yes" in vibn.err
    vibn("projects", "delete", "shop", "--yes")
    assert vibn("projects", "list") == ""
    assert "projects create" in vibn.err


@pytest.mark.parametrize("memory", ["lots", "5X", "-1", "M"])
def test_a_size_that_is_none_is_refused(vibn: Line, memory: str) -> None:
    vibn("projects", "set", "shop", f"--memory={memory}", status=2)
    assert "512M" in vibn.err


def test_secrets(vibn: Line, server: FakeServer) -> None:
    vibn("projects", "secrets", "set", "shop", "KEY", stdin=b"value\n")
    assert server.projects["main", "shop"].secrets == {"KEY": "value"}
    assert vibn("projects", "secrets", "list", "shop") == "KEY\n"
    assert "value" not in vibn("projects", "show", "shop")
    vibn("projects", "secrets", "delete", "shop", "KEY")
    assert vibn.json("projects", "secrets", "list", "shop") == {"names": []}


def test_box(vibn: Line) -> None:
    assert vibn("box", "ensure", "shop") == "running, created\n"
    assert "running" in vibn("box", "status", "shop")
    assert vibn.json("box", "suspend", "shop", "--tier", "frozen")["tier"] == "frozen"
    assert vibn.json("box", "resume", "shop")["state"] == "running"
    assert vibn.json("box", "recreate", "shop")["state"] == "running"
    assert "vibn" in vibn("box", "info", "shop")
    vibn("box", "delete", "shop", "--yes")
    assert vibn.json("box", "status", "shop")["state"] == "absent"


def test_files(vibn: Line) -> None:
    vibn("fs", "write", "shop", "a/b.txt", stdin=b"one\ntwo\n")
    assert vibn("fs", "cat", "shop", "a/b.txt") == "one\ntwo\n"
    assert vibn.json("fs", "cat", "shop", "a/b.txt")["base64"] == "b25lCnR3bwo="
    assert vibn("fs", "ls", "shop", "--depth", "2").count("\n") == 2
    assert "+three" in vibn("fs", "edit", "shop", "a/b.txt", "two", "three")
    assert vibn("fs", "grep", "shop", "three") == "a/b.txt:2:three\n"
    vibn("fs", "grep", "shop", "nothing", status=1)
    assert vibn("fs", "glob", "shop", "**/*.txt") == "a/b.txt\n"
    vibn("fs", "mv", "shop", "a/b.txt", "c")
    vibn("fs", "mkdir", "shop", "d/e")
    vibn("fs", "rm", "shop", "d", status=5)
    vibn("fs", "rm", "shop", "d", "-r")
    assert vibn.json("fs", "stat", "shop", "c")["type"] == "file"


def test_a_file_name_of_a_box_does_not_move_the_terminal(vibn: Line) -> None:
    vibn("fs", "write", "shop", "evil\x1b[2J\nname", stdin=b"")
    shown = vibn("fs", "ls", "shop")
    assert "\x1b" not in shown
    assert shown.count("\n") == 1


def test_copies(vibn: Line, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.html").write_text("<p>")
    assert vibn.json("cp", str(tmp_path / "site"), "shop:public") == {"files": 1, "bytes": 3}
    vibn("cp", str(tmp_path / "site"), "shop:public")
    assert vibn("fs", "cat", "shop", "public/site/index.html") == "<p>"
    vibn("cp", "shop:public/index.html", str(tmp_path / "copy.html"))
    assert (tmp_path / "copy.html").read_text() == "<p>"
    vibn("cp", "shop:public", str(tmp_path))
    assert (tmp_path / "public/site/index.html").read_text() == "<p>"
    vibn("cp", "a", "b", status=2)
    vibn("cp", "shop:a", "shop:b", status=2)
    vibn("cp", str(tmp_path / "missing"), "shop:", status=4)


def test_jobs_and_logs(vibn: Line, server: FakeServer) -> None:
    server.on("make", stdout="built\n")
    server.on("cat", lambda process: process.out(process.read_all()))
    id = vibn("jobs", "start", "shop", "--name", "build", "--", "make").strip()
    assert vibn("logs", "shop", id, "-f") == "built\n"
    assert vibn("logs", "shop", "build") == "built\n"
    assert vibn("logs", "shop", "build", "--last", "3") == "lt\n"
    assert json.loads(vibn("logs", "shop", "build", "--json"))["text"] == "built\n"
    vibn("jobs", "start", "shop", "--name", "c", "--", "cat")
    vibn("jobs", "input", "shop", "c", "hello", "--eof")
    assert vibn("logs", "shop", "c", "-f") == "hello\n"
    assert vibn.json("jobs", "show", "shop", "c")["exit"] == 0
    assert [job["name"] for job in vibn.json("jobs", "list", "shop")["jobs"]] == ["build", "c"]
    vibn("logs", "shop", "nope", status=4)
    assert "vibn jobs list shop" in vibn.err


def test_a_job_is_killed(vibn: Line, server: FakeServer) -> None:
    server.on("sleep 60", lambda process: process.sleep(60))
    id = vibn("jobs", "start", "shop", "--", "sleep", "60").strip()
    vibn("jobs", "kill", "shop", id, "-s", "KILL")
    assert "[exited, KILL]" in (vibn("logs", "shop", id, "-f") + vibn.err)


def test_exec_with_json(vibn: Line, server: FakeServer) -> None:
    server.on("pytest -q", stdout="1 failed\n", exit=1)
    shown = vibn("exec", "shop", "--json", "--", "pytest", "-q", status=1)
    assert json.loads(shown)["stdout"] == "1 failed\n"


def test_tokens(vibn: Line, server: FakeServer) -> None:
    text = vibn("tokens", "create", "ci", "--read-only", "-p", "shop", "--expires", "12h").strip()
    made = server.tokens[text]
    assert (made.access, made.project, made.workspace) == ("read", "shop", "main")
    assert text not in vibn("tokens", "list")
    vibn("tokens", "revoke", made.id)
    assert made.revoked_at is not None
    assert "main" in vibn("tokens", "me")


def test_workspaces(vibn: Line) -> None:
    vibn("workspaces", "create", "acme", "--name", "Acme")
    assert "acme\tAcme" in vibn("workspaces", "list")
    vibn("workspaces", "delete", "acme", "--yes")
    assert "acme" not in vibn("workspaces", "list")


def test_audit(vibn: Line) -> None:
    rows = vibn.json("audit", "list", "--limit", "1")
    assert rows["rows"][0]["outcome"] == "ok"
    assert "whole" in vibn("audit", "verify")


def test_killswitch(vibn: Line) -> None:
    vibn("killswitch", "on", "-r", "an attack", "-p", "shop")
    vibn("fs", "ls", "shop", status=12)
    assert "an attack" in vibn.err
    assert "main/shop" in vibn("killswitch", "status")
    vibn("killswitch", "off", "-p", "shop")
    assert vibn("killswitch", "status") == ""
    assert "all refused" in vibn("killswitch", "drill")


def test_tools(vibn: Line) -> None:
    assert "fs_grep" in vibn("tools", "list")
    vibn("fs", "write", "shop", "f", stdin=b"needle")
    given = json.dumps({"pattern": "needle"})
    assert "needle" in vibn("tools", "call", "fs.grep", "-p", "shop", "--arguments", given)
    assert "fs_grep" in vibn("tools", "call", "fs_grep", "--help")
    vibn("tools", "call", "fs_grep", status=2)
    assert "-p PROJECT" in vibn.err
    vibn("tools", "call", "nothing", status=4)


@pytest.mark.parametrize("format", ["gemini", "openai", "anthropic", "mcp"])
def test_definitions_are_exported_without_a_server(
    vibn: Line, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIBN_URL", "http://127.0.0.1:1")
    assert "fs_read" in json.dumps(json.loads(vibn("tools", "export", "--format", format)))


def test_an_error_is_told_with_the_next_step_and_its_status(vibn: Line) -> None:
    vibn("projects", "show", "nope", status=4)
    assert vibn.out == ""
    assert re.search(r"^vibn: There is no project 'nope'", vibn.err)
    assert "vibn projects create" in vibn.err


def test_an_error_is_json_for_programs(vibn: Line, server: FakeServer) -> None:
    server.fail(RateLimited("slow down", detail={"retry_after": 3600}))
    vibn("projects", "list", "--json", status=7)
    told = json.loads(vibn.err)["error"]
    assert (told["code"], told["retryable"]) == ("rate_limited", True)
    assert told["detail"]["retry_after"] == 3600


def test_a_wrong_command_line_is_json_for_programs_too(vibn: Line) -> None:
    vibn("projects", "list", "--bogus", "--json", status=2)
    assert json.loads(vibn.err)["error"]["code"] == "invalid_input"


def test_json_after_the_dashes_is_the_commands_own(vibn: Line) -> None:
    vibn("exec", "nope", "--", "ls", "--json", status=4)
    assert vibn.err.startswith("vibn: ")


def test_no_argument_shows_the_help(vibn: Line) -> None:
    vibn(status=2)
    assert "Work in a project:" in vibn.err


def test_a_typo_is_answered_with_what_was_meant(vibn: Line) -> None:
    vibn("project", "list", status=2)
    assert "projects" in vibn.err


def test_names_of_projects_are_completed(vibn: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    for shell, words in (("bash", "COMP_WORDS"), ("zsh", "_TYPER_COMPLETE_ARGS")):
        monkeypatch.setenv("_VIBN_COMPLETE", f"complete_{shell}")
        monkeypatch.setenv(words, "vibn box status sh")
        monkeypatch.setenv("COMP_CWORD", "3")
        assert "shop" in vibn()


def test_commands_are_completed_without_loading_them(
    vibn: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_VIBN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "vibn pro")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert vibn().split() == ["projects"]
