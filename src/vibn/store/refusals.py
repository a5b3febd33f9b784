"""What every store says alike when it refuses."""

from __future__ import annotations

from vibn.errors import (
    AlreadyExists,
    Conflict,
    ProjectNotFound,
    StoreUnavailable,
    TokenNotFound,
    WorkspaceNotFound,
)


def no_workspace(slug: str) -> WorkspaceNotFound:
    return WorkspaceNotFound(f"There is no workspace {slug!r}.")


def no_project(workspace: str, slug: str) -> ProjectNotFound:
    """Said alike of a missing project and of one that belongs to another workspace."""
    return ProjectNotFound(f"There is no project {slug!r} in workspace {workspace!r}.")


def no_project_id(project_id: str) -> ProjectNotFound:
    return ProjectNotFound(f"There is no project with the id {project_id!r}.")


def workspace_exists(slug: str) -> AlreadyExists:
    return AlreadyExists(f"There is a workspace {slug!r} already.")


def project_exists(workspace: str, slug: str) -> AlreadyExists:
    return AlreadyExists(f"There is a project {slug!r} in workspace {workspace!r} already.")


def has_box(slug: str) -> Conflict:
    return Conflict(
        f"Project {slug!r} still has a dev container.", hint="Delete the dev container first."
    )


def box_taken(box_id: str) -> Conflict:
    return Conflict(f"Box {box_id!r} belongs to another project.")


def has_projects(slug: str) -> Conflict:
    return Conflict(f"Workspace {slug!r} still has projects.", hint="Delete its projects first.")


def token_exists(token_id: str) -> AlreadyExists:
    return AlreadyExists(f"There is a token {token_id!r} already.")


def no_token(token_id: str) -> TokenNotFound:
    return TokenNotFound(f"There is no token {token_id!r} in this workspace.")


def warm_exists(box_id: str) -> AlreadyExists:
    return AlreadyExists(f"Box {box_id!r} is in the warm pool already.")


def not_open() -> StoreUnavailable:
    return StoreUnavailable("The store is not open.")
