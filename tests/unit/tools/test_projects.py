"""Projects are listed, looked at and made; the kill switch does not stop that."""

from __future__ import annotations

from tests.unit.tools.conftest import Desk

from vibn.errors import AlreadyExists, InvalidInput
from vibn.services.calls import Caller
from vibn.tools import render_error
from vibn.tools.projects import DevServer, ProjectView, _line


async def listed(desk: Desk, caller: Caller | None = None, **arguments: object) -> str:
    return (await desk.toolbox.call(caller or desk.caller, "projects_list", arguments)).text


async def test_a_workspace_s_projects_are_listed_with_their_boxes(desk: Desk) -> None:
    await desk.gate.projects.create("acme", "blog", "The Blog")
    await desk.text("shell_exec", command="true")
    assert await listed(desk) == (
        "blog (The Blog): dev container absent; no dev server\n"
        "shop: dev container running; no dev server"
    )


async def test_a_listing_says_what_it_leaves_out(desk: Desk) -> None:
    await desk.gate.projects.create("acme", "blog")
    assert (await listed(desk, limit=1)).endswith("\n[1 more project is not shown]")


async def test_an_empty_workspace_says_how_to_begin(desk: Desk) -> None:
    await desk.gate.projects.create_workspace("empty")
    text = await listed(desk, await desk.gate.caller("empty"))
    assert text == "There is no project yet; projects_create makes one."


async def test_who_is_held_to_a_project_sees_that_alone(desk: Desk) -> None:
    await desk.gate.projects.create("acme", "blog")
    only = "shop: dev container absent; no dev server"
    assert await listed(desk, await desk.holder("shop")) == only
    assert await desk.text("projects_list") == only


async def test_a_project_is_looked_at(desk: Desk) -> None:
    text = await desk.text("projects_get")
    assert text.endswith("\nNo environment yet: the first call makes one.")


async def test_a_project_is_made_and_worked_in(desk: Desk) -> None:
    made = await desk.toolbox.call(desk.caller, "projects_create", {"slug": "blog"})
    assert made.text.startswith("Made the project blog.")
    again = await desk.refused("projects_create", {"slug": "blog"})
    assert type(again) is AlreadyExists
    arguments = {"project": "blog", "command": "echo hi"}
    answer = await desk.toolbox.call(desk.caller, "shell_exec", arguments)
    assert answer.text.startswith("hi\n")


async def test_a_project_begins_with_a_repository(desk: Desk) -> None:
    arguments = {"slug": "blog", "seed_url": "https://git.example/blog.git", "seed_ref": "v1"}
    await desk.toolbox.call(desk.caller, "projects_create", arguments)
    seed = (await desk.gate.projects.get("acme", "blog")).seed
    assert seed is not None
    assert (seed.url, seed.ref) == ("https://git.example/blog.git", "v1")


async def test_what_cannot_be_made_is_told(desk: Desk) -> None:
    cases = {"slug: must be": {"slug": "A b"}, "seed_url": {"slug": "b", "seed_ref": "v1"}}
    for told, arguments in {**cases, "slug: is required": {}}.items():
        error = await desk.refused("projects_create", arguments)
        assert type(error) is InvalidInput
        assert told in render_error(error)


async def test_the_kill_switch_does_not_stop_it(desk: Desk) -> None:
    await desk.gate.switchboard.disable("", "", "a loop", "ann")
    assert "shop" in await listed(desk)
    assert "shop" in await desk.text("projects_get")
    await desk.toolbox.call(desk.caller, "projects_create", {"slug": "blog"})


async def test_dev_servers_have_their_place(desk: Desk) -> None:
    answer = await desk.answer("projects_get")
    assert isinstance(answer.value, ProjectView)
    view = ProjectView(
        "shop", "shop", "acme", answer.value.created_at, answer.value.box,
        (DevServer("web", 5173, "https://web.example"),),
    )  # fmt: skip
    assert _line(view).endswith("dev servers web on port 5173: https://web.example")
