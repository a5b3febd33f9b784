"""The commands and their arguments. What they do is in the module of each command's name."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

import vibn

commands = typer.Typer(
    name="vibn",
    help="A dev container for every project that an AI agent drives directly.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
image = typer.Typer(no_args_is_help=True, help="The vibn-dev image of the docker runtime.")
commands.add_typer(image, name="image")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vibn {vibn.__version__}")
        raise typer.Exit


@commands.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it and exit.")
    ] = False,
) -> None:
    pass


@commands.command()
def up(
    host: Annotated[str, typer.Option(help="Where to listen. Default: VIBN_HOST.")] = "",
    port: Annotated[int | None, typer.Option(help="0: any free one. Default: VIBN_PORT.")] = None,
) -> None:
    """Start the server: MCP, REST and health in one process, until Ctrl-C."""
    from vibn.server import up as command

    raise typer.Exit(command.run(host, port))


@commands.command()
def setup() -> None:
    """Get a runtime for boxes on this machine, and say which one will be used."""
    from vibn.cli import setup as command

    asyncio.run(command.run())


@commands.command()
def doctor() -> None:
    """Check this machine. Each finding comes with its FIX line; exits 1 when one is an error."""
    from vibn.cli import doctor as command

    raise typer.Exit(asyncio.run(command.run()))


@commands.command()
def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the box and its files for a look afterwards.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Only remove what --keep left.")] = False,
) -> None:
    """Do the main job in front of you: a box, a web service, its tests, a fix, sleep and wake."""
    from vibn.cli import demo as command

    raise typer.Exit(asyncio.run(command.remove() if remove else command.run(keep=keep)))


@commands.command()
def bench(
    output: Annotated[
        Path | None, typer.Option(help="Write the figures as JSON to this file.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A tenth of the rounds: a smoke test of the benchmark.")
    ] = False,
) -> None:
    """Measure the engine and print each figure beside its budget."""
    from vibn.bench import run as command

    asyncio.run(command.run(output, quick=quick))


@image.command()
def build(
    tag: Annotated[str, typer.Option(help="The image's name. Default: VIBN_DEV_IMAGE.")] = "",
    base: Annotated[
        str, typer.Option(help="The base image. Default: ubuntu:24.04, or packages without it.")
    ] = "",
    slim: Annotated[
        bool, typer.Option("--slim", help="Without mise and the lazy toolchains; for CI.")
    ] = False,
) -> None:
    """Build the image: from its base image, or from the distribution's packages."""
    from vibn.cli import image as command

    asyncio.run(command.run(tag=tag, base=base, slim=slim))
