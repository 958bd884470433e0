# Two commands on a fresh machine: `make run` and `make test`. Nothing here is needed to deploy.

.DEFAULT_GOAL := help
.PHONY: help setup run test checks checks-server checks-clients browser clients pictures speed bench proof lint types openapi clean
MAKEFLAGS += --no-print-directory

# Always `python -m tool`: the scripts of an environment do not start from a path with a space.
PYTHON := .venv/bin/python

# $(call environment,folder,requirement files): make it if it is missing, install if a pinned file has changed.
# The stamp is what was installed, word for word; comparing it is all that happens on a second call.
define environment
@if ! { [ -x $(1)/bin/python ] && cat $(2) | cmp -s - $(1)/installed.txt; }; then \
	if ! $(1)/bin/python -m pip --version >/dev/null 2>&1; then \
		python=; \
		for name in python3.11 python3 python3.12 python3.13; do \
			if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
		done; \
		if [ -z "$$python" ]; then \
			echo "Python 3.11 or newer is missing; install it, on Debian or Ubuntu: apt install python3.11 python3.11-venv" >&2; exit 1; \
		fi; \
		if ! $$python -c 'import venv, ensurepip' 2>/dev/null; then \
			echo "The venv module of $$python is missing; install it, on Debian or Ubuntu: apt install $$python-venv" >&2; exit 1; \
		fi; \
		rm -rf $(1); \
		$$python -m venv $(1) || exit 1; \
	fi; \
	echo "Installing the pinned packages into $(1), about a minute …" >&2; \
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-input $(patsubst %,-r %,$(filter-out constraints.txt,$(2))) || exit 1; \
	cat $(2) > $(1)/installed.txt; \
fi
endef

help: ## show these targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

setup: ## make .venv with the pinned packages, if it is missing or they changed
	$(call environment,.venv,requirements.txt requirements-dev.txt constraints.txt)

run: setup ## serve the demo township on this machine (PORT=8000 RUN_DIR=.run), Ctrl-C ends it
	@$(PYTHON) -m backend.local.clients build || echo "The server starts all the same." >&2
	@exec $(PYTHON) -m backend run

clients: setup ## build the console and the phone's pages for /console/ and /m/, where Node 20 or newer is there
	@$(PYTHON) -m backend.local.clients build

pictures: setup ## take the pictures of docs/pictures/ from the demo that `make run` serves, with Debian's chromium
	$(PYTHON) -m tests.e2e.pictures

speed: setup ## how long the committee waits for its page, from the demo that `make run` serves
	$(PYTHON) -m tests.e2e.speed

# A browser is a system's package, so only where we may install one; elsewhere the browser tests say what is missing.
browser:
	@if [ -z "$$CHROMIUM" ] && ! command -v chromium >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Debian's Chromium for the browser tests, about a minute …" >&2; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null || true; \
	fi

test: setup browser checks ## run every check and every test
	$(PYTHON) -m pytest -n 2 --dist loadscope --no-loadscope-reorder

# The two halves share no file, and there are mostly two processors.
checks: setup
	@$(MAKE) -j2 -Oline checks-server checks-clients

checks-clients: setup
	$(PYTHON) -m backend.local.clients check

checks-server: lint types
	$(PYTHON) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	$(PYTHON) -m backend migrate --check
	$(PYTHON) -m backend openapi --check
	$(PYTHON) -m check_jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml

lint: setup ## lint and layout
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check

types: setup ## types
	$(PYTHON) -m mypy

openapi: setup ## write openapi.json anew from the schemas
	$(PYTHON) -m backend openapi

bench: setup ## measure against the raw limit and the peers, in one interleaved run (ARGS="--rounds 5")
	$(call environment,.venv-bench,bench/requirements.txt)
	$(PYTHON) -m bench $(ARGS)

proof: setup browser checks ## the long tests on top (PROOF=1): more histories, more faults
	PROOF=1 $(PYTHON) -m pytest

clean: ## remove environments, caches and RUN_DIR with the demo's data
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m backend.local.places "$${RUN_DIR:-.run}"; fi
	@rm -rf .venv .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@rm -rf clients/*/node_modules clients/*/dist tests/e2e/node_modules
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
