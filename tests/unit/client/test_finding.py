"""Where the server is, and as whom it is called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vibn.client.endpoint import LOCAL, endpoint
from vibn.client.profile import Profile, profile_path, read_profile, write_profile
from vibn.errors import InvalidInput, Unauthenticated


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vibn" / "profile.toml"


def test_a_profile_is_read_as_it_was_written(path: Path) -> None:
    write_profile("http://h:1", 'tok"en\\', "geheim ü", path)
    assert read_profile(path) == Profile("http://h:1", 'tok"en\\', "geheim ü")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["profile.toml"]


def test_one_that_is_not_there_is_none(path: Path) -> None:
    assert read_profile(path) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_one_that_others_may_read_is_refused(path: Path, mode: int) -> None:
    write_profile("http://h:1", "token", path=path)
    path.chmod(mode)
    with pytest.raises(InvalidInput) as caught:
        read_profile(path)
    assert caught.value.hint == f"chmod 600 {path}"
    assert "token =" not in str(caught.value)


@pytest.mark.parametrize("text", ["url = 7", "tokne = 'x'", "not toml", "\udcff"])
def test_one_that_is_none_is_refused(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.touch(0o600)
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InvalidInput):
        read_profile(path)


def test_it_lies_where_configuration_lies(tmp_path: Path) -> None:
    assert profile_path({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "vibn/profile.toml"
    usual = Path.home() / ".config/vibn/profile.toml"
    assert profile_path({}) == profile_path({"XDG_CONFIG_HOME": "relative"}) == usual


def test_what_is_given_goes_before_the_environment_and_that_before_the_profile(path: Path) -> None:
    write_profile("http://h:1", "kept", "secret", path)
    environ = {"VIBN_TOKEN": "set"}
    found = endpoint("", "given", environ=environ, path=path)
    assert (found.url, found.token, found.admin_secret) == ("http://h:1", "given", "secret")
    assert endpoint(environ=environ, path=path).token == "set"
    assert endpoint(environ={}, path=path).token == "kept"
    assert endpoint(environ={}, path=path.parent / "none").url == LOCAL


def test_the_profiles_token_goes_to_its_own_server_only(path: Path) -> None:
    write_profile("http://h:1", "kept", "secret", path)
    other = endpoint(environ={"VIBN_URL": "http://evil:1"}, path=path)
    assert (other.token, other.admin_secret) == ("", "")
    with pytest.raises(Unauthenticated):
        other.credential(admin=False)
    assert endpoint(environ={"VIBN_URL": "http://h:1/"}, path=path).token == "kept"


@pytest.mark.parametrize(
    "url",
    ["h:1", "ftp://h", "http://", "http://u:p@h", "http://h?x=1", "http://h#f", "http://[", "x"],
)
def test_what_is_no_address_is_refused(url: str, path: Path) -> None:
    with pytest.raises(InvalidInput):
        endpoint(url, environ={}, path=path)


def test_a_line_break_at_the_end_of_a_token_is_none_of_it(path: Path) -> None:
    assert endpoint("http://h", "token\n", environ={}, path=path).token == "token"
    with pytest.raises(InvalidInput, match="VIBN_TOKEN"):
        endpoint("http://h", "to\nken", environ={}, path=path)


def test_no_secret_is_shown(path: Path) -> None:
    found = endpoint("http://h", "tok", "sec", environ={}, path=path)
    assert "tok" not in repr(found)
    assert "sec" not in repr(found)


def test_a_profile_is_replaced_and_never_half_written(path: Path) -> None:
    write_profile("http://a", "one", path=path)
    with open(path) as before:
        write_profile("http://b", "two", path=path)
        assert 'token = "one"' in before.read()
    assert os.path.getsize(path) > 0
