"""``vibn image build``: its parts, and real builds on the engine."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiodocker
import pytest
from tests.integration.image.conftest import docker, need

from vibn.errors import FileMissing, RuntimeUnavailable, Unavailable, Unsupported
from vibn.runtimes.docker.image import base, build, context, engine

BASE = "vibn-base:bookworm"


@pytest.fixture
def tag() -> Iterator[str]:
    name = f"vibn-image-test:{uuid.uuid4().hex[:12]}"
    yield name
    docker("rmi", "-f", name)


@pytest.mark.docker
async def test_a_second_build_gives_the_same_image(tag: str) -> None:
    need(BASE)
    first = await build(slim=True, base=BASE, tag=tag, progress=lambda _: None)
    second = await build(slim=True, base=BASE, tag=tag, progress=lambda _: None)
    assert first.image_id == second.image_id
    assert (first.base, first.agent_build) == (BASE, second.agent_build)


@pytest.mark.docker
async def test_a_build_ends_with_tag_size_base_and_agent(tag: str) -> None:
    need(BASE)
    lines: list[str] = []
    built = await build(slim=True, base=BASE, tag=tag, progress=lines.append)
    for part in (tag, f"{built.size / 1e6:.0f} MB", BASE, built.agent_build[:12]):
        assert part in lines[-1]


@pytest.mark.docker
@pytest.mark.internet
async def test_a_base_that_nobody_has_is_an_error_with_a_way_out() -> None:
    need(BASE)
    with pytest.raises(Unavailable) as caught:
        await build(base="vibn-nothing.invalid/none:1", progress=lambda _: None)
    assert "--base" in caught.value.hint


@pytest.mark.docker
async def test_a_failing_step_is_shown_with_its_last_lines(tmp_path: Path, tag: str) -> None:
    need(BASE)
    text = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN echo the cause; exit 3\n"
    (tmp_path / "Dockerfile").write_text(text)
    with pytest.raises(Unavailable, match="RUN echo the cause") as caught:
        await build(base=BASE, tag=tag, directory=tmp_path, progress=lambda _: None)
    assert "| the cause" in caught.value.message


@pytest.mark.docker
async def test_a_failing_step_leaves_no_container(tmp_path: Path, tag: str) -> None:
    need(BASE)
    word = f"false {tag}"
    (tmp_path / "Dockerfile").write_text(f"ARG BASE_IMAGE\nFROM ${{BASE_IMAGE}}\nRUN {word}\n")
    with pytest.raises(Unavailable):
        await build(base=BASE, tag=tag, directory=tmp_path, progress=lambda _: None)
    left = docker("ps", "--all", "--no-trunc", "--format={{.Command}}")
    assert word not in left.stdout


async def test_no_engine_is_an_error_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(RuntimeUnavailable) as caught:
        await build(progress=lambda _: None)
    assert "DOCKER_HOST" in caught.value.hint


def test_a_missing_mmdebstrap_names_the_command_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unsupported) as caught:
        base.program()
    assert caught.value.hint == "Install it: apt-get install -y mmdebstrap"


def test_a_directory_without_a_dockerfile_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=str(tmp_path)):
        context.dockerfile(tmp_path, slim=False)


def test_the_slim_dockerfile_ends_before_mise() -> None:
    text = context.dockerfile(context.DIRECTORY, slim=True)
    assert text.count("\nFROM ") == 2
    assert "fetch-mise" not in text
    assert text.rstrip().splitlines()[-1].startswith(("USER vibn", "#"))


def test_the_same_files_make_the_same_context() -> None:
    files: dict[str, bytes | Path] = {"b": b"2", "a": context.DIRECTORY / "Dockerfile"}
    with context.pack(files) as one, context.pack(files) as two:
        assert one.read() == two.read()


@pytest.mark.parametrize("slim", [True, False])
def test_only_the_full_build_is_sent_the_ca_bundle(tmp_path: Path, slim: bool) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("a certificate")
    files = context.context(context.DIRECTORY, b"agent", bundle, slim=slim)
    assert ("host-ca.crt" in files) is not slim
    assert files["agent.pyz"] == b"agent"


@pytest.mark.parametrize(
    ("text", "made_of"),
    [
        ("ID=debian\nVERSION_CODENAME=trixie\n", ("debian", "trixie")),
        ('ID="ubuntu"\nVERSION_CODENAME=noble\n', ("ubuntu", "noble")),
        ("ID=fedora\n", ("debian", "bookworm")),
        ("", ("debian", "bookworm")),
    ],
)
def test_the_base_is_made_of_the_hosts_distribution(text: str, made_of: tuple[str, str]) -> None:
    assert base.distribution(text) == made_of


async def stream(*texts: str) -> AsyncIterator[dict[str, Any]]:
    for text in texts:
        yield {"stream": text}


async def test_each_step_is_told_with_its_time() -> None:
    told: list[str] = []
    clock = iter([10.0, 12.5, 12.5])
    output = stream("Step 1/2 : RUN a\n", "one\n", "Step 2/2 : RUN b\n ---> Using", " cache\n")
    await engine.steps(output, told.append, clock=lambda: next(clock))
    assert [line.split() for line in told] == [
        ["2.5", "s", "[", "1/2]", "RUN", "a"],
        ["cached", "[", "2/2]", "RUN", "b"],
    ]


async def test_an_engine_that_breaks_off_is_told_with_the_step() -> None:
    async def broken() -> AsyncIterator[dict[str, Any]]:
        yield {"stream": "Step 1/1 : RUN a\nlast words\n"}
        raise aiodocker.DockerError(500, "gone")

    with pytest.raises(Unavailable, match=r"RUN a.*gone\n  \| last words"):
        await engine.steps(broken(), lambda _: None)
