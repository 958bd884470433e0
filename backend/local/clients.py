"""Builds and checks the clients where Node is there: `python -m backend.local.clients build` or `check`."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from backend import clients
from backend.local.places import LocalError

OLDEST_NODE = 20
WITHOUT_NODE = (
    f"Node {OLDEST_NODE} or newer with npm is missing, so {{what}}; install it, on Debian 13: apt install nodejs npm, "
    "elsewhere from your system or nodejs.org."
)
#: Made by tools, never a source.
_MADE = {"node_modules", "dist"}
#: Kinds of files that get smaller; images and fonts are packed already.
_PACKED = {".css", ".html", ".js", ".json", ".svg"}
_STAMP = ".built"


@dataclass(frozen=True)
class Client:
    """A folder of `clients/` that is built: what `npm run` calls it, and where it leaves its files."""

    folder: str
    script: str
    address: str


CLIENTS = (Client("console", "build", "console"), Client("miniapp", "build:h5", "m"))
#: In the order of their checks: the shared part first, because the others contain it.
CHECKED = ("core", "console", "miniapp")


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """`build` what is to be served, or `check` all clients. Without Node both say so, and fail only where CI is set."""
    (what,) = arguments
    steps = {"build": ("/console/ and /m/ are not served", build), "check": ("the clients are not checked", check)}
    lost, step = steps[what]
    if not has_node(environ):
        print(WITHOUT_NODE.format(what=lost), file=sys.stderr, flush=True)
        return 1 if environ.get("CI") else 0
    try:
        step(environ)
    except LocalError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


def has_node(environ: Mapping[str, str]) -> bool:
    """Whether a Node that is new enough, and its npm, are on the path."""
    path = environ.get("PATH")
    node = shutil.which("node", path=path)
    if node is None or shutil.which("npm", path=path) is None:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = said.strip().removeprefix("v").partition(".")[0]
    return major.isdigit() and int(major) >= OLDEST_NODE


def build(environ: Mapping[str, str]) -> None:
    """Build each client whose sources have changed since its last build."""
    for client in CLIENTS:
        if clients.is_built(client.address) and _read(clients.BUILT[client.address] / _STAMP) == sources_stamp(client):
            continue
        place = clients.SOURCES / client.folder
        install(place, environ)
        print(f"Building clients/{client.folder}, a few seconds …", file=sys.stderr, flush=True)
        _npm(place, ["run", "--silent", client.script], environ, quiet=True)
        finish(client)


def check(environ: Mapping[str, str]) -> None:
    """Run the clients' own checks, each with `npm run check` in its folder, which builds it; and get ready what the browser
    tests need."""
    for folder in CHECKED:
        install(clients.SOURCES / folder, environ)
        _npm(clients.SOURCES / folder, ["run", "check"], environ)
    for client in CLIENTS:
        finish(client)
    install(clients.SOURCES.parent / "tests" / "e2e", environ)


def finish(client: Client) -> None:
    """Make what a build has left ready to be served, and note what it was built from."""
    built = clients.BUILT[client.address]
    if not clients.is_built(client.address):
        raise LocalError(f"clients/{client.folder}: `npm run {client.script}` has not written {built}/index.html.")
    pack(built)
    (built / _STAMP).write_text(sources_stamp(client))


def install(place: Path, environ: Mapping[str, str]) -> None:
    """`npm ci` where the lock file has changed since the last time."""
    lock, installed = place / "package-lock.json", place / "node_modules" / ".installed"
    if _read(installed) == _read(lock):
        return
    print(f"Installing the pinned packages of {_named(place)}, half a minute …", file=sys.stderr, flush=True)
    _npm(place, ["ci", "--no-audit", "--no-fund", "--loglevel=error"], environ, quiet=True)
    installed.parent.mkdir(exist_ok=True)
    installed.write_bytes(lock.read_bytes())


def pack(folder: Path) -> None:
    """Put a .gz beside each file that gets smaller; the server sends it as it is."""
    for file in sorted(folder.rglob("*")):
        if file.suffix in _PACKED:
            body = file.read_bytes()
            packed = gzip.compress(body, 9, mtime=0)
            if len(packed) < len(body):
                file.with_name(f"{file.name}.gz").write_bytes(packed)


def sources_stamp(client: Client) -> str:
    """What the client is built from, as one word: its own sources and the shared ones."""
    digest = hashlib.sha256()
    for file in (*_sources(clients.SOURCES / "core"), *_sources(clients.SOURCES / client.folder)):
        content = file.read_bytes()
        digest.update(f"\0{file.relative_to(clients.SOURCES)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - _MADE)
        yield from (Path(place, name) for name in sorted(files))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _named(place: Path) -> str:
    return str(place.relative_to(clients.SOURCES.parent))


def _npm(place: Path, arguments: list[str], environ: Mapping[str, str], *, quiet: bool = False) -> None:
    """Run npm in a folder; a quiet one speaks only when it fails. The pages talk to the server they come from."""
    ran = subprocess.run(
        ["npm", *arguments],
        cwd=place,
        env={**environ, "VITE_API_BASE": ""},
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        print(ran.stdout or "", file=sys.stderr, end="", flush=True)
        raise LocalError(
            f"{_named(place)}: `npm {' '.join(arguments)}` ended with exit status {ran.returncode}; "
            "what it said stands above."
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
