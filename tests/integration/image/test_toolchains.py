"""Toolchains that come at their first use, in real boxes with real package registries."""

from __future__ import annotations

import pytest
from tests.integration.image.conftest import Container

pytestmark = [pytest.mark.docker, pytest.mark.internet, pytest.mark.slow]
VERSIONS = {
    "node -v": "v24.",
    "npm -v": "",
    "npx -v": "",
    "go version": "go version go1.",
    "gofmt -h; test $? -le 2": "",
    "cargo -V": "cargo 1.",
    "rustc -V": "rustc 1.",
    "cargo fmt --version": "rustfmt",
    "cargo clippy -V": "clippy",
    "uv -V": "uv ",
    "uvx --version": "uvx ",
    "pnpm -v": "",
    "yarn -v": "1.",
    "deno -V": "deno ",
    "bun -v": "1.",
}


@pytest.mark.parametrize(("command", "start"), VERSIONS.items())
def test_a_tool_answers_without_an_install_command(
    box: Container, command: str, start: str
) -> None:
    assert box.out(command).startswith(start)


def test_a_second_use_is_silent(box: Container) -> None:
    box.out("node -v")
    assert box.sh("node -v").stderr == ""


def test_eight_first_uses_at_once_make_one_installation(fresh: Container) -> None:
    done = fresh.sh("for i in 1 2 3 4 5 6 7 8; do node -v & done; wait")
    assert done.stdout.count("v24.") == 8
    assert done.stderr.count("not in this box yet") == 1


def test_an_installation_that_was_killed_is_begun_anew(fresh: Container) -> None:
    killed = fresh.sh("timeout -s KILL 2 go version")
    assert killed.returncode != 0
    assert fresh.out("go version").startswith("go version go1.")
    assert fresh.out("ls ~/.cache/toolchains | grep -c new; true") == "0"


@pytest.mark.parametrize(
    ("file", "content", "version"),
    [
        (".nvmrc", "v22", "v22."),
        (".tool-versions", "nodejs 20.18.0", "v20.18.0"),
        ("mise.toml", '[tools]\nnode = "18"', "v18."),
    ],
)
def test_a_project_gets_the_node_that_it_asks_for(
    box: Container, project: str, file: str, content: str, version: str
) -> None:
    box.out(f"mkdir sub; printf '%s\\n' '{content}' > {file}", cwd=project)
    assert box.out("node -v", cwd=f"{project}/sub").startswith(version)
    assert box.sh("npm -v", cwd=project).returncode == 0


def test_go_fetches_the_toolchain_that_go_mod_names(box: Container, project: str) -> None:
    box.out("printf 'module m\\n\\ngo 1.25.0\\n\\ntoolchain go1.28.0\\n' > go.mod", cwd=project)
    asked = box.sh("go version", cwd=project)
    assert "go1.28.0" in asked.stdout + asked.stderr


def test_rust_links_a_program_with_a_crate(box: Container, project: str) -> None:
    box.out("cargo init -q --name hello && cargo add -q itoa", cwd=project)
    assert box.out("cargo run -q", cwd=project) == "Hello, world!"


def test_go_runs_a_program_with_c_in_it(box: Container, project: str) -> None:
    source = 'package main\n\n// int two(void) { return 2; }\nimport "C"\n\n'
    source += "func main() { println(C.two()) }\n"
    box.out(f"cat > main.go <<'END'\n{source}\nEND\ngo mod init m", cwd=project)
    assert box.out("go run . 2>&1", cwd=project) == "2"


def test_mise_knows_what_the_shims_installed(box: Container) -> None:
    version = box.out("node -v").removeprefix("v")
    assert version in box.out("mise ls node")


def test_pip_needs_no_flag_and_its_commands_are_on_path(box: Container) -> None:
    box.out("pip install -q cowsay")
    assert box.out("command -v cowsay") == "/home/vibn/.cache/user/bin/cowsay"
    assert "moo" in box.out("cowsay -t moo")


def test_pip_alone_installs_no_rust(fresh: Container) -> None:
    fresh.out("pip install -q six; sleep 1")
    assert fresh.sh("ls ~/.cache/toolchains/rust.lock").returncode != 0


def test_a_virtual_environment_has_its_own_pip(box: Container, project: str) -> None:
    box.out("python3 -m venv v && v/bin/pip install -q six", cwd=project)
    assert box.out("v/bin/python -c 'import six; print(six.__file__)'", cwd=project).startswith(
        project
    )


def test_a_global_npm_package_goes_to_the_cache_volume(box: Container) -> None:
    box.out("npm install -g --silent semver")
    assert box.out("command -v semver") == "/home/vibn/.cache/user/bin/semver"
    assert box.out("semver 1.2.3") == "1.2.3"


def test_root_leaves_nothing_of_its_own_in_the_cache(fresh: Container) -> None:
    assert fresh.out("uv -V", user="root").startswith("uv ")
    fresh.out("npm install -g --silent cowsay@1.6.0", user="root")
    assert fresh.out("find /home/vibn/.cache -user root") == ""


def test_what_root_installed_is_used_when_we_have_none(fresh: Container) -> None:
    fresh.out(
        "printf '#!/bin/sh\\necho distribution\\n' > /usr/bin/java; chmod 755 /usr/bin/java",
        user="root",
    )
    assert fresh.out("java -version") == "distribution"


@pytest.mark.parametrize(
    ("command", "step"),
    [
        ("java -version", "apt-get install -y default-jdk-headless"),
        ("cargo -V", "apt-get install -y cargo rustc"),
        ("node -v", "apt-get install -y nodejs npm"),
        ("uv -V", "network"),
    ],
)
def test_without_a_network_the_message_names_the_next_step(
    offline: Container, command: str, step: str
) -> None:
    refused = offline.sh(command)
    assert refused.returncode == 127
    assert step in refused.stderr.split("Next step:")[1]


def test_a_version_that_does_not_exist_is_named(box: Container, project: str) -> None:
    refused = box.sh("echo 99.9.9 > .nvmrc; node -v", cwd=project)
    assert refused.returncode == 127
    assert "99.9.9" in refused.stderr.split("Next step:")[1]


def test_a_mise_that_hangs_is_left_behind(fresh: Container) -> None:
    fresh.out("printf '#!/bin/sh\\nexec sleep 600\\n' > ~/.local/bin/mise")
    fresh.out("chmod 755 ~/.local/bin/mise")
    used = fresh.sh("go version")
    assert used.stdout.startswith("go version go1.")
    assert "no answer within" in used.stderr
    assert fresh.sh("pgrep -f '^sleep 600'").returncode == 1
