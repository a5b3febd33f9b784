from __future__ import annotations

import asyncio
import io
import os
import shutil
import subprocess
import tarfile

import pytest

from vibn.errors import Conflict, FileMissing, InvalidInput, Unavailable
from vibn.models import BoxState, Seed
from vibn.services.life import seeding
from vibn.services.life.faults import Faults

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def repository(tmp_path):
    """A repository with a branch, a hidden file and a directory; its URL."""
    where = tmp_path / "origin"
    where.mkdir()
    git = ["git", "-C", str(where), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    (where / "src").mkdir()
    (where / "src" / "app.py").write_text("print('hello')\n")
    (where / ".hidden").write_text("x\n")
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    subprocess.run([*git, "branch", "next"], check=True)
    return f"file://{where}"


@pytest.fixture
def archive(tmp_path):
    def make(**files: str) -> str:
        path = tmp_path / "seed.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            for name, text in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text.encode()))
        return str(path)

    return make


@pytest.fixture
def seeded(world, boxes):
    async def give(seed: Seed):
        await world.projects(boxes).set_seed("acme", "shop", seed)
        return await boxes.ensure("acme", "shop")

    return give


async def sh(boxes, command: str) -> str:
    client = await boxes.agent("acme", "shop")
    return (await client.exec(command)).stdout.decode()


@needs_git
async def test_a_repository_is_cloned_into_the_first_box(world, boxes, seeded, repository):
    assert (await seeded(Seed(url=repository))).note == ""
    assert await sh(boxes, "ls -A; cat src/app.py") == ".git\n.hidden\nsrc\nprint('hello')\n"
    row = await world.row()
    assert (row.seeded, row.operation, row.state) == (True, "", BoxState.RUNNING)


@needs_git
async def test_a_ref_is_checked_out(boxes, seeded, repository):
    await seeded(Seed(url=repository, ref="next"))
    assert await sh(boxes, "git branch --show-current") == "next\n"


async def test_an_archive_is_unpacked_into_the_first_box(world, boxes, seeded, archive):
    await seeded(Seed(archive=archive(**{"a/b.txt": "hi\n"})))
    assert await sh(boxes, "ls -A; cat a/b.txt") == "a\nhi\n"
    assert (await world.row()).seeded


async def test_a_project_is_seeded_once(world, boxes, seeded, archive):
    await seeded(Seed(archive=archive(**{"a.txt": "hi\n"})))
    await sh(boxes, "rm a.txt")
    await boxes.suspend("acme", "shop")
    await boxes.ensure("acme", "shop")
    assert await sh(boxes, "ls -A") == ""


@needs_git
async def test_a_clone_that_fails_is_told_and_the_box_is_usable(world, boxes, seeded, tmp_path):
    made = await seeded(Seed(url=f"file://{tmp_path}/nothing"))
    assert (made.state, made.created) == (BoxState.RUNNING, True)
    assert "could not clone" in made.note
    assert "does not" in made.note
    assert await sh(boxes, "echo usable; ls -A") == "usable\n"
    assert (await boxes.status("acme", "shop")).reason == made.note


@needs_git
async def test_a_mended_seed_is_tried_again_when_asked(world, boxes, seeded, repository):
    await seeded(Seed(url=f"{repository}-gone"))
    with pytest.raises(Unavailable, match="could not clone"):
        await boxes.seed("acme", "shop")
    await world.projects(boxes).set_seed("acme", "shop", Seed(url=repository))
    await boxes.seed("acme", "shop")
    assert await sh(boxes, "ls") == "src\n"
    assert (await world.row()).reason == ""


async def test_files_that_are_there_are_never_overwritten(world, boxes, seeded, archive):
    await (await boxes.agent("acme", "shop")).fs_write("a.txt", b"mine")
    await world.projects(boxes).set_seed(
        "acme", "shop", Seed(archive=archive(**{"a.txt": "theirs"}))
    )
    with pytest.raises(Conflict):
        await boxes.seed("acme", "shop")
    assert await sh(boxes, "cat a.txt; ls -A") == "minea.txt\n"


async def test_what_was_moved_when_it_was_killed_is_kept_and_the_rest_follows(
    world, boxes, seeded, archive
):
    await boxes.ensure("acme", "shop")
    await sh(boxes, "mkdir -p .vibn-seed/tree; echo 2 > .vibn-seed/tree/b; echo 1 > a")
    await sh(boxes, "touch .vibn-seed/complete")
    await seeded(Seed(archive=archive(c="3")))
    assert await sh(boxes, "ls -A; cat a b") == "a\nb\n1\n2\n"


@needs_git
async def test_a_ref_that_is_not_there_leaves_nothing_of_the_clone(boxes, seeded, repository):
    made = await seeded(Seed(url=repository, ref="nowhere"))
    assert "nowhere" in made.note
    assert await sh(boxes, "ls -A") == ""


async def test_an_archive_that_vanished_is_told(world, boxes, seeded, archive, tmp_path):
    path = archive(a="1")
    await world.projects(boxes).set_seed("acme", "shop", Seed(archive=path))
    (tmp_path / "seed.tar.gz").unlink()
    assert "archive is gone" in (await boxes.ensure("acme", "shop")).note


@needs_git
async def test_a_password_in_the_url_is_not_told(seeded, tmp_path):
    made = await seeded(Seed(url="https://me:hunter2@127.0.0.1:1/x.git"))
    assert "127.0.0.1" in made.note
    assert "hunter2" not in made.note


@pytest.mark.parametrize(
    "seed",
    [
        Seed(),
        Seed(url="https://a/b", archive="/c"),
        Seed(url="--upload-pack=evil:x"),
        Seed(url="not a url"),
        Seed(url="https://a/b", ref="-q"),
        Seed(url="https://a/b", ref="a\nb"),
    ],
)
def test_a_seed_that_cannot_work_is_refused_early(seed):
    with pytest.raises(InvalidInput):
        seeding.check(seed)


def test_an_archive_has_to_exist():
    with pytest.raises(FileMissing):
        seeding.check(Seed(archive="/no/such/archive.tar"))


class Holding:
    """A hand whose agent takes an archive and never says that it is unpacked."""

    async def sh(self, script, env, timeout):
        return 0, "empty", ""

    async def unpack(self, path, content):
        async for _ in content:
            pass
        await asyncio.Event().wait()


async def test_an_agent_that_never_ends_the_unpacking_does_not_hold_the_seeding(archive):
    seeder = seeding.Seeder(Faults([].append), timeout=0.05)
    with pytest.raises(Unavailable, match="took too long"):
        await seeder.seed(Holding(), Seed(archive=archive(a="1")))


@pytest.mark.parametrize("what", ["key", "link", "directory", "pipe"])
def test_what_is_no_archive_is_not_read(archive, tmp_path, what):
    path = tmp_path / "x.tar"
    if what == "key":
        path.write_text("-----BEGIN KEY-----\n" * 100)
    elif what == "link":
        path.symlink_to(archive(a="1"))
    else:
        path.mkdir() if what == "directory" else os.mkfifo(path)
    with pytest.raises(InvalidInput):
        seeding.check(Seed(archive=str(path)))


async def test_an_archive_that_was_exchanged_for_another_file_is_not_sent(
    world, boxes, seeded, archive, tmp_path
):
    path = archive(a="1")
    await world.projects(boxes).set_seed("acme", "shop", Seed(archive=path))
    (tmp_path / "seed.tar.gz").write_text("host secret")
    assert "Not a tar archive" in (await boxes.ensure("acme", "shop")).note
