"""``vibn setup``: get a runtime for boxes on this machine and say which one will be used."""

from __future__ import annotations

from vibn.config import Settings
from vibn.runtimes import choice


async def run() -> None:
    print(line(await chosen(Settings())))


async def chosen(settings: Settings) -> choice.Choice:
    """The choice; bubblewrap is installed first where it is the one to use and is missing."""
    return await choice.choose(settings, install=lambda text: print(f"setup: {text}", flush=True))


def line(decided: choice.Choice) -> str:
    return f"runtime: {decided.name} ({decided.isolation}); {decided.reason}"
