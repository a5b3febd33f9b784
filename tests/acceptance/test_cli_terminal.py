"""``vibn sh`` on a real terminal, with a real box."""

from __future__ import annotations

import signal

import pytest
from tests.acceptance.person import Person, person, served

__all__ = ["person", "served"]

pytestmark = pytest.mark.bubblewrap


def test_a_shell_talks_and_tells_its_own_status(person: Person) -> None:
    typing = person.types("sh", "shop")
    typing.expect("$")
    typing.type("echo $((6 * 7)) in $PWD\n")
    typing.expect("42 in /workspace")
    typing.type("exit 5\n")
    assert typing.ended() == 5


def test_it_has_a_terminal_of_this_size_which_follows_this_one(person: Person) -> None:
    typing = person.types("sh", "shop", "--", "stty size; cat; stty size")
    typing.expect("24 80")
    typing.resize(40, 132)
    typing.type("seen\n")
    typing.expect("seen\r\nseen")
    typing.type("\x04")
    typing.expect("40 132")
    typing.ended()


def test_ctrl_c_goes_to_the_box_and_leaves_the_shell(person: Person) -> None:
    typing = person.types("sh", "shop")
    typing.expect("$")
    typing.type("sh -c 'echo now; sleep 3333'\n")
    typing.expect("\rnow")  # by then it is what the terminal signals
    typing.type("\x03")
    typing.type("echo still $((1 + 1)) here\n")
    typing.expect("still 2 here")
    typing.type("exit\n")
    typing.ended()


def test_colours_and_the_kind_of_terminal_arrive(person: Person) -> None:
    typing = person.types("sh", "shop", "--", r"echo $TERM; printf '\033[31mred\033[0m'; test -t 1")
    typing.expect("xterm-256color")
    typing.expect("\x1b[31mred\x1b[0m")
    assert typing.ended() == 0


def test_this_terminal_is_as_it_was_after_a_shell(person: Person) -> None:
    typing = person.types("sh", "shop", "--", "cat")
    before = typing.modes()
    typing.type("x\n")
    typing.expect("x\r\nx")
    typing.type("\x04")
    assert typing.ended() == 0
    assert typing.modes() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_this_terminal_is_as_it_was_when_a_signal_ends_us(
    person: Person, number: signal.Signals
) -> None:
    typing = person.types("sh", "shop", "--", "echo begun; cat")
    before = typing.modes()
    typing.expect("begun")
    typing.process.send_signal(number)
    assert typing.ended() == 128 + number
    assert typing.modes() == before


def test_what_is_no_terminal_is_told_what_takes_pipes(person: Person) -> None:
    done = person.run("sh", "shop")
    assert done.returncode == 2
    assert b"vibn exec shop" in done.stderr
