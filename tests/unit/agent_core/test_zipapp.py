"""The agent's one file."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

from vibn.runtimes.zipapp import build, sources

HEAVY = {"asyncio", "ctypes", "enum", "json", "re", "socket", "subprocess", "threading", "typing"}


def test_two_builds_are_the_same_bytes(tmp_path):
    one, two = build(tmp_path / "a", sys.executable), build(tmp_path / "b", sys.executable)
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()


def test_a_build_that_exists_is_taken(tmp_path):
    first = build(tmp_path, sys.executable)
    before = first.stat()
    assert build(tmp_path, sys.executable).stat().st_mtime_ns == before.st_mtime_ns


def test_builders_at_once_agree(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        built = set(pool.map(lambda _: build(tmp_path, sys.executable), range(8)))
    assert [path.name for path in built] == [path.name for path in tmp_path.iterdir()]


def test_it_holds_source_and_code_of_every_module(tmp_path):
    with zipfile.ZipFile(build(tmp_path, sys.executable)) as archive:
        names = set(archive.namelist())
        assert names == {name + end for name in sources() for end in ("", "c")}
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())


def test_it_starts_without_heavy_modules_and_uses_its_compiled_code(tmp_path):
    path = build(tmp_path, sys.executable)
    code = "import sys; sys.path.insert(0, sys.argv[1]); import agent.serve, agent.run; "
    code += "print(*sys.modules); print(agent.serve.__spec__.cached or agent.serve.__file__)"
    argv = [sys.executable, "-I", "-S", "-c", code, str(path)]
    said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30).stdout
    modules, loaded = said.splitlines()
    assert not HEAVY & set(modules.split())
    assert loaded.endswith("serve.pyc")
