"""The SDK: drive the dev containers of a Vibn server from Python.

    from vibn.client import Sandbox

    with Sandbox.get_or_create("shop") as box:
        box.files.write("test_shop.py", "def test_it(): assert 1 + 1 == 2")
        result = box.commands.run("pytest -q", on_stdout=print)
        print(result.exit)

`AsyncSandbox` is the same for asyncio; `Client` and `AsyncClient` are for what lies beside one
project: projects, tokens, workspaces, the audit trail, the kill switch, tools. Errors are the
classes of `vibn.errors`. Each half is loaded when it is first named.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vibn.client._async.client import AsyncClient
    from vibn.client._async.running import AsyncRunningCommand
    from vibn.client._async.sandbox import AsyncSandbox
    from vibn.client._sync.client import Client
    from vibn.client._sync.running import RunningCommand
    from vibn.client._sync.sandbox import Sandbox
    from vibn.client.failed import CommandFailed
    from vibn.client.profile import Profile, profile_path, read_profile, write_profile
    from vibn.client.values import (
        Change,
        CommandResult,
        FileInfo,
        Job,
        JobOutput,
        Limits,
        Output,
        Project,
        Seed,
    )

_HOME = {
    "AsyncClient": "_async.client",
    "AsyncRunningCommand": "_async.running",
    "AsyncSandbox": "_async.sandbox",
    "Client": "_sync.client",
    "CommandFailed": "failed",
    "Profile": "profile",
    "RunningCommand": "_sync.running",
    "Sandbox": "_sync.sandbox",
    "profile_path": "profile",
    "read_profile": "profile",
    "write_profile": "profile",
}

__all__ = [
    "AsyncClient",
    "AsyncRunningCommand",
    "AsyncSandbox",
    "Change",
    "Client",
    "CommandFailed",
    "CommandResult",
    "FileInfo",
    "Job",
    "JobOutput",
    "Limits",
    "Output",
    "Profile",
    "Project",
    "RunningCommand",
    "Sandbox",
    "Seed",
    "profile_path",
    "read_profile",
    "write_profile",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_HOME.get(name, 'values')}")
    value: object = getattr(home, name)
    globals()[name] = value
    return value
