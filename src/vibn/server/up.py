"""``vibn up``: start the server and say all that its first user needs."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from vibn import __version__
from vibn.client.profile import profile_path, read_profile, write_profile
from vibn.config import Settings
from vibn.errors import AlreadyExists, InvalidInput, Unauthenticated, Unavailable, VibnError
from vibn.mcp.configs import client_config
from vibn.runtimes import choice
from vibn.server import logs, serve
from vibn.services.admin import AdminSecret, kept_in

log = logging.getLogger(__name__)

WORKSPACE = "default"
PLACE = "server.json"


@dataclass(frozen=True, slots=True)
class Greeting:
    """``token`` is empty where this machine holds none: others were made, and are known to their
    holders alone."""

    url: str
    token: str
    profile: Path
    runtime: str
    admin: str


def run(host: str = "", port: int | None = None) -> int:
    """Serve until TERM or INT; 0 then. ``host`` and ``port`` go before the settings. Raises
    VibnError for what keeps it from starting."""
    given = {"host": host or None, "port": port}
    settings = Settings().model_copy(update={k: v for k, v in given.items() if v is not None})
    logs.configure(settings.log_format)
    secret, told = admin_secret(settings)
    check_reach(settings, bool(told))
    return uvloop.run(_serve(settings, AdminSecret(secret)))


def admin_secret(settings: Settings) -> tuple[str, str]:
    """The secret, and from where the operator gave it; the second is empty when it is kept by
    the installation itself."""
    ours = settings.admin_secret.get_secret_value()
    if ours:
        return ours, "VIBN_ADMIN_SECRET"
    theirs = os.environ.get("NEXTAUTH_SECRET", "")
    if theirs:
        log.warning(
            "NEXTAUTH_SECRET is the admin secret, but it is a signing key: whoever holds it can"
            " throw the kill switch, and who may throw it can sign. Set VIBN_ADMIN_SECRET."
        )
        return theirs, "NEXTAUTH_SECRET"
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
    return kept_in(settings.state_dir), ""


def check_reach(settings: Settings, told: bool) -> None:
    """Raises InvalidInput for a server that others could reach before anybody chose who its
    operator is."""
    if not told and not _is_loopback(settings.host):
        raise InvalidInput(
            f"{settings.host} can be reached from other machines, and no admin secret is set.",
            hint='Set VIBN_ADMIN_SECRET="$(openssl rand -hex 32)", or listen on 127.0.0.1.',
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _serve(settings: Settings, admin: AdminSecret) -> int:
    listening = _listen(settings)
    settings = settings.model_copy(update={"port": listening.getsockname()[1]})
    try:
        decided = await choice.choose(settings)
        async with serve.running(settings, admin, listening) as server:
            with serve.stopped_by_signals(server):
                url = address(settings)
                _keep_place(settings, url)
                token, profile = await _first_token(server, url, settings)
                kept = "" if settings.admin_secret else str(settings.state_dir / "admin.secret")
                greet(Greeting(url, token, profile, f"{decided.name} ({decided.isolation})", kept))
                await server.ended()
                log.info("stopped; boxes and their background jobs go on")
    finally:
        listening.close()
    return 0


def _listen(settings: Settings) -> socket.socket:
    try:
        return serve.listen(settings.host, settings.port)
    except OSError as error:
        raise Unavailable(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}.",
            hint="Another server may run there: choose a port with --port or VIBN_PORT.",
        ) from error


def address(settings: Settings) -> str:
    if settings.public_url:
        return settings.public_url.rstrip("/")
    anywhere = settings.host in ("0.0.0.0", "::")
    host = "127.0.0.1" if anywhere else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _keep_place(settings: Settings, url: str) -> None:
    """For programs on this machine: where the server is, and which process."""
    text = json.dumps({"url": url, "pid": os.getpid(), "version": __version__})
    made = settings.state_dir / f".{PLACE}.{os.getpid()}"
    made.write_text(text + "\n")
    made.replace(settings.state_dir / PLACE)


async def _first_token(server: serve.Server, url: str, settings: Settings) -> tuple[str, Path]:
    """The token that this machine's profile holds for us; on an installation without a workspace
    one is made and kept there."""
    path = profile_path()
    try:
        profile = read_profile(path)
    except VibnError as error:
        log.warning("%s %s", error.message, error.hint)
        return "", path
    known = profile is not None and await _is_ours(server, profile.token)
    if profile is not None and known:
        if _same_place(profile.url, url, settings):
            await asyncio.to_thread(write_profile, url, profile.token, profile.admin_secret)
        return profile.token, path
    token = await _made_once(server)
    if token and profile is None:
        secret = "" if settings.admin_secret else kept_in(settings.state_dir)
        await asyncio.to_thread(write_profile, url, token, secret)
    return token, path


def _same_place(before: str, now: str, settings: Settings) -> bool:
    """Whether the profile's address is this server's of another time: only its port moved."""
    if settings.public_url or before == now:
        return False
    return urlsplit(before).hostname == urlsplit(now).hostname


async def _is_ours(server: serve.Server, token: str) -> bool:
    try:
        await server.gate.tokens.admit(token, None)
    except Unauthenticated:
        return False
    return True


async def _made_once(server: serve.Server) -> str:
    """Empty when there is a workspace already."""
    try:
        await server.app.projects.create_workspace(WORKSPACE)
    except AlreadyExists:
        return ""
    return (await server.gate.tokens.issue(WORKSPACE, "first")).text


def greet(greeting: Greeting) -> None:
    print(f"\nVibn {__version__} answers at {greeting.url}  (Ctrl-C stops it; boxes go on)")
    print(f"runtime: {greeting.runtime}")
    if greeting.token:
        print(f"token:   {greeting.token}")
        print(f"         kept in {greeting.profile}: other commands find it there")
        print("         next: `vibn projects create shop`, then `vibn exec shop -- ls`")
    else:
        print("token:   others were made before; `vibn tokens create` makes one more")
    if greeting.admin:
        print(f"admin:   the secret of operators is in {greeting.admin}")
    print("\nFor your AI client:\n")
    token = greeting.token or "$VIBN_TOKEN"
    print(client_config(f"{greeting.url}/api/mcp", token), flush=True)
