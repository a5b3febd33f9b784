"""Which runtime is taken, and what is said of it, with an engine here."""

from __future__ import annotations

import pytest

from vibn.config import Settings
from vibn.errors import Unsupported
from vibn.runtimes import bubblewrap, choice


@pytest.fixture
async def sandboxed() -> None:
    usable = await bubblewrap.available()
    if not usable.usable:
        pytest.skip(f"bubblewrap: {usable.reason}")


async def test_docker_is_taken_where_it_answers_and_has_the_image(settings):
    decided = await choice.choose(settings.model_copy(update={"runtime": ""}))
    assert decided.name == "docker"
    assert settings.dev_image in decided.reason
    assert decided.isolation


@pytest.mark.usefixtures("sandboxed")
async def test_where_only_the_image_is_missing_the_command_is_named(tmp_path):
    decided = await choice.choose(Settings(state_dir=tmp_path, dev_image="vibn-none:1"))
    assert decided.name == "bubblewrap"
    assert "vibn-none:1 is missing (vibn image build)" in decided.reason


@pytest.mark.usefixtures("sandboxed")
async def test_where_no_engine_answers_the_address_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    decided = await choice.choose(Settings(state_dir=tmp_path))
    assert decided.name == "bubblewrap"
    assert f"{tmp_path}/none.sock" in decided.reason


async def test_a_runtime_that_was_named_is_taken_and_what_it_lacks_is_said(tmp_path):
    named = Settings(state_dir=tmp_path, runtime="docker", dev_image="vibn-none:1")
    decided = await choice.choose(named)
    assert decided.name == "docker"
    assert "makes no boxes now" in decided.reason
    assert decided.reason.endswith("FIX: vibn image build")


async def test_without_any_runtime_the_command_that_helps_is_named(tmp_path, monkeypatch):
    async def missing() -> bubblewrap.Availability:
        return bubblewrap.Availability(False, "the program bwrap is missing", "apt-get it")

    monkeypatch.setattr(bubblewrap, "available", missing)
    with pytest.raises(Unsupported, match="bwrap is missing") as refused:
        await choice.choose(Settings(state_dir=tmp_path, dev_image="vibn-none:1"))
    assert refused.value.hint == "FIX: apt-get it"
