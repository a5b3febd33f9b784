"""fs.pack and fs.unpack, against Python's own tar and against archives made to escape."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def member(name: str, kind: bytes = tarfile.REGTYPE, **more: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in more.items():
        setattr(info, key, value)
    return info


def archive(*members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes], form: int = 1) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for one in members:
            info, content = one if isinstance(one, tuple) else (one, b"")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def packed(box, **args) -> bytes:
    sink = bytearray()
    box.answer(box.ask("fs.pack", args), sink)
    return bytes(sink)


def tree(root: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            info = path.stat()
            found[name] = (path.read_bytes(), info.st_mode & 0o777, int(info.st_mtime))
        else:
            found[name] = "dir"
    return found


def test_what_was_packed_is_unpacked_the_same(box, root):
    box.plant({"s/a": "1", "s/d/" + "n" * 180: os.urandom(200000), "s/é": "", "s/.git/x": "y"})
    (root / "s/empty").mkdir()
    os.chmod(root / "s/a", 0o755)
    os.symlink("d/" + "n" * 180, root / "s/link")
    os.utime(root / "s/a", (10**9, 10**9))
    data = packed(box, path="s")
    assert box.stream("fs.unpack", data, path="t") == {"files": 5, "bytes": 200002}
    assert tree(root / "t") == tree(root / "s")


def test_other_programs_read_what_was_packed(box, root, tmp_path):
    box.plant({"a/" + "d" * 90 + "/" + "f" * 90: "x" * 1000, "b": "y"})
    os.mkfifo(root / "pipe")
    (tmp_path / "t.tar").write_bytes(packed(box))
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "xf", "t.tar", "-C", "out"], cwd=tmp_path, check=True)
    (root / "pipe").unlink()
    assert tree(tmp_path / "out") == tree(root)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("zipped", [False, True])
def test_each_format_of_tar_is_unpacked(box, root, form, zipped):
    name = "/".join(["dir" * 10] * 5) + "/" + "ä" * 20
    data = archive(
        (member(name, mtime=5), b"one"),
        member("d", tarfile.DIRTYPE, mode=0o500),
        (member("d/run", mode=0o4755), b"two"),
        member("d/link", tarfile.SYMTYPE, linkname="run"),
        member("d/hard", tarfile.LNKTYPE, linkname="d/run"),
        form=form,
    )
    result = box.stream("fs.unpack", gzip.compress(data) if zipped else data, path="to")
    assert result == {"files": 4, "bytes": 6}
    assert (root / "to" / name).read_bytes() == b"one"
    assert (root / "to/d/run").stat().st_mode & 0o7777 == 0o755
    assert (root / "to/d/hard").stat().st_ino == (root / "to/d/run").stat().st_ino
    assert os.readlink(root / "to/d/link") == "run"


def test_leading_directories_are_stripped(box, root):
    data = archive((member("top/a"), b"1"), (member("top/d/b"), b"2"), (member("c"), b"3"))
    assert box.stream("fs.unpack", data, strip=1) == {"files": 2, "bytes": 2}
    assert sorted(tree(root)) == ["a", "d", "d/b"]


ESCAPES = {
    "absolute": [member("/etc/evil")],
    "dots": [member("a/../../evil")],
    "link out": [member("l", tarfile.SYMTYPE, linkname="../out")],
    "link to root": [member("l", tarfile.SYMTYPE, linkname="/etc")],
    "link beyond a missing directory": [member("a/l", tarfile.SYMTYPE, linkname="b/../../../x")],
    "hard link out": [member("h", tarfile.LNKTYPE, linkname="../../etc/passwd")],
    "hard link to an absolute path": [member("h", tarfile.LNKTYPE, linkname="/etc/passwd")],
}


@pytest.mark.parametrize("case", ESCAPES)
def test_entries_that_lead_out_are_refused(box, root, case):
    with pytest.raises(Exception, match="path_outside"):
        box.stream("fs.unpack", archive(*ESCAPES[case]), path="in")
    assert set(tree(root)) <= {"in", "in/a"}


def test_a_link_that_was_there_before_leads_nothing_out(box, root, tmp_path):
    (root / "in").mkdir()
    os.symlink(tmp_path, root / "in/out")
    with pytest.raises(Exception, match="path_outside"):
        box.stream("fs.unpack", archive((member("out/evil"), b"x")), path="in")
    box.stream("fs.unpack", archive((member("out"), b"x")), path="in")
    assert (root / "in/out").read_bytes() == b"x"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"S"])
def test_special_files_are_refused(box, root, kind):
    with pytest.raises(Exception, match="invalid_input"):
        box.stream("fs.unpack", archive(member("x", kind)))
    assert os.listdir(root) == []


def test_a_cut_or_damaged_archive_is_told_and_leaves_no_half_file(box, root):
    data = archive((member("a"), b"x" * 5000))
    for wrong in (b"", b"hello", data[:3000], gzip.compress(data)[:-30], b"\1" + data[1:]):
        with pytest.raises(Exception, match="invalid_input"):
            box.stream("fs.unpack", wrong)
        assert os.listdir(root) == []


def test_a_bomb_is_unpacked_in_bounded_memory(box, root):
    data = gzip.compress(archive((member("zeros"), bytes(200 << 20))))
    before = rss(box.pid)
    assert box.stream("fs.unpack", data)["bytes"] == 200 << 20
    assert rss(box.pid) - before < 8 << 10
    box.call("fs.delete", path="zeros")


def rss(pid: int) -> int:
    """KiB at the highest, ever."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


NAMES = st.lists(st.sampled_from(["a", "b", "ä", "n" * 120]), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(NAMES.map("/".join), st.binary(max_size=2000), max_size=6))
def test_any_tree_survives_the_round(shared, files):
    root = shared.root
    subprocess.run(["find", str(root), "-mindepth", "1", "-delete"], check=True)
    (root / "from").mkdir()
    for name, content in files.items():
        path = root / "from" / (name + ".file")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    shared.stream("fs.unpack", packed(shared, path="from"), path="to")
    assert tree(root / "to") == tree(root / "from")
