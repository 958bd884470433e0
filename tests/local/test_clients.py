"""Building and checking the clients: with Node once a change, without it a sentence, in CI a failure."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from types import MappingProxyType

import pytest

from backend import clients
from backend.local.clients import main

#: An npm that does what ours is asked for: `ci` makes node_modules, a build leaves its page, `FAILS` names what goes wrong.
NPM = """
import os, pathlib, sys
here = pathlib.Path.cwd()
words = [word for word in sys.argv[1:] if not word.startswith("--")]
with open(os.environ["CALLS"], "a") as calls:
    print(here.name, *words, "base=" + os.environ.get("VITE_API_BASE", "unset") if words[0] == "run" else "", file=calls)
if os.environ.get("FAILS") == words[-1]:
    sys.exit("the reason of the fault")
if words == ["ci"]:
    (here / "node_modules").mkdir(exist_ok=True)
if here.name != "core" and words[-1] in ("check", "build", "build:h5"):
    built = here / ("dist" if here.name == "console" else "dist/build/h5")
    (built / "assets").mkdir(parents=True, exist_ok=True)
    (built / "index.html").write_text("<p>" * 1000)
    (built / "assets" / "a-12345678.js").write_text("x")
"""


class Tools:
    """A path with a Node of our own, three small clients, and what npm was asked for."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.sources, self.calls_file = folder / "bin", folder / "clients", folder / "calls"
        self.bin.mkdir()
        for name in ("core", "console", "miniapp"):
            (self.sources / name).mkdir(parents=True)
            (self.sources / name / "package-lock.json").write_text("{}")
            (self.sources / name / "main.ts").write_text(name)

    def node(self, version: str) -> None:
        (self.bin / "npm.py").write_text(NPM)
        npm = f"exec '{sys.executable}' '{self.bin / 'npm.py'}' \"$@\""  # by a shell: our own path may hold a space
        for name, command in (("node", f"echo {version}"), ("npm", npm)):
            (self.bin / name).write_text(f"#!/bin/sh\n{command}\n")
            (self.bin / name).chmod(0o755)

    def run(self, what: str, **environ: str) -> int:
        self.calls_file.write_text("")
        return main([what], {"PATH": str(self.bin), "CALLS": str(self.calls_file), **environ})

    @property
    def calls(self) -> list[str]:
        return [line.strip() for line in self.calls_file.read_text().splitlines()]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    tools = Tools(tmp_path)
    monkeypatch.setattr(clients, "SOURCES", tools.sources)
    built = {"console": tools.sources / "console/dist", "m": tools.sources / "miniapp/dist/build/h5"}
    monkeypatch.setattr(clients, "BUILT", MappingProxyType(built))
    return tools


def test_both_are_built_once_and_again_only_when_a_source_has_changed(tools: Tools) -> None:
    tools.node("v20.0.0")
    assert tools.run("build") == 0
    assert tools.calls == ["console ci", "console run build base=", "miniapp ci", "miniapp run build:h5 base="]
    assert clients.is_built("console") and clients.is_built("m")
    assert (tools.run("build"), tools.calls) == (0, [])
    (tools.sources / "miniapp" / "main.ts").write_text("other")
    assert (tools.run("build"), tools.calls) == (0, ["miniapp run build:h5 base="])
    (tools.sources / "core" / "more.ts").write_text("")
    assert (tools.run("build"), tools.calls) == (0, ["console run build base=", "miniapp run build:h5 base="])
    (clients.BUILT["m"] / "index.html").unlink()
    (tools.sources / "console" / "package-lock.json").write_text('{"other": 1}')
    assert tools.run("build") == 0
    assert tools.calls == ["console ci", "console run build base=", "miniapp run build:h5 base="]


def test_what_gets_smaller_is_packed(tools: Tools) -> None:
    tools.node("v22.1.0")
    assert tools.run("build") == 0
    for folder in clients.BUILT.values():
        packed = folder / "index.html.gz"
        assert gzip.decompress(packed.read_bytes()) == (folder / "index.html").read_bytes()
        assert not (folder / "assets" / "a-12345678.js.gz").exists()


def test_the_checks_of_all_run_every_time(tools: Tools) -> None:
    tools.node("v20.0.0")
    assert tools.run("check") == 0
    folders = ("core", "console", "miniapp")
    assert tools.calls == [call for folder in folders for call in (f"{folder} ci", f"{folder} run check base=")]
    assert tools.run("check", VITE_API_BASE="https://elsewhere") == 0
    assert tools.calls == [f"{folder} run check base=" for folder in folders]
    assert (tools.run("build"), tools.calls) == (0, []), "checking builds, so there is nothing left to build"
    assert (clients.BUILT["m"] / "index.html.gz").exists()


@pytest.mark.parametrize("version", ["v18.19.0", "", None])
@pytest.mark.parametrize("what", ["build", "check"])
def test_without_node_it_is_a_sentence_and_in_ci_a_failure(
    tools: Tools, capfd: pytest.CaptureFixture[str], what: str, version: str | None
) -> None:
    if version is not None:
        tools.node(version)
    assert (tools.run(what), tools.calls) == (0, [])
    said = capfd.readouterr().err
    assert said.startswith("Node 20 or newer with npm is missing, so ") and said.count("\n") == 1
    assert (tools.run(what, CI="true"), tools.calls) == (1, [])


@pytest.mark.parametrize(("what", "fails"), [("build", "ci"), ("build", "build"), ("check", "check")])
def test_a_fault_is_told_and_the_next_run_tries_again(
    tools: Tools, capfd: pytest.CaptureFixture[str], what: str, fails: str
) -> None:
    tools.node("v20.0.0")
    assert tools.run(what, FAILS=fails) == 1
    said = capfd.readouterr().err
    assert "the reason of the fault" in said
    assert "ended with exit status 1; what it said stands above." in said.splitlines()[-1]
    assert tools.run(what) == 0
    assert any(call.split(" base")[0].endswith(f" {fails}") for call in tools.calls)
