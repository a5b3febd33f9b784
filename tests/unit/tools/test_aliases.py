"""Names that models know from elsewhere are taken for ours where it is clear what is meant."""

from __future__ import annotations

import pytest
from tests.unit.tools.test_arguments import fields, refused, understood


@pytest.mark.parametrize(
    ("tool", "given", "meant"),
    [
        ("fs_read", {"path": "a"}, {"file_path": "a"}),
        ("fs_read", {"path": "a", "file_path": "a"}, {"file_path": "a"}),
        ("fs_read", {"path": "a", "view_range": [3, 7]}, {"offset": 3, "limit": 5}),
        ("fs_read", {"path": "a", "view_range": [3, -1]}, {"offset": 3}),
        ("fs_read", {"path": "a", "view_range": ["3", 3.0]}, {"offset": 3, "limit": 1}),
        ("fs_read", {"path": "a", "view_range": [0, 7]}, {"offset": 0, "limit": 7}),
        ("fs_read", {"path": "a", "start_line": 3, "end_line": 7}, {"offset": 3, "limit": 5}),
        ("fs_read", {"path": "a", "start_line": 3}, {"offset": 3}),
        ("fs_read", {"path": "a", "end_line": 7}, {"limit": 7}),
        ("fs_read", {"path": "a", "start_line": 3, "end_line": -1}, {"offset": 3}),
        ("fs_write", {"path": "a", "file_text": "x"}, {"file_path": "a", "content": "x"}),
        (
            "fs_edit",
            {"path": "a", "old_str": "x", "new_str": "y"},
            {"file_path": "a", "old_string": "x", "new_string": "y"},
        ),
        ("fs_delete", {"file_path": "a"}, {"path": "a"}),
        ("fs_list", {"directory": "a"}, {"path": "a"}),
        (
            "fs_grep",
            {"pattern": "x", "glob": "*.py", "-i": True, "head_limit": 3, "-C": 1},
            {"include": "*.py", "ignore_case": True, "limit": 3, "context": 1},
        ),
        ("shell_exec", {"cmd": "ls", "workdir": "a"}, {"command": "ls", "cwd": "a"}),
        ("shell_exec", {"cmd": "ls", "timeout": 5}, {"timeout_ms": 5000}),
        ("shell_exec", {"cmd": "ls", "timeout": "0.5"}, {"timeout_ms": 500}),
        ("shell_read", {"job_id": "j"}, {"id": "j"}),
        ("shell_input", {"id": "j", "input": "x"}, {"text": "x"}),
        ("projects_create", {"project": "a"}, {"slug": "a"}),
    ],
)
def test_an_alias_is_taken(tool: str, given: dict[str, object], meant: dict[str, object]) -> None:
    found = understood(tool, given)
    assert {name: found[name] for name in meant} == meant


def test_what_an_alias_leaves_open_keeps_its_default() -> None:
    assert understood("fs_read", {"path": "a", "view_range": [1, -1]}) == {"file_path": "a"}


@pytest.mark.parametrize(
    ("tool", "given", "field"),
    [
        ("fs_read", {"path": "a", "file_path": "b"}, "file_path"),
        ("fs_read", {"path": "a", "filename": "b"}, "file_path"),
        ("fs_read", {"path": "a", "view_range": [3, 7], "offset": 4}, "offset"),
        ("fs_read", {"path": "a", "view_range": [3, 7], "start_line": 4}, "offset"),
        ("fs_edit", {"path": "a", "old_str": "x", "old_string": "y"}, "old_string"),
        ("shell_exec", {"cmd": "ls", "timeout": 5, "timeout_ms": 5}, "timeout_ms"),
    ],
)
def test_two_that_contradict_each_other_are_refused(
    tool: str, given: dict[str, object], field: str
) -> None:
    error = refused(tool, given)
    assert field in fields(error)
    assert "contradicts" in error.message


@pytest.mark.parametrize("value", ["x", [1], [1, 2, 3], {}, 5, [True, 2], ["a", 2], [1, 10**400]])
def test_a_range_that_is_none_is_told(value: object) -> None:
    assert fields(refused("fs_read", {"path": "a", "view_range": value})) == ["view_range"]


def test_a_range_that_ends_before_it_begins_is_told() -> None:
    error = refused("fs_read", {"path": "a", "start_line": 7, "end_line": 3})
    assert "ends at line 3, before it begins at line 7" in error.message


@pytest.mark.parametrize("value", [0, -1, 120_000, "soon", True, [5], 10**400, float("nan")])
def test_a_timeout_that_cannot_be_seconds_is_told(value: object) -> None:
    error = refused("shell_exec", {"cmd": "ls", "timeout": value})
    assert fields(error) == ["timeout"]
    assert "timeout_ms takes milliseconds" in error.message


def test_an_alias_is_taken_by_the_tools_that_have_it_alone() -> None:
    assert fields(refused("fs_glob", {"pattern": "*", "cmd": "ls"})) == ["cmd"]
