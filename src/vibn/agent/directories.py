"""Listing, making, deleting and moving what the workspace holds."""

from __future__ import annotations

import os
from errno import EEXIST, EINVAL, ELOOP, ENOTDIR, ENOTEMPTY, EXDEV
from stat import S_ISDIR, S_ISREG

from .args import REQUIRED, bounded, take
from .failure import Failure, from_os_error
from .paths import Place, Root, describe, locate, open_folder
from .results import Answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from .context import Context

    Result = tuple[dict[str, Any], bytes]

_LIST = {
    "path": (str, "."),
    "depth": (int, 1),
    "limit": (int, 1000),
    "hidden": (bool, True),
}
_MKDIR = {"path": (str, REQUIRED), "parents": (bool, True)}
_DELETE = {
    "path": (str, REQUIRED),
    "recursive": (bool, False),
    "missing_ok": (bool, False),
}
_MOVE = {"path": (str, REQUIRED), "to": (str, REQUIRED), "overwrite": (bool, False)}


def listing(ctx: Context, args: dict[str, Any], _body: bytes) -> Generator[Any, Any, Result]:
    from .walk import Walk

    a = take(args, _LIST)
    bounded("depth", a["depth"], 1, 1 << 20)
    bounded("limit", a["limit"], 1, 1 << 30)
    answer = Answer(a["limit"])
    with Root(ctx.root) as root:
        with locate(root, a["path"]) as place:
            info = place.stat()
        if info is None:
            raise place.missing()
        if not S_ISDIR(info.st_mode):
            raise Failure("invalid_input", "%s is not a directory" % place.path)
        walk = Walk(
            root,
            place.parts,
            hidden=a["hidden"],
            depth=a["depth"],
            most=min(a["limit"], 100000) + 1,
            stat=True,
        )
        try:
            for found in walk:
                if found is None:
                    yield None
                elif found.info is not None and not answer.add(
                    describe(found.path, found.info, found.target)
                ):
                    break
        except OSError as error:
            raise from_os_error(error, place.path) from None
    return {"entries": answer.items, "truncated": answer.truncated}, b""


def mkdir(ctx: Context, args: dict[str, Any], _body: bytes) -> Result:
    a = take(args, _MKDIR)
    with Root(ctx.root) as root, locate(root, a["path"], make=a["parents"]) as place:
        created = False
        if place.name:
            try:
                os.mkdir(place.name, dir_fd=place.folder)
                created = True
            except FileExistsError:
                pass
            except OSError as error:
                raise from_os_error(error, place.path) from None
        info = place.stat()
        if not created and (not a["parents"] or info is None or not S_ISDIR(info.st_mode)):
            raise Failure("already_exists", "%s exists" % place.path)
        return {"created": created}, b""


def delete(ctx: Context, args: dict[str, Any], _body: bytes) -> Generator[Any, Any, Result]:
    a = take(args, _DELETE)
    with Root(ctx.root) as root:
        try:
            place = locate(root, a["path"], follow=False)
        except Failure as failure:
            if failure.code == "file_missing" and a["missing_ok"]:
                return {"removed": 0}, b""
            raise
        with place:
            if not place.name:
                raise Failure(
                    "invalid_input", "/workspace itself is never deleted", "Delete what is in it."
                )
            info = place.stat()
            if info is None:
                if a["missing_ok"]:
                    return {"removed": 0}, b""
                raise place.missing()
            if not S_ISDIR(info.st_mode):
                _remove(place, os.unlink)
                return {"removed": 1}, b""
            if not a["recursive"]:
                _remove(place, os.rmdir)
                return {"removed": 1}, b""
        try:
            removed = yield from _remove_tree(root, place.parts)
        except OSError as error:
            raise from_os_error(error, place.path) from None
    return {"removed": removed}, b""


def _remove(place: Place, how: Any) -> None:
    try:
        how(place.name, dir_fd=place.folder)
    except OSError as error:
        if error.errno in (ENOTEMPTY, EEXIST):
            raise Failure(
                "invalid_input",
                "%s is a directory that is not empty" % place.path,
                "Pass recursive=true to delete all that is in it.",
            ) from None
        raise from_os_error(error, place.path) from None


def _remove_tree(root: Root, top: list[str]) -> Generator[Any, Any, int]:
    """Depth first, one directory open at a time; no link is followed on the way."""
    from .walk import Pace

    pace = Pace()
    removed = 0
    # A directory is met twice: to empty it, and to remove it; more often if it fills meanwhile.
    todo: list[tuple[list[str], int]] = [(top, 0)]
    while todo:
        parts, visits = todo.pop()
        if visits % 2 == 0:
            if visits > 20:
                raise Failure("conflict", "%s is filled while it is deleted" % "/".join(parts))
            todo.append((parts, visits + 1))
            try:
                fd = open_folder(root.fd, parts)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno in (ENOTDIR, ELOOP):
                    continue  # replaced meanwhile: removed below by its name
                raise
            try:
                with os.scandir(fd) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            todo.append(([*parts, entry.name], 0))
                        else:
                            removed += _gone(os.unlink, entry.name, fd)
                        if pace.due():
                            yield None
                            pace.rest()
            finally:
                os.close(fd)
            continue
        try:
            above = open_folder(root.fd, parts[:-1])
        except FileNotFoundError:
            continue
        try:
            removed += _gone(os.rmdir, parts[-1], above)
        except NotADirectoryError:
            removed += _gone(os.unlink, parts[-1], above)
        except OSError as error:
            if error.errno not in (ENOTEMPTY, EEXIST):
                raise
            todo.append((parts, visits + 1))
        finally:
            os.close(above)
        if pace.due():
            yield None
            pace.rest()
    return removed


def _gone(how: Any, name: str, fd: int) -> int:
    try:
        how(name, dir_fd=fd)
    except FileNotFoundError:
        return 0
    return 1


def move(ctx: Context, args: dict[str, Any], _body: bytes) -> Result:
    a = take(args, _MOVE)
    with Root(ctx.root) as root, locate(root, a["path"], follow=False) as old:
        info = old.stat()
        if info is None:
            raise old.missing()
        if not old.name:
            raise Failure("invalid_input", "/workspace itself is never moved")
        with locate(root, a["to"], follow=False, make=True) as new:
            there = new.stat()
            if there is not None and not a["overwrite"]:
                raise Failure("already_exists", "%s exists" % new.path, "Pass overwrite=true.")
            if there is not None and S_ISDIR(there.st_mode):
                raise Failure("already_exists", "%s is a directory" % new.path)
            try:
                _rename(old, new, there is None and S_ISREG(info.st_mode))
            except OSError as error:
                raise _not_moved(error, old, new) from None
            return {"path": new.path}, b""


def _rename(old: Place, new: Place, exclusive: bool) -> None:
    if exclusive:
        # A link fails when the name was taken meanwhile; a rename would replace that file.
        try:
            os.link(
                old.name,
                new.name,
                src_dir_fd=old.folder,
                dst_dir_fd=new.folder,
                follow_symlinks=False,
            )
        except FileExistsError:
            raise
        except OSError:
            pass  # no hard links here: rename
        else:
            os.unlink(old.name, dir_fd=old.folder)
            return
    os.rename(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder)


def _not_moved(error: OSError, old: Place, new: Place) -> Failure:
    if error.errno == EINVAL:
        return Failure("invalid_input", "%s cannot be moved into itself" % old.path)
    if error.errno == EXDEV:
        return Failure("unsupported", "%s and %s are on different disks" % (old.path, new.path))
    if error.errno in (ENOTEMPTY, EEXIST, ENOTDIR):
        return Failure("already_exists", "%s exists" % new.path)
    return from_os_error(error, "%s to %s" % (old.path, new.path))
