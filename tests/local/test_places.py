"""The short place of a folder whose path is too long: never guessed, never shared, never planted."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.local import places
from backend.local.places import LocalError, home, locked, main, make_run_dir, secret_keys
from backend.settings import Settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with so long a path that it needs a short place, for root and for everybody else."""
    monkeypatch.setattr(places, "SHORT_PLACES", tmp_path)
    long = tmp_path / ("long" * 40)
    long.mkdir()
    yield long


def test_a_long_path_gets_one_private_place(folder: Path) -> None:
    place = home(folder)
    assert place != folder
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert home(folder) == place


def test_a_place_that_others_can_write_is_not_used(folder: Path) -> None:
    place = home(folder)
    place.chmod(0o777)
    assert home(folder) != place


def test_a_link_is_not_used(folder: Path, tmp_path: Path) -> None:
    place = home(folder)
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    assert home(folder) != place


def test_a_copied_folder_gets_a_place_of_its_own(folder: Path) -> None:
    place = home(folder)
    copy = folder.with_name("copy" * 40)
    shutil.copytree(folder, copy)
    assert home(copy) != place
    assert home(folder) == place


def test_a_moved_folder_takes_its_place_along(folder: Path) -> None:
    place = home(folder)
    moved = folder.rename(folder.with_name("moved" * 40))
    assert home(moved) == place


def test_a_folder_made_anew_starts_anew(folder: Path) -> None:
    place = home(folder)
    shutil.rmtree(folder)
    folder.mkdir()
    assert home(folder) != place


def test_clean_removes_the_folder_and_its_place(folder: Path) -> None:
    place = home(folder)
    (place / "postgres").mkdir()
    with locked(folder):
        assert main(str(folder)) == 1, "a running one was to be left alone"
    assert place.exists()
    assert main(str(folder)) == 0
    assert not place.exists()
    assert not folder.exists()


def test_clean_leaves_a_folder_alone_that_no_run_has_used(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    assert main(str(tmp_path)) == 0
    assert (tmp_path / "mine").exists()


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    keys = secret_keys(tmp_path)
    assert secret_keys(tmp_path) == keys
    assert stat.S_IMODE((tmp_path / "secret_keys").stat().st_mode) == 0o600
    settings = Settings.from_env(
        {"SECRET_KEYS": keys, "DATABASE_URL": "postgresql://x@/y", "REDIS_URL": "unix:///redis.sock"}
    )
    assert [version for version, _ in settings.secret_keys] == [1]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match=r"^RUN_DIR: .*choose another folder\.$"):
        make_run_dir(str(tmp_path / "file" / "run"))
