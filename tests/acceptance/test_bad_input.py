"""What a caller can get wrong: each has its error, with a code and a next step."""

from __future__ import annotations

import pytest
from tests.acceptance.conftest import PLACE

from vibn.app import App
from vibn.errors import (
    EditAmbiguous,
    EditNoMatch,
    FileMissing,
    InvalidInput,
    JobNotFound,
    NotText,
    PathOutside,
    ProjectNotFound,
    TooLarge,
    Unsupported,
    VibnError,
)


async def test_an_unknown_project_is_not_found(app: App) -> None:
    with pytest.raises(ProjectNotFound) as unknown:
        await app.shell.exec("acme", "nowhere", "true")
    with pytest.raises(ProjectNotFound) as foreign:
        await app.shell.exec("nobody", "shop", "true")
    assert unknown.value.hint
    assert type(unknown.value) is type(foreign.value)


@pytest.mark.parametrize("command", ["", "  \n", "echo \0"])
async def test_an_empty_or_broken_command_is_refused(app: App, command: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await app.shell.exec(*PLACE, command)
    assert refused.value.hint


async def test_a_missing_working_directory_is_named(app: App) -> None:
    with pytest.raises(FileMissing) as missing:
        await app.shell.exec(*PLACE, "true", cwd="/workspace/none")
    assert "none" in missing.value.message


async def test_limits_out_of_range_are_refused(app: App) -> None:
    for limits in ({"timeout_ms": 0}, {"max_bytes": 0}, {"timeout_ms": 10**9}):
        with pytest.raises(InvalidInput, match=next(iter(limits))):
            await app.shell.exec(*PLACE, "true", **limits)


async def test_an_unknown_user_is_refused(app: App) -> None:
    with pytest.raises(InvalidInput):
        await app.shell.exec(*PLACE, "true", user="admin")


async def test_root_works_or_says_that_it_does_not(app: App) -> None:
    if app.runtime.capabilities.root:
        result = await app.shell.exec(*PLACE, "id -u", user="root")
        assert result.stdout == "0\n"
        return
    with pytest.raises(Unsupported) as refused:
        await app.shell.exec(*PLACE, "id -u", user="root")
    assert refused.value.hint


@pytest.mark.parametrize("path", ["/etc/passwd", "../etc/passwd", "./.././../b"])
async def test_a_path_outside_is_refused_for_every_verb(app: App, path: str) -> None:
    attempts = [
        app.files.read(*PLACE, path),
        app.files.write(*PLACE, path, "x"),
        app.files.edit(*PLACE, path, "a", "b"),
        app.files.list(*PLACE, path),
        app.files.delete(*PLACE, path),
        app.files.move(*PLACE, path, "here"),
    ]
    for attempt in attempts:
        with pytest.raises(PathOutside):
            await attempt


async def test_a_link_that_leads_out_tells_where_it_led(app: App) -> None:
    await app.shell.exec(*PLACE, "ln -s /etc out && ln -s out/passwd deep")
    for path in ("out/passwd", "deep"):
        with pytest.raises(PathOutside) as refused:
            await app.files.read(*PLACE, path)
        assert str(refused.value.detail["resolved"]).startswith("/etc")


async def test_binary_is_not_text_but_can_be_read_as_bytes(app: App) -> None:
    await app.files.write(*PLACE, "logo.png", b"\x89PNG\0\xff\xfe")
    with pytest.raises(NotText) as refused:
        await app.files.read(*PLACE, "logo.png")
    assert refused.value.hint
    assert (await app.files.read_bytes(*PLACE, "logo.png")).data == b"\x89PNG\0\xff\xfe"


async def test_invalid_utf8_is_not_text(app: App) -> None:
    await app.files.write(*PLACE, "latin1.txt", "Größe\n".encode("latin-1"))
    with pytest.raises(NotText) as refused:
        await app.files.read(*PLACE, "latin1.txt")
    assert refused.value.detail["offset"] == 2


async def test_a_file_above_the_cap_is_refused_and_can_be_read_in_parts(app: App) -> None:
    await app.shell.exec(*PLACE, "head -c 20000000 /dev/zero > big")
    with pytest.raises(TooLarge) as refused:
        await app.files.read_bytes(*PLACE, "big")
    part = await app.files.read_bytes(*PLACE, "big", offset=19_999_990)
    assert len(part.data) == 10
    assert refused.value.hint


async def test_a_write_above_the_cap_is_refused(app: App) -> None:
    with pytest.raises(TooLarge):
        await app.files.write(*PLACE, "big", bytes(16 * 1024 * 1024 + 1))


async def test_edits_that_do_not_fit_say_what_is_there(app: App) -> None:
    await app.files.write(*PLACE, "a.py", "total = 1\ntotal = 2\n")
    with pytest.raises(EditNoMatch) as missed:
        await app.files.edit(*PLACE, "a.py", "totel = 1", "x")
    with pytest.raises(EditAmbiguous) as twice:
        await app.files.edit(*PLACE, "a.py", "total", "x")
    assert "total = 1" in str(missed.value.detail["nearest"])
    assert twice.value.detail["count"] == 2
    for old, new in (("", "x"), ("total", "total")):
        with pytest.raises(InvalidInput):
            await app.files.edit(*PLACE, "a.py", old, new)


async def test_a_wrong_pattern_is_refused(app: App) -> None:
    with pytest.raises(InvalidInput):
        await app.files.grep(*PLACE, "(unclosed")


async def test_ten_thousand_files_are_globbed_in_bounds(app: App) -> None:
    await app.shell.exec(*PLACE, "mkdir many && cd many && seq 10000 | xargs touch")
    found = await app.files.glob(*PLACE, "many/*", limit=100)
    assert (found.total, len(found.files), found.truncated) == (10_000, 100, True)


async def test_the_workspace_itself_is_never_deleted(app: App) -> None:
    for path in (".", "/workspace", "a/.."):
        with pytest.raises(VibnError):
            await app.files.delete(*PLACE, path, recursive=True)


async def test_an_unknown_job_is_not_found(app: App) -> None:
    with pytest.raises(JobNotFound):
        await app.shell.read(*PLACE, "j000")
