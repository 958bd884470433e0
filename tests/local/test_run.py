"""The supervisor: one run at a time, faults in one sentence, work done once, and nothing left running."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend.local.places import LocalError, home, locked, write_lock_note
from backend.local.places import main as clean
from backend.local.processes import all_pids, proc_file
from backend.local.run import (
    check_port_is_free,
    ending,
    fill_demo_facts,
    free_port,
    migrations_stamp,
    port_of,
    read_state,
    run,
    write_state,
)

ROOT = Path(__file__).resolve().parents[2]

#: A program with the commands of ours, each as small as can be; what it was asked to do stands in RUN_DIR/calls.
PROGRAM = """
import http.server, json, os, subprocess, sys, time
name, run_dir = sys.argv[1], os.environ["RUN_DIR"]
with open(f"{run_dir}/calls", "a") as calls:
    print(name, file=calls)
if name == os.environ.get("FAILS"):
    sys.exit("the reason of the fault")
if name == "migrate":
    sys.exit()
if name == "demo":
    with open(f"{run_dir}/demo.json", "w") as facts:
        json.dump({"accounts": ["made by the demo"]}, facts)
    sys.exit()
if name == "worker":
    subprocess.Popen(["sleep", "600"])
    time.sleep(600)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
port = int(os.environ["PORT"]) if name == "serve" else int(sys.argv[3])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
START = """
import os, sys
from pathlib import Path
from backend.local import run
run.ROOT = Path(sys.argv[1])
run.guide_text = lambda facts, folder: f"guide to {facts['base_url']} and {facts['standin_url']}"
sys.exit(run.run(os.environ))
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "run dir"
    yield folder
    assert clean(str(folder)) == 0


@pytest.fixture
def start(tmp_path: Path, run_dir: Path) -> Iterator[Start]:
    """Starts the supervisor on the small program; what a test leaves running is ended."""
    program = tmp_path / "program"
    (program / "backend").mkdir(parents=True)
    (program / "backend" / "__init__.py").write_text("")
    (program / "backend" / "__main__.py").write_text(PROGRAM)
    started: list[subprocess.Popen[str]] = []

    def begin(**environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", START, program],
            cwd=ROOT,
            env={"PATH": os.defpath, "RUN_DIR": str(run_dir), "PORT": str(free_port(18000)), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.terminate()
        process.communicate(timeout=30)
    assert_nothing_is_left(run_dir)


def wait_until_serving(process: subprocess.Popen[str]) -> str:
    """The guide, which is the last thing it prints."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("guide"):
            return line
    raise AssertionError(process.communicate()[1])


def assert_nothing_is_left(run_dir: Path) -> None:
    """No process names the run directory or its place in its command line, title or environment."""
    sought = {os.fsencode(run_dir), os.fsencode(home(run_dir)) if run_dir.exists() else os.fsencode(run_dir)}
    deadline = time.monotonic() + 10
    while left := [
        pid
        for pid in all_pids()
        if pid != os.getpid() and any(word in proc_file(pid, "cmdline") + proc_file(pid, "environ") for word in sought)
    ]:
        assert time.monotonic() < deadline, [proc_file(pid, "cmdline") for pid in left]
        time.sleep(0.02)


def calls(run_dir: Path) -> list[str]:
    return (run_dir / "calls").read_text().split()


def wait_for_calls(run_dir: Path, count: int) -> list[str]:
    """The worker answers nobody, so the supervisor does not wait for it, but we do."""
    deadline = time.monotonic() + 10
    while len(seen := calls(run_dir)) < count:
        assert time.monotonic() < deadline, seen
        time.sleep(0.01)
    return seen


def test_the_first_run_prepares_and_the_second_only_serves(start: Start, run_dir: Path) -> None:
    process = start()
    wait_until_serving(process)
    seen = wait_for_calls(run_dir, 5)
    assert seen[:2] == ["migrate", "demo"]
    assert sorted(seen[2:]) == ["serve", "standin", "worker"]
    process.terminate()
    assert process.wait(20) == 0
    assert_nothing_is_left(run_dir)

    began = time.monotonic()
    wait_until_serving(process := start())
    assert time.monotonic() - began < 3
    assert sorted(wait_for_calls(run_dir, 8)[5:]) == ["serve", "standin", "worker"]
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert len(calls(run_dir)) == 8


def test_demo_facts_lost_or_data_lost_load_the_demo_again(start: Start, run_dir: Path) -> None:
    for loss in (None, run_dir / "demo.json", home_of_data):
        if isinstance(loss, Path):
            loss.unlink()
        elif loss is not None:
            shutil.rmtree(loss(run_dir))
        wait_until_serving(process := start())
        process.terminate()
        process.wait(20)
    assert calls(run_dir).count("demo") == 3
    assert calls(run_dir).count("migrate") == 2


def home_of_data(run_dir: Path) -> Path:
    return home(run_dir) / "postgres" / "data"


def test_a_second_run_names_the_first(start: Start, run_dir: Path) -> None:
    first = start()
    guide = wait_until_serving(first)
    address = guide.split()[2]
    second = start()
    _, said = second.communicate(timeout=20)
    assert second.returncode == 1
    assert said.startswith(f"Lianhu is already running from {run_dir}: {address}, process {first.pid}")
    assert said.count("\n") == 1


def test_a_killed_run_leaves_nothing_and_the_next_recovers(start: Start, run_dir: Path) -> None:
    process = start()
    wait_until_serving(process)
    process.kill()
    process.wait()
    wait_until_serving(process := start())
    assert calls(run_dir).count("demo") == 1
    process.terminate()
    assert process.wait(20) == 0
    assert_nothing_is_left(run_dir)


@pytest.mark.parametrize("part", ["serve", "standin", "worker"])
def test_a_part_that_dies_ends_the_run_with_its_last_words(start: Start, run_dir: Path, part: str) -> None:
    process = start(FAILS=part)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said.startswith(f"{part} ended with exit status 1; {run_dir}/logs/{part}.log ends with:\n")
    assert "the reason of the fault" in said
    assert_nothing_is_left(run_dir)


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_a_server_that_dies_ends_the_run(start: Start, run_dir: Path, kind: str) -> None:
    process = start()
    wait_until_serving(process)
    server = next(
        pid
        for pid in all_pids()
        if proc_file(pid, "comm").startswith(kind.encode()) and os.fsencode(home(run_dir)) in proc_file(pid, "cmdline")
    )
    os.kill(server, signal.SIGKILL)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said.startswith(f"{kind} was ended by SIGKILL; ")


def test_a_demo_that_fails_is_loaded_by_the_next_run(start: Start, run_dir: Path) -> None:
    process = start(FAILS="demo")
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said.endswith("`python -m backend demo` ended with exit status 1; what it said stands above.\n")
    wait_until_serving(start())
    assert calls(run_dir).count("demo") == 2


def test_a_taken_port_is_one_sentence_with_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalError) as caught:
            check_port_is_free("127.0.0.1", port)
        assert f"port {port} is taken" in str(caught.value)
        other = int(str(caught.value).rpartition("PORT=")[2].rstrip("`."))
        assert other != port
        check_port_is_free("127.0.0.1", other)
    check_port_is_free("127.0.0.1", port)


def test_a_foreign_address_is_one_sentence() -> None:
    with pytest.raises(LocalError, match=r"^HOST: 192\.0\.2\.1 is no address of this machine"):
        check_port_is_free("192.0.2.1", 18000)


@pytest.mark.parametrize("text", ["0", "65536", "80a", "-1", "８０"])
def test_a_bad_port_is_one_sentence(text: str) -> None:
    with pytest.raises(LocalError, match=r"^PORT: .* is not a whole number from 1 to 65535\.$"):
        port_of({"PORT": text})


def test_production_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run({"APP_ENV": "production", "RUN_DIR": str(tmp_path / "none")}) == 1
    assert capsys.readouterr().err.startswith("APP_ENV: ")
    assert not (tmp_path / "none").exists()


def test_the_lock_is_one_run_at_a_time_and_forgets(tmp_path: Path) -> None:
    with locked(tmp_path):
        write_lock_note(tmp_path, "http://127.0.0.1:8000, process 1")
        with pytest.raises(LocalError, match="http://127.0.0.1:8000, process 1"), locked(tmp_path):
            pass
    with locked(tmp_path), pytest.raises(LocalError, match="has not said where yet"), locked(tmp_path):
        pass


def test_the_stamp_changes_with_migrations_and_with_the_data(tmp_path: Path) -> None:
    (tmp_path / "0001.py").write_text("a")
    stamps = [migrations_stamp(tmp_path, "data"), migrations_stamp(tmp_path, "other data")]
    (tmp_path / "0001.py").write_text("b")
    stamps.append(migrations_stamp(tmp_path, "data"))
    (tmp_path / "0001.py").rename(tmp_path / "0002.py")
    stamps.append(migrations_stamp(tmp_path, "data"))
    (tmp_path / "area").mkdir()
    (tmp_path / "area" / "0003.py").write_text("")
    stamps.append(migrations_stamp(tmp_path, "data"))
    assert len(set(stamps)) == 5
    (tmp_path / "area" / "0003.pyc").write_text("")
    assert migrations_stamp(tmp_path, "data") == stamps[-1]


def test_state_is_kept_and_a_spoilt_one_means_unknown(tmp_path: Path) -> None:
    assert read_state(tmp_path) == {}
    write_state(tmp_path, {"demo": "x"})
    assert read_state(tmp_path) == {"demo": "x"}
    (tmp_path / "state.json").write_text('{"demo"')
    assert read_state(tmp_path) == {}


def test_addresses_join_what_the_demo_wrote(tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    path.write_text(json.dumps({"members": [{"branch": "红星支部"}], "base_url": "http://old"}), encoding="utf-8")
    facts = fill_demo_facts(path, "http://127.0.0.1:1", "http://127.0.0.1:2")
    assert json.loads(path.read_text(encoding="utf-8")) == facts
    assert facts == {
        "members": [{"branch": "红星支部"}],
        "base_url": "http://127.0.0.1:1",
        "standin_url": "http://127.0.0.1:2",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_ending_is_told_in_words() -> None:
    assert ending(3) == "ended with exit status 3"
    assert ending(-signal.SIGKILL) == "was ended by SIGKILL"


def test_free_port_passes_over_taken_ones() -> None:
    with contextlib.ExitStack() as stack:
        first = free_port(20000)
        stack.enter_context(socket.create_server(("127.0.0.1", first)))
        assert free_port(first) > first
