"""The parts of the command line that ask no server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from vibn.cli.ending import told
from vibn.cli.hints import OURS, hint_of
from vibn.cli.options import duration, variables
from vibn.cli.output import print_json, print_table
from vibn.cli.plain import ago, one_line, plain, size
from vibn.cli.toolarguments import help_of, object_in, parsed
from vibn.client import CommandResult
from vibn.client.values import ProcessInfo, Tool
from vibn.errors import BY_CODE, InvalidInput, ProjectNotFound

TOOL = Tool(
    name="fs_find",
    title="Find",
    description="Finds.",
    input_schema={
        "type": "object",
        "properties": {
            "file_path": {"type": "string", "description": "Where."},
            "limit": {"type": "integer"},
            "replace_all": {"type": "boolean"},
            "env": {"type": "array", "items": {"type": "string"}},
            "mode": {"type": "string", "enum": ["a", "b"]},
        },
        "required": ["file_path"],
    },
)


def test_options_of_a_tool_come_from_its_schema() -> None:
    words = ["--file-path", "a b", "--limit=3", "--replace-all", "--env", "A=1", "--env=B=2"]
    assert parsed(TOOL, words) == {
        "file_path": "a b",
        "limit": 3,
        "replace_all": True,
        "env": ["A=1", "B=2"],
    }
    assert parsed(TOOL, ["--no-replace-all"]) == {"replace_all": False}
    assert parsed(TOOL, ["--env", '["x"]']) == {"env": ["x"]}


@pytest.mark.parametrize(
    "words", [["--limit", "many"], ["--limit"], ["--bogus", "1"], ["word"], ["--no-limit"], ["-x"]]
)
def test_options_that_a_tool_has_not_are_refused(words: list[str]) -> None:
    with pytest.raises(InvalidInput):
        parsed(TOOL, words)


def test_a_tools_help_names_its_options() -> None:
    shown = help_of(TOOL)
    assert "--file-path STRING  (required)" in shown
    assert "--mode a|b" in shown
    assert "-p PROJECT" in shown


def test_arguments_are_a_json_object() -> None:
    assert object_in('{"a": 1}') == {"a": 1}
    assert object_in(" ") == {}
    for text in ("[]", "{", "1"):
        with pytest.raises(InvalidInput):
            object_in(text)


def test_variables_are_pairs() -> None:
    assert variables(["A=1", "B=x=y", "C="]) == {"A": "1", "B": "x=y", "C": ""}
    assert variables(None) == {}
    for text in ("A", "=1"):
        with pytest.raises(InvalidInput):
            variables([text])


def test_durations_have_units() -> None:
    assert [duration(t) for t in ("90s", "15m", "12h", "30d", "7")] == [90, 900, 43200, 2592000, 7]
    for text in ("", "d", "1.5h", "1w", "-1s"):
        with pytest.raises(InvalidInput):
            duration(text)


def test_no_text_of_a_box_moves_the_terminal() -> None:
    assert plain("a\x1b[2Jb\x07\x9b\u202e\n\tc") == "a\ufffd[2Jb\ufffd\ufffd\ufffd\n\tc"
    assert one_line("a\nb\tc") == "a b c"


def test_sizes_and_times_are_told_roughly() -> None:
    assert [size(n) for n in (0, 1023, 1024, 1 << 20, 5 << 40)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "1.0 MiB",
        "5120.0 GiB",
    ]
    now = datetime.now(UTC)
    assert ago(now - timedelta(hours=5)) == "5 h ago"
    assert ago(None) == ""


def test_a_table_without_a_reader_is_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("A", "B"), [("1", "two\nlines"), ("3\t", "")])
    assert capsys.readouterr().out == "1\ttwo lines\n3 \t\n"
    print_table(("A",), [], empty="nothing yet")
    assert capsys.readouterr() == ("", "nothing yet\n")


def test_json_has_iso_times_and_base64(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"at": datetime(2026, 1, 2, tzinfo=UTC), "data": b"\xff", "many": (1,)})
    assert json.loads(capsys.readouterr().out) == {
        "at": "2026-01-02T00:00:00+00:00",
        "data": "/w==",
        "many": [1],
    }


def test_the_next_step_is_one_of_the_command_line() -> None:
    assert set(OURS) <= set(BY_CODE)
    assert "vibn projects" in hint_of(ProjectNotFound("x"))
    assert hint_of(ProjectNotFound("x", hint="Just so.")) == "Just so."


def test_an_end_is_told_in_words() -> None:
    result = CommandResult(
        None, "KILL", timed_out=True, oom=True, killed=(ProcessInfo(7, "sh"),), left=()
    )
    lines = list(told(result, "shop"))
    assert len(lines) == 3
    assert "vibn projects set shop --memory" in lines[1]
