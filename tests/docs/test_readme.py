"""The documents name only what is there: paths, commands, endpoints, rules; and both READMEs say the same."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from backend.cli import commands
from handlers import outside

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")
#: The headings in order, English and Chinese.
SECTIONS = (
    ("What it never does", "它从设计上就做不到的事"),
    ("Two commands", "两条命令"),
    ("The main job, with curl", "主要工作走一遍（curl）"),
    ("Rooms", "代码放在哪里"),
    ("An empty township", "从空的乡镇开始"),
    ("One request, from URL to SQL", "一个请求，从网址到 SQL"),
    ("What is built", "这一版有什么"),
    ("Asked for → where", "要求的 → 在哪里"),
    ("Promises, and the test of each", "承诺，以及各由哪个测试把关"),
    ("Speed", "为什么要快"),
    ("Read on", "接着读"),
)
#: Named in the documents, made by a command, and never committed (docs/performance.md: not before `make bench` ran).
MADE = {".venv", ".run/demo.json", "deploy/.env"}
SUFFIXES = "py|md|txt|json|yaml|toml|sql|sh|png|lua|example"
CODE = re.compile(r"```.*?\n(.*?)```|`([^`]+)`", re.DOTALL)
ENDPOINT = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/[a-z0-9_/{}.-]*)")


@functools.cache
def files() -> tuple[str, ...]:
    """What is, or is about to be, committed."""
    found = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return tuple(sorted(name for name in found.stdout.split("\0") if name and (ROOT / name).is_file()))


@functools.cache
def read(name: str) -> str:
    """A file as text; what is no text reads as nothing."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def documents() -> list[str]:
    return [name for name in files() if name.endswith(".md") and not name.startswith("clients/")]


def code_of(name: str) -> Iterator[str]:
    """What a document sets as code: blocks and words in backticks."""
    for block, word in CODE.findall(read(name)):
        yield block or word


def exists(path: str) -> bool:
    """A file or a folder, from the root; a name alone may stand in any room (`visits.py`)."""
    path = path.rstrip("/")
    if "/" not in path and "." in path:
        return any(name == path or name.endswith(f"/{path}") for name in files())
    return any(name == path or name.startswith(f"{path}/") for name in files())


def paths_in(text: str) -> set[str]:
    """Words that claim to be a path: they begin with a folder of the root, or end like a file of ours."""
    tops = "|".join(sorted({re.escape(name.split("/")[0]) for name in files() if "/" in name}))
    whole = re.compile(rf"(?:(?:{tops})/[\w./-]*|[\w-][\w./-]*\.(?:{SUFFIXES}))\Z")
    words = re.split(r"[\s'\"(),;=<>|]+", text)
    return {word.rstrip(".:") for word in words if whole.match(word.rstrip(".:"))}


@pytest.mark.parametrize("document", documents())
def test_every_path_exists(document: str) -> None:
    named = {path for code in code_of(document) for path in paths_in(code)}
    missing = {path for path in named - MADE if not exists(path) and not exists(f"{Path(document).parent}/{path}")}
    assert not missing


@pytest.mark.parametrize("document", documents())
def test_every_link_leads_somewhere(document: str) -> None:
    folder = (ROOT / document).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", read(document)):
        path, _, anchor = target.partition("#")
        if re.match(r"https?:", target):
            continue
        found = (folder / path).resolve() if path else ROOT / document
        assert exists(str(found.relative_to(ROOT))), target
        assert not anchor or f'<a id="{anchor}"></a>' in found.read_text(encoding="utf-8"), target


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    named = {one for name in documents() for code in code_of(name) for one in re.findall(r"\bmake ([a-z]+)", code)}
    assert {"run", "test"} <= named
    assert named <= targets


def test_every_command_exists() -> None:
    """Also those in sentences that the program itself prints."""
    texts = [text for name in documents() for text in code_of(name)]
    texts += [read(name) for name in files() if name.startswith(("backend/", "models/")) and name.endswith(".py")]
    named = {
        pair for text in texts for pair in re.findall(r"python -m backend ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", text)
    }
    assert ("recount", "") in named
    for first, second in named:
        command = commands.commands.get(first)
        assert command is not None, first
        if isinstance(command, click.Group) and second:
            assert second in command.commands, f"{first} {second}"


def endpoints_in(readme: str) -> set[tuple[str, str]]:
    return {(method, path.removeprefix("/api/v1")) for method, path in ENDPOINT.findall(read(readme))}


def test_the_readmes_name_every_endpoint_and_no_other() -> None:
    document = json.loads(read("openapi.json"))
    there = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, operations in document["paths"].items()
        for method in operations
    }
    beside = {("GET", f"/{route.uri.lstrip('/')}") for route in outside._future_routes if "<" not in route.uri}
    for readme in READMES:
        assert endpoints_in(readme) == there | beside, readme


def test_the_readmes_have_the_same_sections() -> None:
    for column, readme in enumerate(READMES):
        assert re.findall(r"^## (.+)$", read(readme), re.MULTILINE) == [pair[column] for pair in SECTIONS]


def test_the_readmes_walk_the_same_way_and_as_the_demo_prints_it() -> None:
    walks = [max(re.findall(r"```sh\n(.*?)```", read(readme), re.DOTALL), key=len) for readme in READMES]
    commands_only = [re.sub(r"^#.*\n", "", walk, flags=re.MULTILINE) for walk in walks]
    assert commands_only[0] == commands_only[1]
    asked = re.compile(r"\$API(/[a-z/]+)")
    printed = set(asked.findall(read("backend/demo/guide.py"))) | {"/coverage"}
    assert set(asked.findall(walks[0])) == printed
    fields = {"client_id", "household_id", "occurred_on", "noted_at", "mode", "outcome", "topics", "source", "from"}
    for walk in (walks[0], read("backend/demo/guide.py")):
        assert {name for name in fields if f'"{name}"' in walk} == fields


def test_every_rule_that_is_cited_exists() -> None:
    rules = read("docs/rules.md")
    anchors = re.findall(r'<a id="([A-Z]\d+)"></a>\n### (\S+) ', rules)
    there = {anchor for anchor, heading in anchors if anchor == heading}
    assert len(there) == len(anchors) == len(re.findall("<a id=", rules))
    cited: set[str] = set()
    for name in files():
        for numbers in re.findall(r"docs/rules\.md`?[\s(]+((?:[A-Z]\d+(?:, | and )?)+)", read(name)):
            cited |= set(re.findall(r"[A-Z]\d+", numbers))
    assert {"V1", "S1", "C16"} <= cited
    assert cited <= there
    assert set(re.findall(r"\[[A-Z]\d+\]\(#([A-Z]\d+)\)", rules)) == there


def test_decisions_that_are_cited_exist() -> None:
    numbers = {Path(name).name[:4] for name in files() if name.startswith("docs/decisions/")}
    cited = {one for name in files() if name.endswith(".py") for one in re.findall(r"decision (\d{4})", read(name))}
    assert cited
    assert cited <= numbers


def test_nobody_is_asked_to_prove_attendance() -> None:
    """Reviewers of such programs look for the word; only the tests that look for it may hold it (docs/rules.md P1)."""
    word = re.compile("打" + "卡|clock" + "[-_ ]?in", re.IGNORECASE)
    here = {"tests/rules/test_words.py"}
    assert [name for name in files() if name not in here and word.search(read(name))] == []


def test_no_path_of_a_machine() -> None:
    path = re.compile(r"(?<![\w.$}-])/(?:wor" + r"k|tmp/v)(?![\w-])|\.\./shar" + "ed")
    assert [name for name in files() if path.search(read(name))] == []
