"""The guard's rules beside those of others, in a network namespace of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from vibn.runtimes.docker import guard

pytestmark = pytest.mark.skipif(
    bool(guard.missing()) or shutil.which("unshare") is None,
    reason=guard.missing() or "the program unshare is missing",
)

BEFORE = """
import pathlib, subprocess, sys, tempfile
from vibn.runtimes.docker import guard
guard.LOCK = pathlib.Path(tempfile.mkdtemp()) / "lock"
def run(*command): subprocess.run(command, check=True)
def table(program="iptables"):
    return subprocess.run([program, "-S"], capture_output=True, text=True, check=True).stdout
run("mount", "-t", "sysfs", "none", "/sys")
run("iptables", "-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "ACCEPT")
run("iptables", "-A", "FORWARD", "-i", "eth9", "-j", "DROP")
"""


def alone(script: str) -> None:
    """Run ``script`` where it sees no interface and no rule of this host."""
    done = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, "-c", BEFORE + script],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_was_added_is_removed_and_nothing_else():
    alone("""
before = table(), table("ip6tables")
guard.ensure()
assert guard.applied()
assert "VIBN-INPUT" in table("ip6tables")
guard.remove()
assert (table(), table("ip6tables")) == before, table()
""")


def test_doing_it_again_changes_nothing():
    alone("""
guard.ensure()
once = table()
guard.ensure()
assert table() == once
guard.remove(); guard.remove()
assert not guard.applied()
""")


def test_a_rule_put_before_ours_or_a_flushed_chain_is_mended():
    alone("""
guard.ensure()
whole = table()
run("iptables", "-F", "VIBN-INPUT")
run("iptables", "-D", "FORWARD", "1")
run("iptables", "-I", "INPUT", "1", "-i", "lo", "-j", "ACCEPT")
guard.ensure()
kept = "-A INPUT -i lo -j ACCEPT\\n"
assert kept in table()
assert table().replace(kept, "") == whole, table()
""")


def test_the_engines_chain_is_used_where_there_is_one():
    alone("""
run("iptables", "-N", "DOCKER-USER")
guard.ensure()
assert any(l.startswith("-A DOCKER-USER") and "VIBN-FORWARD" in l for l in table().splitlines())
""")


def test_the_rules_stay_while_a_bridge_of_ours_is_there():
    alone("""
run("ip", "link", "add", "br-vibn0000", "type", "bridge")
guard.ensure()
guard.remove_if_unused()
assert guard.applied()
run("ip", "link", "delete", "br-vibn0000")
guard.remove_if_unused()
assert not guard.applied()
""")


def test_only_resolvers_of_the_engine_may_be_asked_on_port_53():
    forward, into = guard.rules(guard.FAMILIES[0], ["10.9.8.7", "fd00::1"])
    asked = [rule for rule in forward if "--dport 53" in rule]
    assert asked == [f"-d 10.9.8.7 -p {p} --dport 53 -j RETURN" for p in ("udp", "tcp")]
    assert forward.index(asked[0]) < forward.index(next(r for r in forward if "10.0.0.0/8" in r))
    assert into[-1].startswith("-j REJECT")
