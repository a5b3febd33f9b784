"""The box's own /etc: a few files of ours, and copies of what the host's programs need of its.

Nothing of the host's /etc is mounted. Copied are only names on the list below, none of which
holds a secret; links are copied as links, so /etc/alternatives works.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

HOST = Path("/etc")
NEEDED = (
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "os-release", "lsb-release"),
    *("debian_version", "services", "protocols", "mime.types", "magic", "fonts", "terminfo"),
    *("maven", "inputrc", "ssl/openssl.cnf"),
)
NEEDED_PATTERNS = ("java-*", "ImageMagick-*", "python3*")
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
"""Where the CA bundle lies inside."""

ANNOUNCED = (
    *("SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT", "REQUESTS_CA_BUNDLE"),
    *("NODE_EXTRA_CA_CERTS", "npm_config_cafile"),
)
"""The variables by which programs learn of a bundle that this host's operator named."""

_PASSWD = """\
root:x:0:0:root:/root:/usr/sbin/nologin
vibn:x:1000:1000:vibn:/home/vibn:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
_GROUP = "root:x:0:\nvibn:x:1000:\nnogroup:x:65534:\n"
_GITCONFIG = """\
[user]
\tname = Vibn Dev
\temail = dev@vibn.local
[init]
\tdefaultBranch = main
[safe]
\tdirectory = *
"""
_PROFILE = (
    'PS1="\\w \\$ "\n[ -d "$HOME/.profile.d" ] && for f in "$HOME"/.profile.d/*; do . "$f"; done\n'
)
_SUDO = """\
#!/bin/sh
echo "sudo: this runtime has no root inside; install into \\$HOME or a virtual environment," >&2
echo "or ask the operator for the docker runtime, where user=root works." >&2
exit 1
"""


def copy_host(directory: Path) -> Path:
    """A copy of what is NEEDED of the host's, below ``directory``, made unless it is there.

    It is named after what it was copied from and never changed: boxes of any age may use it.
    """
    sources = [HOST / name for name in NEEDED if (HOST / name).exists()]
    for pattern in NEEDED_PATTERNS:
        sources += [path for path in sorted(HOST.glob(pattern)) if path not in sources]
    stamp = _SUDO + "".join(f"{path} {path.lstat().st_mtime_ns}\n" for path in sources)
    target = directory / hashlib.sha256(stamp.encode()).hexdigest()[:16]
    if target.is_dir():
        return target
    beside = directory / f".{secrets.token_hex(6)}"
    try:
        (beside / "bin").mkdir(parents=True)
        for source in sources:
            with contextlib.suppress(shutil.Error, PermissionError):
                _copy(source, beside / source.name)
        (beside / "bin" / "sudo").write_text(_SUDO)
        (beside / "bin" / "sudo").chmod(0o755)
        beside.chmod(0o755)
        # Another start may have been first.
        with contextlib.suppress(OSError):
            beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return target


def _copy(source: Path, target: Path) -> None:
    if source.is_symlink():
        target.symlink_to(source.readlink())
    elif source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=_kept)
    else:
        shutil.copyfile(source, target)


def _kept(directory: str, names: list[str]) -> list[str]:
    """What stays on the host: files that not everybody may read, and those where operators
    write credentials."""
    return [
        name
        for name in names
        if name.startswith(("settings", "jmxremote."))
        or not (Path(directory) / name).lstat().st_mode & 0o004
    ]


def bundle(named: Path | None) -> Path | None:
    """The CA bundle for boxes: the one the operator named, else the host's own."""
    return named or next((Path(p) for p in BUNDLES if Path(p).is_file()), None)


def write(etc: Path, hostname: str, resolvers: Sequence[str], certificates: Path | None) -> None:
    """Write a box's own files anew. They belong to us and are mounted read-only."""
    etc.mkdir(exist_ok=True)
    etc.chmod(0o755)
    content = {
        "passwd": _PASSWD,
        "group": _GROUP,
        "hostname": f"{hostname}\n",
        "hosts": f"127.0.0.1 localhost {hostname}\n::1 localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "resolv.conf": "".join(f"nameserver {address}\n" for address in resolvers),
        "gitconfig": _GITCONFIG,
        "profile": _PROFILE,
    }
    for name, text in content.items():
        _replace(etc / name, text.encode())
    if certificates is not None:
        _replace(etc / "ca-certificates.crt", certificates.read_bytes())


def _replace(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    beside = path.with_name(f".{path.name}")
    beside.write_bytes(content)
    beside.chmod(0o644)
    beside.rename(path)
