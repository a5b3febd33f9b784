"""What a box sees and may, and what it does not."""

from __future__ import annotations

import os
import socket

import pytest

from vibn.errors import ProtocolViolation
from vibn.runtimes.bubblewrap import identity
from vibn.runtimes.bubblewrap.places import Places


async def test_the_host_s_etc_run_and_home_are_not_there(boxes, runtime):
    ref = await boxes.make(runtime)
    told = await boxes.told(runtime, ref, "ls -A / /run /home; ls /root /etc/shadow 2>&1 | cat")
    assert "/run:\nvibn" in told
    assert "/home:\nvibn" in told
    assert told.count("No such file") == 2


async def test_nothing_but_its_own_places_can_be_written(boxes, runtime):
    ref = await boxes.make(runtime)
    wrong = "for d in / /usr /etc /run /opt /opt/vibn /proc /sys; do touch $d/x 2>/dev/null; done; "
    right = "for d in /workspace /tmp /home/vibn /home/vibn/.cache /dev/shm; do touch $d/x; done; "
    found = "find / -xdev -name x -newer /proc/1 2>/dev/null; find /workspace /tmp ~ -name x"
    told = await boxes.told(runtime, ref, wrong + right + found)
    places = {"/workspace/x", "/tmp/x", "/home/vibn/x", "/home/vibn/.cache/x"}
    assert set(told.split()) == places


async def test_only_its_own_processes_are_there(boxes, runtime):
    ref = await boxes.make(runtime)
    names = await boxes.told(runtime, ref, "cat /proc/[0-9]*/comm | sort -u")
    assert set(names.split()) <= {"vibn-main", "vibn-agent", "sh", "cat", "sort"}


async def test_it_has_no_right_and_gets_none(boxes, runtime):
    ref = await boxes.make(runtime)
    told = await boxes.told(runtime, ref, "grep -E '^(Cap|NoNewPrivs|Uid)' /proc/self/status")
    facts = dict(line.split(":\t", 1) for line in told.splitlines())
    assert facts.pop("Uid").split() == ["1000"] * 4
    assert facts.pop("NoNewPrivs") == "1"
    assert {int(value, 16) for value in facts.values()} == {0}


async def test_it_cannot_make_user_namespaces(boxes, runtime):
    ref = await boxes.make(runtime)
    assert (await boxes.run(runtime, ref, "unshare --user --map-root-user true")).exit != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="without root all boxes are one host user")
async def test_each_box_is_another_unprivileged_user_of_the_host(boxes, runtime):
    first, second = await boxes.make(runtime), await boxes.make(runtime)
    uids = {os.stat(f"/proc/{boxes.main(ref).pid}").st_uid for ref in (first, second)}
    assert len(uids) == 2
    for uid in uids:
        assert identity.FIRST <= uid < identity.FIRST + identity.COUNT


@pytest.mark.skipif(os.geteuid() != 0, reason="without root all boxes are one host user")
async def test_volumes_keep_their_user_over_a_removal(boxes, runtime):
    ref = await boxes.make(runtime)
    await boxes.told(runtime, ref, "echo kept > file && chmod 600 file")
    await runtime.remove(ref)
    again = await boxes.make(runtime, box_id=ref.box_id)
    assert await boxes.told(runtime, again, "cat file") == "kept"


async def test_variables_show_in_no_process_list_of_the_host(boxes, runtime):
    ref = await boxes.make(runtime, env={"TOKEN": "s3cr3t-in-a-box"})
    assert await boxes.told(runtime, ref, "echo $TOKEN") == "s3cr3t-in-a-box"
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                assert b"s3cr3t-in-a-box" not in file.read()
        except OSError:
            continue


async def test_a_link_in_the_socket_s_place_leads_nowhere(boxes, runtime, tmp_path):
    ref = await boxes.make(runtime)
    other = socket.socket(socket.AF_UNIX)
    place = f"/tmp/{ref.box_id}.sock"
    other.bind(place)
    other.listen()
    try:
        await boxes.told(runtime, ref, f"cd /run/vibn && rm agent.sock && ln -s {place} agent.sock")
        with pytest.raises(ProtocolViolation):
            await runtime.connect(ref)
    finally:
        other.close()
        os.unlink(place)


async def test_programs_of_the_host_work_inside(boxes, runtime):
    ref = await boxes.make(runtime)
    told = await boxes.told(
        runtime, ref, "awk 'BEGIN { print 1 }'; id -un; locale charmap; date +%Z"
    )
    assert told.split() == ["1", "vibn", "UTF-8", "UTC"]
    assert await boxes.told(runtime, ref, "git init -q . && git commit -q --allow-empty -m x") == ""


async def test_sudo_says_how_it_is(boxes, runtime):
    ref = await boxes.make(runtime)
    result = await boxes.run(runtime, ref, "sudo true")
    assert result.exit == 1
    assert b"no root" in result.stderr


async def test_no_descriptor_of_the_host_is_left_in_it(boxes, runtime):
    ref = await boxes.make(runtime)
    told = await boxes.told(runtime, ref, "for f in /proc/[0-9]*/fd/*; do readlink $f; done | cat")
    assert "/dev/null" in told.split()
    for line in told.splitlines():
        assert not line.startswith(("user:", "net:", "mnt:")), told
        assert "stderr" not in line
        assert "report" not in line
        assert "vibn-sandbox" not in line
    await boxes.told(runtime, ref, "for p in /proc/[0-9]*; do head -c 99 /dev/zero >>$p/fd/2; done")
    assert Places(boxes.base, ref.box_id).complaints.stat().st_size == 0
