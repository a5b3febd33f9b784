"""Who may call what comes first, then the arguments; one audit row tells of each call."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.unit.tools.conftest import EXAMPLES, Desk

from vibn.authority import Access
from vibn.errors import (
    Forbidden,
    InvalidInput,
    ProjectNotFound,
    ReadOnlyToken,
    SwitchedOff,
    ToolNotFound,
    Unauthenticated,
    VibnError,
)
from vibn.services.calls import Caller
from vibn.tools import STANDARD, AnyTool, Toolbox, render_error

NOBODY = Caller("", "test", "r1")
IN_PROJECT = [tool for tool in STANDARD if tool.in_project]
ALL = pytest.mark.parametrize("tool", STANDARD, ids=lambda tool: tool.name)
OF_PROJECTS = pytest.mark.parametrize("tool", IN_PROJECT, ids=lambda tool: tool.name)
BAD: Mapping[str, object] = {"nonsense": 1}


def told(error: VibnError) -> tuple[str, str, object]:
    return type(error).__name__, render_error(error), error.detail


async def test_a_tool_is_found_by_its_dotted_alias(desk: Desk) -> None:
    assert desk.toolbox.find("fs.read") is desk.toolbox.find("fs_read")
    await desk.text("fs.write", file_path="a.txt", content="x")
    assert await desk.text("fs.list") == "a.txt (1 byte)\n[1 entry]"


async def test_tools_are_listed_in_their_order(desk: Desk) -> None:
    assert list(desk.toolbox.tools) == [tool.name for tool in STANDARD]


async def test_two_tools_of_one_name_are_refused(desk: Desk) -> None:
    with pytest.raises(AssertionError):
        Toolbox(desk.gate.calls, (STANDARD[0], STANDARD[0]))


@ALL
async def test_a_caller_without_a_token_learns_nothing(desk: Desk, tool: AnyTool) -> None:
    for arguments in (EXAMPLES.get(tool.name, {}), BAD, {"project": "shop"}, {"project": 5}):
        error = await desk.refused(tool.name, arguments, caller=NOBODY)
        assert type(error) is Unauthenticated


async def test_a_caller_without_a_token_learns_of_no_tool(desk: Desk) -> None:
    assert type(await desk.refused("nothing", {}, caller=NOBODY)) is Unauthenticated


@OF_PROJECTS
@pytest.mark.parametrize("bad", [False, True], ids=["good", "bad"])
async def test_a_foreign_project_answers_as_a_missing_one(
    desk: Desk, tool: AnyTool, bad: bool
) -> None:
    arguments = BAD if bad else EXAMPLES.get(tool.name, {})
    for as_argument in (True, False):
        answers = []
        for slug in ("theirs", "absent"):
            named = {**arguments, "project": slug} if as_argument else arguments
            error = await desk.refused(tool.name, named, project=None if as_argument else slug)
            assert type(error) is ProjectNotFound
            answers.append(str(told(error)).replace(slug, "..."))
        assert answers[0] == answers[1]


@OF_PROJECTS
async def test_a_token_held_to_a_project_reaches_no_other(desk: Desk, tool: AnyTool) -> None:
    await desk.gate.projects.ensure("acme", "blog")
    held = await desk.holder("shop")
    answers = set()
    for slug in ("blog", "theirs", "absent"):
        error = await desk.refused(tool.name, {"project": slug}, caller=held)
        answers.add(str(told(error)).replace(slug, "..."))
    assert len(answers) == 1


@OF_PROJECTS
async def test_a_call_that_names_no_project_is_told_how_to_find_one(
    desk: Desk, tool: AnyTool
) -> None:
    error = await desk.refused(tool.name, EXAMPLES.get(tool.name, {}))
    assert type(error) is InvalidInput
    assert "projects_list" in render_error(error)
    assert "`project`" in render_error(error)


@pytest.mark.parametrize("project", [5, "", "../x", "A b", "x" * 100, ["shop"], {"a": 1}, True])
async def test_what_can_be_no_project_is_an_invalid_argument(desk: Desk, project: object) -> None:
    error = await desk.refused("fs_list", {"project": project})
    assert type(error) is InvalidInput
    assert error.detail["fields"][0]["field"] == "project"  # type: ignore[index]
    assert len(str(error)) < 400


async def test_a_token_held_to_a_project_needs_not_name_it(desk: Desk) -> None:
    held = await desk.holder("shop")
    for arguments in ({}, {"project": "shop"}, {"project": None}):
        answer = await desk.toolbox.call(held, "fs_list", arguments)
        assert answer.text == "[0 entries]"


async def test_an_address_held_to_a_project_takes_no_other_by_argument(desk: Desk) -> None:
    await desk.gate.projects.ensure("acme", "blog")
    answers = set()
    for slug in ("blog", "theirs", "absent"):
        error = await desk.refused("fs_list", {"project": slug}, project="shop")
        answers.add(str(told(error)))
    assert len(answers) == 1
    assert "leave it out" in answers.pop()
    answer = await desk.toolbox.call(desk.caller, "fs_list", {"project": "shop"}, project="shop")
    assert answer.text == "[0 entries]"


@ALL
async def test_what_writes_is_refused_to_read_only_tokens(desk: Desk, tool: AnyTool) -> None:
    reader = await desk.holder(access=Access.READ)
    arguments = {**BAD, **({"project": "shop"} if tool.in_project else {})}
    error = await desk.refused(tool.name, arguments, caller=reader)
    assert type(error) is (InvalidInput if tool.read_only else ReadOnlyToken)


@ALL
async def test_the_kill_switch_stops_each_tool_that_needs_a_box(desk: Desk, tool: AnyTool) -> None:
    await desk.gate.switchboard.disable("", "", "a loop", "ann")
    arguments = {**BAD, **({"project": "shop"} if tool.in_project else {})}
    error = await desk.refused(tool.name, arguments)
    assert type(error) is (SwitchedOff if tool.box else InvalidInput)
    if tool.box:
        assert "a loop" in render_error(error)


async def test_what_concerns_the_workspace_is_refused_to_who_is_held_to_a_project(
    desk: Desk,
) -> None:
    held = await desk.holder("shop")
    assert type(await desk.refused("projects_create", {}, caller=held)) is Forbidden
    assert type(await desk.refused("projects_create", {}, project="shop")) is Forbidden


async def test_an_unknown_tool_is_noted_and_told(desk: Desk) -> None:
    error = await desk.refused("fs_raed" * 100, {})
    assert type(error) is ToolNotFound
    assert len(str(error)) < 200
    assert desk.gate.notes.told == [("unknown_tool", "", "tool_not_found")]


async def test_a_call_is_noted_with_its_files_and_the_size_of_its_answer(desk: Desk) -> None:
    text = await desk.text("fs_write", path="a.txt", content="ü")
    (entry,) = desk.gate.notes.entries
    assert (entry.tool, entry.project, entry.outcome) == ("fs_write", "shop", "ok")
    assert entry.paths == ("a.txt",)
    assert entry.sent == len(text)
    assert entry.arguments == "['content', 'file_path']"


async def test_a_call_with_wrong_arguments_is_noted_as_such(desk: Desk) -> None:
    await desk.error("fs_write", file_path="a.txt", content=5)
    await desk.error("fs_read", file_path=["a.txt"], offset="x")
    told = [(entry.tool, entry.outcome, entry.paths) for entry in desk.gate.notes.entries]
    assert told == [
        ("fs_write", "invalid_input", ("a.txt",)),
        ("fs_read", "invalid_input", ()),
    ]
