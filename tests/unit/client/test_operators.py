"""What lies beside one project, and the fake as users' tests meet it."""

from __future__ import annotations

import pytest

from vibn.client import Client, Limits, Sandbox, Seed
from vibn.client.testing import FakeProcess, FakeServer
from vibn.errors import (
    AdminRequired,
    AlreadyExists,
    InvalidInput,
    ProjectNotFound,
    ReadOnlyToken,
    ServerUnreachable,
    SwitchedOff,
    TokenExpired,
    TokenRevoked,
    WorkspaceNotFound,
)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


def test_projects_are_made_changed_and_deleted(server: FakeServer) -> None:
    with server.client() as client:
        made = client.projects.create(
            "shop", env={"A": "1", "B": "2"}, limits=Limits(memory=1 << 28), seed=Seed("https://x")
        )
        assert (made.env, made.limits, made.seed) == (
            {"A": "1", "B": "2"},
            Limits(memory=1 << 28),
            Seed("https://x"),
        )
        with pytest.raises(AlreadyExists):
            client.projects.create("shop")
        changed = client.projects.change("shop", env={"A": None, "C": "3"})
        assert changed.env == {"B": "2", "C": "3"}
        client.projects.delete("shop")
        assert client.projects.list() == ()


def test_secrets_are_variables_whose_names_alone_are_shown(server: FakeServer) -> None:
    server.on("env", lambda process: process.out(process.env["KEY"]))
    with server.client() as client, server.sandbox("shop") as box:
        client.projects.set_secret("shop", "KEY", "value")
        assert client.projects.secrets("shop") == ("KEY",)
        assert box.commands.run("env").stdout == "value"
        client.projects.delete_secret("shop", "KEY")
        assert client.projects.secrets("shop") == ()


def test_a_token_opens_what_it_is_for(server: FakeServer) -> None:
    with server.client() as client:
        client.projects.create("shop")
        client.projects.create("other")
        made = client.tokens.create("main", "ci", project="shop", access="read")
        with Client(server.url, made.token) as narrow:
            assert [p.slug for p in narrow.projects.list()] == ["shop"]
            with pytest.raises(ProjectNotFound):
                narrow.projects.get("other")
            with pytest.raises(ReadOnlyToken):
                narrow.sandbox("shop").files.write("f", "x")
            client.tokens.revoke("main", made.id)
            with pytest.raises(TokenRevoked):
                narrow.me()


def test_a_token_ends_when_it_was_told_to(server: FakeServer) -> None:
    with server.client() as client:
        made = client.tokens.create("main", "short", expires_in=60)
        server.tokens[made.token].expires_at = "2020-01-01T00:00:00+00:00"
        with Client(server.url, made.token) as late, pytest.raises(TokenExpired):
            late.me()


def test_operators_calls_need_the_secret(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIBN_ADMIN_SECRET", raising=False)
    with Client(server.url, server.token) as client:
        with pytest.raises(AdminRequired):
            client.tokens.list("main")
        assert [one.slug for one in client.workspaces.list()] == ["main"]


def test_workspaces_are_made_and_deleted(server: FakeServer) -> None:
    with server.client() as client:
        client.workspaces.create("acme", name="Acme")
        assert client.workspaces.get("acme").name == "Acme"
        client.workspaces.delete("acme")
        with pytest.raises(WorkspaceNotFound):
            client.workspaces.get("acme")


def test_the_kill_switch_refuses_what_needs_a_box(server: FakeServer) -> None:
    server.on("true")
    with server.client() as client, server.sandbox("shop") as box:
        client.killswitch.on("an attack", "ann", workspace="main", project="shop")
        with pytest.raises(SwitchedOff, match="an attack"):
            box.commands.run("true")
        assert client.projects.get("shop").slug == "shop"
        assert client.killswitch.flags()[0].author == "ann"
        client.killswitch.off(workspace="main", project="shop")
        assert box.commands.run("true").ok
        assert client.killswitch.drill().ms > 0


def test_what_was_called_is_in_the_trail(server: FakeServer) -> None:
    with server.client() as client:
        client.projects.create("shop")
        page = client.audit.list(limit=1)
        assert (page.rows[0].outcome, page.rows[0].tool) == ("ok", "POST /projects")
        assert client.audit.verify().ok


def test_tools_are_listed_and_called(server: FakeServer) -> None:
    with server.client() as client, server.sandbox("shop") as box:
        box.files.write("f", "needle")
        assert "fs_grep" in [tool.name for tool in client.tools.list()]
        answer = client.tools.call("fs_grep", {"pattern": "needle"}, project="shop")
        assert "needle" in answer.text
        with pytest.raises(InvalidInput):
            client.tools.call("fs_grep", {}, project="shop")


def test_a_script_works_on_the_files_of_its_project(server: FakeServer) -> None:
    def build(process: FakeProcess) -> int:
        process.files.write("dist/app", process.files.read("main.c"))
        process.out("built\n")
        return 0

    server.on("make", build)
    with server.sandbox("shop") as box:
        box.files.write("main.c", "int main")
        assert box.commands.run("make").stdout == "built\n"
        assert box.files.read("dist/app") == "int main"
    assert server.commands == ["make"]


def test_a_command_without_a_script_says_so(server: FakeServer) -> None:
    with server.sandbox("shop") as box:
        result = box.commands.run("rm -rf /")
    assert result.exit == 127
    assert "FakeServer.on" in result.stderr


def test_code_that_finds_its_server_by_itself_finds_the_fake(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIBN_URL", server.url)
    monkeypatch.setenv("VIBN_TOKEN", server.token)
    with Sandbox.get_or_create("shop") as box:
        box.files.write("f", "x")
    with server.sandbox("shop") as again:
        assert again.files.read("f") == "x"


def test_a_fake_that_is_gone_is_a_server_that_is_gone() -> None:
    with pytest.raises(ServerUnreachable):
        Client("memory://gone", "t")
