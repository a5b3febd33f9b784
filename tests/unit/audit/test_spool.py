"""Spools outlive their process, and no two processes carry one."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from tests.unit.audit.conftest import entry

from vibn.services.audit import spool as module
from vibn.services.audit.chain import Chain
from vibn.services.audit.keys import Key
from vibn.services.audit.spool import Spool, Spools, Waiting, read


@pytest.fixture
def spools(tmp_path: Path) -> Spools:
    return Spools(tmp_path / "spool")


@pytest.fixture
def chain() -> Chain:
    return Chain(Key.of(b"s" * 32))


def fill(spool: Spool, chain: Chain, number: int) -> None:
    for _ in range(number):
        row = chain.add(entry())
        spool.append(chain.seq, row)


def test_what_is_appended_reads_back(spools: Spools, chain: Chain) -> None:
    spool = spools.begin(chain.name)
    fill(spool, chain, 3)
    [segment] = spool.cut()
    assert [row.seq for row in read(segment)] == [1, 2, 3]
    assert spool.size == segment.stat().st_size


def test_a_segment_that_was_cut_does_not_grow(spools: Spools, chain: Chain) -> None:
    spool = spools.begin(chain.name)
    fill(spool, chain, 1)
    [first] = spool.cut()
    fill(spool, chain, 1)
    assert [row.seq for row in read(first)] == [1]
    spool.drop(first)
    assert [[row.seq for row in read(s)] for s in spool.cut()] == [[2]]


def test_a_big_spool_lies_in_several_segments(
    spools: Spools, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEGMENT", 1000)
    spool = spools.begin(chain.name)
    fill(spool, chain, 20)
    segments = spool.cut()
    assert len(segments) > 4
    assert [row.seq for s in segments for row in read(s)] == list(range(1, 21))


def test_a_line_that_was_cut_by_a_kill_is_no_row(spools: Spools, chain: Chain) -> None:
    spool = spools.begin(chain.name)
    fill(spool, chain, 2)
    [segment] = spool.cut()
    segment.write_bytes(segment.read_bytes()[:-10])
    assert [row.seq for row in read(segment)] == [1]


def test_damage_in_the_middle_is_told(spools: Spools, chain: Chain) -> None:
    spool = spools.begin(chain.name)
    fill(spool, chain, 2)
    [segment] = spool.cut()
    segment.write_bytes(b"\0" * 10 + segment.read_bytes()[10:])
    with pytest.raises(ValueError):  # noqa: PT011
        read(segment)


def test_a_live_spool_is_nobody_elses(spools: Spools, chain: Chain) -> None:
    spool = spools.begin(chain.name)
    fill(spool, chain, 1)
    assert spools.adopt() == []
    assert spools.waiting() == {chain.name: Waiting(alive=True, first=1)}


def test_what_a_process_left_is_adopted_by_one(spools: Spools, chain: Chain) -> None:
    spool = spools.begin(chain.name)
    fill(spool, chain, 2)
    spool.close()
    assert spools.waiting() == {chain.name: Waiting(alive=False, first=1)}
    [adopted] = spools.adopt()
    assert spools.adopt() == []
    assert (adopted.chain, adopted.size) == (chain.name, spool.size)
    assert [row.seq for s in adopted.cut() for row in read(s)] == [1, 2]


def test_a_spool_without_rows_leaves_nothing(spools: Spools, chain: Chain, tmp_path: Path) -> None:
    spools.begin(chain.name).close()
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_damaged_segment_is_kept_and_carried_no_more(spools: Spools, chain: Chain) -> None:
    spool = spools.begin(chain.name)
    fill(spool, chain, 1)
    [segment] = spool.cut()
    spool.quarantine(segment)
    spool.close()
    assert segment.with_suffix(".damaged").exists()
    assert [adopted.cut() for adopted in spools.adopt()] == [[]]


def test_other_names_in_the_directory_are_left_alone(spools: Spools, tmp_path: Path) -> None:
    (tmp_path / "spool" / "lost+found").mkdir(parents=True)
    assert spools.adopt() == []
    assert spools.waiting() == {}


def test_a_full_disk_leaves_no_half_row(
    spools: Spools, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = spools.begin(chain.name)
    fill(spool, chain, 1)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:7]))
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        fill(spool, chain, 1)
    monkeypatch.undo()
    fill(spool, chain, 1)
    [segment] = spool.cut()
    assert [row.seq for row in read(segment)] == [1, 3]
