# One word for each thing one does here. `make demo` and `make test` need nothing but git, make, python3 (3.11 or later) with venv, and pip's index.
.PHONY: setup tools demo test test-browser test-e2e test-clients test-wheel check bench bench-engine soak reference ci clean
.DEFAULT_GOAL := demo

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Hundreds of short commands are started by the tests: each would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

# What tests use beyond Python: Google's adb in an older build, a phone's shell and tools, a sandbox, a browser, a Chinese font.
APT := adb mksh toybox bubblewrap proot busybox chromium nodejs fonts-wqy-microhei

# ---- environments: made once, remade when the dependencies change ------------------------------------------------------
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing:  sudo apt-get install -y python3-venv" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml $(BIN)/python
	@echo "setting up in $(VENV) (once; about a minute)" >&2
	@$(BIN)/python -m pip install --quiet --editable '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt $(BIN)/python
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.demo

setup: $(VENV)/.dev tools

# With root and apt the tools are installed; anywhere else the tests that need one are skipped by name.
tools:
	@missing=$$(for p in $(APT); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing" $$missing >&2; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	elif [ -n "$$CI" ]; then echo "CI needs" $$missing >&2; exit 1; \
	else echo "tests that need these are skipped:" $$missing >&2; fi

# ---- the words ---------------------------------------------------------------------------------------------------------
demo: $(VENV)/.demo
	@$(BIN)/bridge demo

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests examples
	$(BIN)/lint-imports

# What a whole run leaves in logs, spools and databases is then searched for keys, tokens and codes.
# In CI the same run also measures branch coverage and holds the gates: 100 % on the pure cores, 90 % overall.
COVER := $(if $(CI),--cov --cov-report=,)
# Half of the time a test waits for a phone, a host or a browser: twice as many at once as there are cores.
TOGETHER ?= 4
test: setup
	@rm -f .coverage .coverage.*
	@left=$$(mktemp -d) && trap 'rm -rf "$$left"' EXIT; set -x; \
	$(BIN)/python -m pytest -n $(TOGETHER) --dist worksteal --basetemp "$$left/tests" $(COVER) $(PYTEST) \
	$(if $(PYTEST),,&& $(BIN)/python tools/check_secrets.py "$$left/tests")
	$(if $(CI),$(BIN)/python tools/check_coverage.py)

test-browser: setup
	$(BIN)/python -m pytest -m browser $(PYTEST)

# The whole chain under the adb that comes with adbutils, then under the system's older one. ROGUES=all: with every hostile phone.
E2E := $(BIN)/python -m pytest -n 2 --dist worksteal -m e2e
test-e2e: setup
	env -u ADB $(E2E) $(PYTEST)
	@if [ -x /usr/bin/adb ]; then set -x; ADB=/usr/bin/adb $(E2E) $(PYTEST); \
	elif [ -n "$$CI" ]; then echo "CI needs /usr/bin/adb" >&2; exit 1; \
	else echo "skipped: no /usr/bin/adb here" >&2; fi

# OpenAI's own clients and schemathesis against the host, each in an environment of its own below .make/.
test-clients: setup
	LENSBRIDGE_CLIENTS=1 $(BIN)/python -m pytest tests/clients $(PYTEST)

# The wheel as a user gets it: built, installed in a fresh environment, run from an empty folder.
test-wheel: $(VENV)/.dev
	@tools/test_wheel.sh $(PYTHON) $(BIN)/python

bench: setup
	$(BIN)/python -m tools.bench

# The model's engine beside plain generate(); on a GPU: ENGINE='--device cuda --shape 9b --dtype bfloat16'.
bench-engine: setup
	$(BIN)/python -m tools.bench.engine $(ENGINE)

soak: setup
	SOAK=$${SOAK:-100} $(BIN)/python -m pytest -m soak -s -v $(PYTEST)

# Pages of docs/reference made from the code; a test fails where they differ.
reference: $(VENV)/.dev
	$(BIN)/python -m tools.reference

ci: setup check test test-clients test-wheel

clean:
	rm -rf $(VENV) .make dist build .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
