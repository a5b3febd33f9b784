"""``vibn image build``: the image of the docker runtime, step by step."""

from __future__ import annotations

from vibn.config import Settings
from vibn.runtimes.docker.image import build


async def run(tag: str, base: str, slim: bool) -> None:
    settings = Settings()
    name = tag or ("" if slim else settings.dev_image)
    await build(slim=slim, base=base, tag=name, ca_file=settings.ca_file)
