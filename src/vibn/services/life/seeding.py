"""A project's first files: cloned or unpacked once, inside the box, into an empty /workspace.

The files are brought into a staging directory on the same volume, then moved to their place; the
staging directory goes when the row says that the project is seeded. Killed anywhere, the next try
goes on from what is there:

    staging placed                 done
    staging complete               move the rest
    workspace otherwise empty      begin anew
    workspace has other files      never touched: not seeded, and that is said

No credential of ours is used, and nothing is fetched by the control plane.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from vibn.errors import Conflict, FileMissing, InvalidInput, Unavailable, VibnError
from vibn.models import Seed
from vibn.services.life.faults import Effect, Faults

STAGING = ".vibn-seed"
TIMEOUT = 600.0
CHUNK = 1 << 18

LOOK = f"""
[ ! -e {STAGING}/placed ] || {{ echo placed; exit 0; }}
[ ! -e {STAGING}/complete ] || {{ echo staged; exit 0; }}
for entry in * .[!.]* ..?*; do
    [ "$entry" = {STAGING} ] || [ "$entry" = lost+found ] && continue
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    echo occupied; exit 0
done
echo empty
"""

_STAGE = f"rm -rf {STAGING} && mkdir -p {STAGING}/tree"

_CLONE = f"""
set -e
command -v git >/dev/null || {{ echo "git is not installed in the box" >&2; exit 127; }}
git clone --quiet -- "$VIBN_SEED_URL" {STAGING}/tree
[ -z "$VIBN_SEED_REF" ] || git -C {STAGING}/tree checkout --quiet "$VIBN_SEED_REF" --
touch {STAGING}/complete
"""

_PLACE = f"""
set -e
if [ -d {STAGING}/tree ]; then
    find {STAGING}/tree -mindepth 1 -maxdepth 1 -exec mv -n -t . {{}} +
    rmdir {STAGING}/tree
fi
touch {STAGING}/placed
"""

_TIDY = f"rm -rf {STAGING}"


class Hand(Protocol):
    """What seeding needs of the box."""

    async def sh(self, script: str, env: Mapping[str, str], timeout: float) -> tuple[int, str, str]:
        """Run it in /workspace with the project's variables and ``env``.

        Exit status (124: timed out), standard output, and standard error without secrets.
        """
        ...

    async def unpack(self, path: str, content: AsyncIterator[bytes]) -> None:
        """A tar, plain or gzip, beneath ``path``."""
        ...


def check(seed: Seed) -> Seed:
    """Raises InvalidInput for a seed that cannot work, with what to write instead.

    ``archive`` names a file of this host, which is read with our rights: a surface for tenants
    must never pass a path of its caller's.
    """
    if bool(seed.url) == bool(seed.archive):
        raise InvalidInput("A seed is either a git repository's URL or an archive's path.")
    if seed.url and (seed.url.startswith("-") or ":" not in seed.url):
        raise InvalidInput(
            f"Not a repository URL: {seed.url!r}.", hint="Write it as https://host/owner/name.git"
        )
    if seed.ref.startswith("-") or any(c.isspace() or not c.isprintable() for c in seed.ref):
        raise InvalidInput(f"Not a branch, tag or commit: {seed.ref!r}.")
    if seed.archive:
        _opened(Path(seed.archive)).close()
    return seed


def _opened(archive: Path) -> BinaryIO:
    """The archive, open at its start. Raises FileMissing, and InvalidInput for what is no regular
    file (a link is none either) or does not begin like a tar or a gzip."""
    hint = "Name a .tar or .tar.gz file."
    try:
        place = os.open(archive, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as gone:
        raise FileMissing(f"No such archive: {archive}.", hint=hint) from gone
    except OSError as error:
        text = f"The archive {archive} cannot be read: {error.strerror}."
        raise InvalidInput(text, hint=hint) from error
    if not stat.S_ISREG(os.fstat(place).st_mode):
        os.close(place)
        raise InvalidInput(f"Not a regular file: {archive}.", hint=hint)
    file = os.fdopen(place, "rb")
    try:
        head = file.read(512)
        if not (head.startswith(b"\x1f\x8b") or head[257:262] == b"ustar"):
            raise InvalidInput(f"Not a tar archive: {archive}.", hint=hint)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


class Seeder:
    def __init__(self, faults: Faults, timeout: float = TIMEOUT) -> None:
        """``timeout``: seconds for a clone or an unpacking."""
        self._faults = faults
        self._timeout = timeout

    async def seed(self, hand: Hand, seed: Seed) -> None:
        """Bring the files in, or find that they are. The box stays usable whatever happens.

        Raises Conflict when the workspace holds other files, Unavailable when the repository
        cannot be fetched, with git's own words.
        """
        state = (await self._run(hand, LOOK, "look at /workspace")).strip()
        if state == "placed":
            return
        if state == "occupied":
            raise Conflict(
                "The project was not seeded: /workspace has files already.",
                hint="Move them away and seed again, or fetch the repository with shell_exec.",
            )
        if state == "empty":
            with self._faults.around(Effect.FETCH_SEED):
                await self._fetch(hand, seed)
        with self._faults.around(Effect.PLACE_SEED):
            await self._run(hand, _PLACE, "put the files in place")

    async def tidy(self, hand: Hand) -> None:
        """Remove the staging directory, once the row says that the project is seeded."""
        with self._faults.around(Effect.TIDY_SEED):
            await self._run(hand, _TIDY, f"remove {STAGING}")

    async def _fetch(self, hand: Hand, seed: Seed) -> None:
        """Into the staging directory, which goes again when it cannot be filled."""
        try:
            await self._bring(hand, seed)
        except VibnError:
            with suppress(VibnError):
                await self._run(hand, _TIDY, f"remove {STAGING}")
            raise

    async def _bring(self, hand: Hand, seed: Seed) -> None:
        await self._run(hand, _STAGE, f"make {STAGING}")
        if seed.url:
            given = {
                "VIBN_SEED_URL": seed.url,
                "VIBN_SEED_REF": seed.ref,
                "GIT_TERMINAL_PROMPT": "0",
                "GIT_ALLOW_PROTOCOL": "https:http:git:ssh:file",
            }
            await self._run(hand, _CLONE, f"clone {seed.url}", given, seed.url)
            return
        await self._unpack(hand, Path(seed.archive))
        await self._run(hand, f"touch {STAGING}/complete", "note that it is unpacked")

    async def _unpack(self, hand: Hand, archive: Path) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await hand.unpack(f"{STAGING}/tree", _chunks(archive))
        except TimeoutError as late:
            if isinstance(late, VibnError):
                raise
            raise _unseeded("could not unpack the archive: it took too long.") from late

    async def _run(
        self,
        hand: Hand,
        script: str,
        what: str,
        env: Mapping[str, str] | None = None,
        url: str = "",
    ) -> str:
        status, out, err = await hand.sh(script, env or {}, self._timeout)
        if status == 0:
            return out
        said = "it took too long" if status == 124 else " ".join(err.split())[-500:]
        text = f"could not {what}: {said or f'exit status {status}'}."
        raise _unseeded(text.replace(url, _shown(url)) if url else text)


def _unseeded(why: str) -> Unavailable:
    return Unavailable(
        f"The project was not seeded: {why}",
        hint="The dev container is usable. Mend the seed, then seed the project again.",
    )


def _shown(url: str) -> str:
    """The URL without a password that someone put into it."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}" if mark else url


async def _chunks(archive: Path) -> AsyncIterator[bytes]:
    try:
        file = _opened(archive)
    except FileMissing as gone:
        raise FileMissing(
            f"The seed's archive is gone: {archive}.", hint="Put it back and seed again."
        ) from gone
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk
