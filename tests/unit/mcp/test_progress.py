"""What a client that asked for it hears of a call."""

from __future__ import annotations

import asyncio

from vibn.mcp.progress import Teller


class Heard:
    def __init__(self) -> None:
        self.steps: list[float] = []
        self.texts: list[str] = []
        self.enough = asyncio.Event()

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        self.steps.append(progress)
        self.texts.append(message or "")
        if len(self.texts) >= 3:
            self.enough.set()


async def test_it_tells_what_was_printed_with_steps_that_only_grow():
    heard = Heard()
    teller = Teller(heard)
    async with teller.telling():
        await teller("one")
        await asyncio.sleep(0.002)
        await teller("two")
    assert heard.texts == ["one", "two"]
    assert heard.steps[0] < heard.steps[1]


async def test_a_silent_call_is_said_to_go_on():
    heard = Heard()
    async with Teller(heard, quiet=0.01).telling(), asyncio.timeout(20):
        await heard.enough.wait()
    assert heard.texts[0] == "Still running after 0 s."


async def test_nothing_is_told_after_the_end():
    heard = Heard()
    async with Teller(heard, quiet=0.01).telling(), asyncio.timeout(20):
        await heard.enough.wait()
    told = len(heard.texts)
    await asyncio.sleep(0.05)
    assert len(heard.texts) == told
