"""Where the files of a local run lie: the run directory, its lock, its keys, and a short place for data and sockets."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

#: `sockaddr_un.sun_path` holds 108 bytes on Linux, the last of which is the closing zero.
SOCKET_PATH_BYTES = 107
#: The longest socket that is laid under a home, see servers.py.
LONGEST_SOCKET = "postgres/.s.PGSQL.5432"
SHORT_PLACES = Path("/var/tmp")
#: The servers' folders in a home.
PARTS = ("postgres", "redis")


class LocalError(Exception):
    """Something on this machine stands in the way; the text is one sentence with the way out."""


def make_run_dir(text: str) -> Path:
    """Create the run directory if it is missing and return its full path."""
    folder = Path(os.path.realpath(text))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "logs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LocalError(f"RUN_DIR: {folder} cannot be used ({error.strerror}); choose another folder.") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise LocalError(f"RUN_DIR: {folder} cannot be written; choose another folder.")
    return folder


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run directory, so that one run at a time uses it. Raises LocalError naming the run that holds it."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            about = os.read(handle, 200).decode(errors="replace").strip() or "has not said where yet"
            raise LocalError(f"Lianhu is already running from {folder}: {about}.") from None
        os.ftruncate(handle, 0)
        yield
    finally:
        # Closing frees the lock, and so does the end of the process, however it ends.
        os.close(handle)


def write_lock_note(folder: Path, about: str) -> None:
    """Tell the next `make run` where this one serves."""
    (folder / "lock").write_text(about)


def write_privately(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner alone."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def secret_keys(folder: Path) -> str:
    """The encryption key of this run directory as SECRET_KEYS wants it, made at the first call."""
    path = folder / "secret_keys"
    if not path.exists():
        write_privately(path, f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}\n")
    return path.read_text().strip()


def home(folder: Path) -> Path:
    """The folder for the data and the sockets of the private servers that belong to `folder`.

    It is `folder` itself unless its path is too long for a socket or cannot stand in a PostgreSQL host list (comma),
    or we are root: PostgreSQL then runs as another user, who cannot enter a private home. In these cases it is a short
    place of its own whose path is kept in `folder/place`, so that it is never guessed and cannot be planted.
    """
    if os.geteuid() != 0 and _fits(folder):
        return folder
    place = recorded_place(folder)
    if place is not None and _is_ours(place) and _belongs_to(place, folder):
        return place
    try:
        place = Path(tempfile.mkdtemp(prefix=f"lianhu-{os.geteuid()}-", dir=SHORT_PLACES))
    except OSError as error:
        raise LocalError(f"{SHORT_PLACES} cannot be written ({error.strerror}); make it writable.") from None
    write_privately(place / "owner", str(folder))
    write_privately(folder / "place", str(place))
    return place


def forget(folder: Path, part: str) -> None:
    """Remove `part` (one server's files) of the home of `folder`, and its short place with the last part."""
    place = recorded_place(folder)
    if place is None or not _is_ours(place) or not (place / "owner").exists():
        shutil.rmtree(folder / part, ignore_errors=True)
        return
    shutil.rmtree(place / part, ignore_errors=True)
    if not any((place / other).exists() for other in PARTS):
        shutil.rmtree(place)
        (folder / "place").unlink()


def recorded_place(folder: Path) -> Path | None:
    """What `folder/place` says; None when the folder has no short place."""
    try:
        return Path((folder / "place").read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _fits(folder: Path) -> bool:
    path = os.fsencode(folder / LONGEST_SOCKET)
    return len(path) <= SOCKET_PATH_BYTES and b"," not in path


def _is_ours(place: Path) -> bool:
    try:
        status = place.lstat()
    except OSError:
        return False
    writable_by_others = bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not writable_by_others


def _belongs_to(place: Path, folder: Path) -> bool:
    """Whether `place` serves `folder`. One that was moved takes its place along; a copy gets a place of its own."""
    try:
        owner = Path((place / "owner").read_text())
    except FileNotFoundError:
        return False
    if owner == folder:
        return True
    if recorded_place(owner) == place:
        return False
    write_privately(place / "owner", str(folder))
    return True


def main(argument: str) -> int:
    """`python -m backend.local.places RUN_DIR`: remove a run directory with all that belongs to it."""
    folder = Path(os.path.realpath(argument))
    if not (folder / "lock").exists():
        return 0
    try:
        with locked(folder):
            for part in PARTS:
                forget(folder, part)
            shutil.rmtree(folder)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
