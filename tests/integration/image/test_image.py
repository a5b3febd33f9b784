"""What a box of the image is, before anything is installed in it."""

from __future__ import annotations

import json
import time
import uuid

import pytest
from tests.integration.image.conftest import IMAGE, SLIM, Container, Start, docker, need, size

pytestmark = pytest.mark.docker
PROGRAMS = ("git", "rg", "python3", "curl", "ssh", "less", "ps", "unzip", "xz", "python", "pip")


@pytest.mark.parametrize("image", [IMAGE, SLIM])
def test_the_image_stays_within_500_megabytes(image: str) -> None:
    need(image)
    assert 0 < size(image) <= 500_000_000


@pytest.mark.parametrize("image", [IMAGE, SLIM])
def test_coolify_is_told_to_keep_the_image(image: str) -> None:
    need(image)
    labels = json.loads(docker("inspect", "-f", "{{json .Config.Labels}}", image).stdout)
    assert labels["coolify.managed"] == "true"
    assert len(labels["vibn.agent.build"]) == 64


@pytest.mark.parametrize("image", [IMAGE, SLIM])
def test_the_agent_listens_soon_after_the_box_started(start_for_all: Start, image: str) -> None:
    box = start_for_all(image=image)
    listening = "test -S /run/vibn/agent.sock"
    deadline = time.monotonic() + 20
    while box.sh(listening).returncode and time.monotonic() < deadline:
        time.sleep(0.1)
    assert box.sh(listening).returncode == 0
    assert "vibn-agent" in box.out("ps -eo user,args | grep ^vibn")


@pytest.mark.parametrize("image", [IMAGE, SLIM])
def test_the_file_in_the_image_is_the_build_that_its_label_names(image: str) -> None:
    need(image)
    label = docker("inspect", "-f", '{{index .Config.Labels "vibn.agent.build"}}', image)
    sha = docker("run", "--rm", image, "sha256sum", "/opt/vibn/agent.pyz")
    assert sha.stdout.split()[0] == label.stdout.strip()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_every_box_needs_is_there(box: Container, program: str) -> None:
    assert box.sh(f"command -v {program}").returncode == 0


def test_the_user_is_vibn_and_owns_its_places(box: Container) -> None:
    assert box.out("id -u; id -g; id -un; pwd").split() == ["1000", "1000", "vibn", "/workspace"]
    owners = box.out("stat -c %U /workspace /run/vibn ~ ~/.cache ~/.local ~/.cache/user/bin")
    assert set(owners.split()) == {"vibn"}


def test_new_volumes_belong_to_vibn(start_for_all: Start) -> None:
    names = [f"vibn-image-test-{uuid.uuid4().hex[:12]}" for _ in range(2)]
    box = start_for_all("-v", f"{names[0]}:/workspace", "-v", f"{names[1]}:/home/vibn/.cache")
    box.out("touch /workspace/file ~/.cache/file ~/.cache/user/bin/file")
    docker("rm", "-f", box.id)
    assert docker("volume", "rm", *names).returncode == 0


@pytest.mark.parametrize("shell", ["sh -c", "sh -lc", "bash -c", "bash -lc"])
def test_every_shell_has_the_same_path(box: Container, shell: str) -> None:
    path = box.out(f"{shell} 'echo $PATH'")
    assert path.split(":")[:3] == [
        "/home/vibn/.local/bin",
        "/home/vibn/.cache/user/bin",
        "/opt/vibn/shims",
    ]
    assert path == box.out("printenv PATH")


def test_the_locale_is_utf_8(box: Container) -> None:
    assert box.out("locale charmap") == "UTF-8"
    assert box.out("python3 -c 'print(\"gr\\u00fc\\u00df\")'") == "gr\u00fc\u00df"


def test_git_has_an_identity_and_a_main_branch(box: Container, project: str) -> None:
    box.out("git init -q . && git commit -qm first --allow-empty", cwd=project)
    assert box.out("git log -1 --format='%an <%ae>'", cwd=project) == "Vibn Dev <dev@vibn.local>"
    assert box.out("git branch --show-current", cwd=project) == "main"


def test_a_repository_overrides_the_identity(box: Container, project: str) -> None:
    box.out("git init -q . && git config user.name Ada", cwd=project)
    box.out("git commit -qm first --allow-empty", cwd=project)
    assert box.out("git log -1 --format=%an", cwd=project) == "Ada"


def test_git_trusts_a_work_tree_of_another_user(box: Container, project: str) -> None:
    box.out("git init -q .", cwd=project)
    assert box.sh("git status", user="root", cwd=project).returncode == 0


def test_sudo_says_how_root_is_had(box: Container) -> None:
    refused = box.sh("sudo apt-get install -y jq")
    assert refused.returncode == 1
    assert 'user="root"' in refused.stderr
    assert "apt-get install -y jq" in refused.stderr


def test_sudo_as_root_runs_the_command(box: Container) -> None:
    assert box.out("sudo -E id -un", user="root") == "root"


def test_no_certificate_of_the_host_is_in_the_image() -> None:
    need(IMAGE)
    found = docker("run", "--rm", IMAGE, "find", "/fetch", "/", "-xdev", "-name", "host-ca*")
    assert "host-ca" not in found.stdout
    assert docker("run", "--rm", IMAGE, "test", "-e", "/fetch").returncode == 1


def test_the_slim_image_has_no_mise() -> None:
    need(SLIM)
    assert docker("run", "--rm", SLIM, "sh", "-c", "command -v mise").returncode != 0
