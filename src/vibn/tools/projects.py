"""Tools for the projects of a workspace. They need no box, so the kill switch does not refuse
them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from vibn.errors import InvalidInput
from vibn.models import Box, Project, Seed
from vibn.services.calls import Call
from vibn.services.life.status import BoxStatus, describe
from vibn.tools.aliases import renamed
from vibn.tools.arguments import Arguments, NoArguments, Whole
from vibn.tools.devcontainer import told
from vibn.tools.telling import count, noted, one_line, within
from vibn.tools.tool import Tool


class ListArguments(Arguments):
    limit: Whole = Field(200, ge=1, le=1000, description="Most projects. Default 200.")


class CreateArguments(Arguments):
    slug: str = Field(
        min_length=1,
        max_length=40,
        pattern="^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        description=(
            "Name of the project in addresses: lower-case letters, digits and inner hyphens, at "
            "most 40 characters, such as my-shop."
        ),
    )
    name: str = Field("", max_length=200, description="Name to show to people. Default: the slug.")
    seed_url: str = Field(
        "",
        max_length=2000,
        description="Git repository, by https, whose files the project begins with. Optional.",
    )
    seed_ref: str = Field(
        "", max_length=200, description="Branch, tag or commit of seed_url. Optional."
    )


@dataclass(frozen=True, slots=True)
class DevServer:
    """A process of a box that serves a port, and where it can be seen."""

    name: str
    port: int
    url: str


@dataclass(frozen=True, slots=True)
class ProjectView:
    slug: str
    name: str
    workspace: str
    created_at: datetime
    box: BoxStatus
    dev_servers: tuple[DevServer, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectList:
    """By slug; ``total`` counts all that there are."""

    projects: tuple[ProjectView, ...]
    total: int


def view(project: Project, box: Box | None) -> ProjectView:
    return ProjectView(
        project.slug, project.name, project.workspace, project.created_at, describe(box)
    )


async def _list(call: Call, arguments: ListArguments) -> ProjectList:
    """Whoever is held to one project is told of that alone."""
    if call.located is not None:
        own = view(call.located.project, call.located.box)
        return ProjectList((own,), 1)
    found = await call.projects.overview(call.workspace)
    shown = tuple(view(project, box) for project, box in found[: arguments.limit])
    return ProjectList(shown, len(found))


def _listed(result: ProjectList) -> str:
    if not result.projects:
        return "There is no project yet; projects_create makes one."
    kept = within(_line(project) for project in result.projects)
    left = result.total - len(kept)
    are = "is" if left == 1 else "are"
    return noted("\n".join(kept), f"{count(left, 'more project')} {are} not shown" if left else "")


def _line(project: ProjectView) -> str:
    name = "" if project.name == project.slug else f" ({one_line(project.name, 100)})"
    servers = ", ".join(f"{s.name} on port {s.port}: {s.url}" for s in project.dev_servers)
    return f"{project.slug}{name}: dev container {told(project.box)}; " + (
        f"dev servers {servers}" if servers else "no dev server"
    )


async def _get(call: Call, _: NoArguments) -> ProjectView:
    located = call.located
    assert located is not None
    return view(located.project, located.box)


def _told(result: ProjectView) -> str:
    return f"{_line(result)}\n{result.box.line}"


async def _create(call: Call, arguments: CreateArguments) -> ProjectView:
    project = await call.projects.create(
        call.workspace, arguments.slug, arguments.name, seed=_seed(arguments)
    )
    return view(project, None)


def _seed(arguments: CreateArguments) -> Seed | None:
    if arguments.seed_url:
        return Seed(url=arguments.seed_url, ref=arguments.seed_ref)
    if arguments.seed_ref:
        raise InvalidInput(
            "seed_ref names a part of seed_url, which is missing.", hint="Pass seed_url too."
        )
    return None


def _created(result: ProjectView) -> str:
    return f"Made the project {result.slug}. {result.box.line}"


TOOLS = (
    Tool(
        name="projects_list",
        title="List the projects",
        description=(
            "List the projects that you can work in: a line each with the slug, which the other "
            "tools take as project, the state of its dev container and its dev servers. Use it "
            "to find out which projects exist before naming one."
        ),
        arguments=ListArguments,
        result=ProjectList,
        run=_list,
        render=_listed,
        read_only=True,
        idempotent=True,
        box=False,
        in_project=False,
    ),
    Tool(
        name="projects_get",
        title="Look at one project",
        description=(
            "Tell of one project: its name, the state of its dev container in a sentence, and its "
            "dev servers. Does not start or change anything."
        ),
        arguments=NoArguments,
        result=ProjectView,
        run=_get,
        render=_told,
        read_only=True,
        idempotent=True,
        box=False,
    ),
    Tool(
        name="projects_create",
        title="Make a project",
        description=(
            "Make a new, empty project in the workspace, or one that begins with the files of a "
            "git repository. Its dev container is made by the first call that needs it. Fails "
            "when the slug is taken. Use it only when a new app is begun, not for each task."
        ),
        arguments=CreateArguments,
        result=ProjectView,
        run=_create,
        render=_created,
        box=False,
        in_project=False,
        workspace_wide=True,
        aliases=renamed("slug", "project"),
    ),
)
