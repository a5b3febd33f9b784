"""``vibn exec`` as a person and as a script use it, with a real box."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest
from tests.acceptance.person import VIBN, Person, person, served

__all__ = ["person", "served"]

pytestmark = pytest.mark.bubblewrap


def test_output_and_errors_come_apart_and_the_status_is_the_commands_own(person: Person) -> None:
    done = person.run("exec", "shop", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_one_word_is_a_shell_command(person: Person) -> None:
    assert person.says("exec", "shop", "--", "echo a b | wc -w").strip() == "2"


def test_a_signal_is_told_as_shells_do(person: Person) -> None:
    assert person.run("exec", "shop", "--", "sh", "-c", "kill -TERM $$").returncode == 143


def test_stdin_comes_from_a_pipe_whatever_it_holds(person: Person) -> None:
    data = bytes(range(256)) * 8192
    done = person.run("exec", "shop", "--", "cat", stdin=data)
    assert done.returncode == 0
    assert done.stdout == data


def test_stdin_that_is_closed_is_at_its_end(person: Person) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *VIBN, "exec", "shop", "--", "cat; echo end"],
        env=person.environ,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, b"end\n")


def test_stdin_is_passed_while_the_command_runs(person: Person) -> None:
    command = 'read a; echo "got $a"; read b; echo "then $b"'
    process = subprocess.Popen(
        [*VIBN, "exec", "shop", "--", command],
        env=person.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"one\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"got one\n"
    process.stdin.write(b"two\n")
    process.stdin.close()
    assert process.stdout.read() == b"then two\n"
    assert process.wait(60) == 0


def test_a_terminal_is_a_stdin_too(person: Person) -> None:
    typing = person.types("exec", "shop", "--", 'echo ready; read name; echo "hello $name"')
    typing.expect("ready")
    typing.type("ann\n")
    typing.expect("hello ann")
    assert typing.ended() == 0


def test_ctrl_c_kills_the_command_in_the_box(person: Person) -> None:
    typing = person.types("exec", "shop", "--", "echo begun; sleep 3333")
    typing.expect("begun")
    typing.type("\x03")
    assert typing.ended() == 130
    assert not alive(person, "sleep 3333")


def test_ctrl_c_lets_the_command_say_its_last_words(person: Person) -> None:
    last = "trap 'echo tidied; exit 3' INT; echo begun; while :; do sleep 0.1; done"
    typing = person.types("exec", "shop", "--", last)
    typing.expect("begun")
    typing.type("\x03")
    typing.expect("tidied")
    assert typing.ended() == 130


def test_a_command_that_ignores_ctrl_c_is_killed_all_the_same(person: Person) -> None:
    typing = person.types("exec", "shop", "--", "trap '' INT TERM; echo begun; sleep 4444")
    typing.expect("begun")
    typing.type("\x03")
    assert typing.ended() == 130
    assert not alive(person, "sleep 4444")


def test_a_command_that_takes_no_input_is_killed_by_ctrl_c_as_well(person: Person) -> None:
    process = subprocess.Popen(
        [
            "sh",
            "-c",
            'yes | exec "$@"',
            "sh",
            *VIBN,
            "exec",
            "shop",
            "--",
            "echo begun; sleep 5555",
        ],
        env=person.environ,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    time.sleep(1)  # until the pipes between are full
    subprocess.run(["kill", "-INT", "--", f"-{process.pid}"], check=True)
    process.wait(60)
    assert not alive(person, "sleep 5555")


def test_sigterm_ends_the_command_and_says_so(person: Person) -> None:
    process = person.start("exec", "shop", "--", "echo begun; sleep 6666")
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert not alive(person, "sleep 6666")


def test_a_reader_who_leaves_ends_the_command(person: Person) -> None:
    process = person.start("exec", "shop", "--", "yes 7777")
    assert process.stdout is not None
    assert process.stdout.readline() == b"7777\n"
    process.stdout.close()
    assert process.wait(60) == 141
    assert not alive(person, "yes 7777")


def test_a_time_limit_is_told_with_the_option_that_raises_it(person: Person) -> None:
    done = person.run("exec", "shop", "--timeout", "0.3", "--", "sleep", "60")
    assert done.returncode == 137
    assert b"--timeout" in done.stderr


def test_json_is_the_whole_result(person: Person) -> None:
    done = person.run("exec", "shop", "--json", "--", "echo hi; exit 2")
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit"], told["stdout"]) == (2, 2, "hi\n")


def test_variables_and_the_directory_are_passed_on(person: Person) -> None:
    said = person.says("exec", "shop", "--env", "A=b c", "--cwd", "/", "--", 'echo "$A $PWD"')
    assert said == "b c /\n"


def test_a_missing_project_is_told_with_the_next_step(person: Person) -> None:
    done = person.run("exec", "nope", "--", "ls")
    assert done.returncode == 4
    assert b"vibn projects create" in done.stderr


def test_options_of_the_command_without_the_dashes_are_explained(person: Person) -> None:
    done = person.run("exec", "shop", "ls", "-l")
    assert done.returncode == 2
    assert b"Put -- before the command" in done.stderr


def alive(person: Person, command: str) -> bool:
    """Whether a process of that command line runs in the box."""
    look = f"grep -azl '^{command.split()[0]}$' /proc/[0-9]*/cmdline | xargs -r cat | tr '\\0' ' '"
    for _ in range(100):
        if command not in person.says("exec", "shop", "--", look + " || true"):
            return False
        time.sleep(0.1)
    return True
