"""Commands for whoever runs a server or has this machine. They import the server's side, each
when it is called."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from vibn.cli.options import Json


def _app() -> typer.Typer:
    return typer.Typer(rich_markup_mode=None)


up, setup, doctor, demo, bench = _app(), _app(), _app(), _app(), _app()
image = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The vibn-dev image of the docker runtime."
)


@up.command()
def _up(
    host: Annotated[str, typer.Option(help="Where to listen. Default: VIBN_HOST.")] = "",
    port: Annotated[int | None, typer.Option(help="0: any free one. Default: VIBN_PORT.")] = None,
) -> None:
    """Start the server: MCP, REST and health in one process, until Ctrl-C."""
    from vibn.server import up as command

    raise typer.Exit(command.run(host, port))


@setup.command()
def _setup() -> None:
    """Get a runtime for boxes on this machine, and say which one will be used."""
    from vibn.cli import setup as command

    asyncio.run(command.run())


@doctor.command()
def _doctor(json: Json = False) -> None:
    """Check this machine. Each finding comes with its FIX line; exits 1 when one is an error."""
    from vibn.cli import doctor as command

    raise typer.Exit(asyncio.run(command.run(as_json=json)))


@demo.command()
def _demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the box and its files for a look afterwards.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Only remove what --keep left.")] = False,
) -> None:
    """Do the main job in front of you: a box, a web service, its tests, a fix, sleep and wake."""
    from vibn.cli import demo as command

    raise typer.Exit(asyncio.run(command.remove() if remove else command.run(keep=keep)))


@bench.command()
def _bench(
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


@image.callback()
def _image() -> None:
    pass


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
