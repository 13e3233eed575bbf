# Every target works on a clean clone; all it takes is Python 3.11+, git and make.

PYTHON ?= python3
VENV   := .venv
SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN    := $(VENV)/$(SCRIPTS)
READY  := $(VENV)/.ready
DOCS   := $(VENV)/.docs
UV     := $(VENV)/.uv
LLM    := $(VENV)/local-llm

# An environment of its own for the older major of openai, which is supported, too.
OPENAI2 := $(VENV)/openai2

# The least share of the branches of `workflows`, and of `agents_sdk`, that the tests must take, in percent.
BRANCHES := 90

# `make pins` keeps what is pinned as far as it can; `make pins UPGRADE=--upgrade` takes the newest of everything.
UPGRADE ?=
PIN      = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
           --custom-compile-command "make pins" $(UPGRADE)

INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-all test-openai2 torture e2e-llm check fix bench docs pins clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## watch a durable code review being killed and going on where it was
	@$(BIN)/python examples/demo.py

test: test-all test-openai2 ## run every test and hold the branch coverage

test-all: $(READY)
	@rm -f coverage.json
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term-missing --cov-report=json
	$(BIN)/python tools/branches.py coverage.json $(BRANCHES)

test-openai2: $(OPENAI2)/.ready # the tests of model calls, with openai 2
	$(OPENAI2)/$(SCRIPTS)/python -m pytest -q -n 2 $(wildcard tests/integrations/llm/test_*.py)

torture: $(READY) ## run the fault tests at their size for the night: hours
	TORTURE=1 $(BIN)/python -m pytest -n 2 --dist worksteal --timeout 21600 -o faulthandler_timeout=0 tests/fault tests/workflows/sqlite tests/agents_sdk/storm tests/agents_sdk/chat/model \
		tests/workflows/timers/test_killed.py tests/workflows/timers/test_random.py tests/integrations/github/test_killed.py \
		tests/integrations/llm/streaming/test_killed.py

e2e-llm: $(READY) $(LLM)/.ready ## with a real small model on this machine (200 MB), killed in mid-stream; shows wires, not quality
	LOCAL_LLM=$(LLM) $(BIN)/python -m pytest --timeout 400 tests/e2e_llm

check: $(READY) ## lint, formatting, types of code and tests, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/python -m pytest -q tests/test_layers.py

fix: $(READY) ## repair what the linter can repair, and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY) ## measure on this machine
	$(BIN)/python -m benchmarks

docs: $(DOCS) ## build the documentation into site/; a broken link fails
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --nitpicky --fresh-env docs site
	@echo "site/index.html"

pins: $(UV) ## resolve the dependencies anew and write pins/
	$(PIN) --all-extras --group dev pyproject.toml --output-file pins/dev.txt
	$(PIN) --group pyproject.toml:docs --constraints pins/dev.txt --output-file pins/docs.txt
	@cp pins/dev.txt pins/openai2.txt # the same versions, where that can be
	$(PIN) --group openai2 pyproject.toml --output-file pins/openai2.txt
	$(PIN) --group pyproject.toml:peers --output-file pins/peers.txt
	echo uv | $(PIN) - --output-file pins/uv.txt
	$(PIN) --no-deps --group pyproject.toml:local-llm --output-file pins/local-llm.txt

clean: ## remove everything that was built, the environment too
	rm -rf $(VENV) site dist build coverage.json .coverage .coverage.* .demo
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(UV): pins/uv.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Perdure needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Say which one to use: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	@echo "making $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r pins/uv.txt
	@touch $@

$(READY): $(UV) pins/dev.txt pyproject.toml
	@$(INSTALL) --require-hashes -r pins/dev.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(OPENAI2)/.ready: $(UV) pins/openai2.txt
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(OPENAI2)
	@$(BIN)/uv pip install --quiet --python $(OPENAI2)/$(SCRIPTS)/python --require-hashes -r pins/openai2.txt
	@touch $@

$(LLM)/.ready: $(UV) pins/local-llm.txt
	@$(INSTALL) --no-deps --require-hashes --target $(LLM) -r pins/local-llm.txt
	@touch $@

$(DOCS): $(READY) pins/docs.txt
	@$(INSTALL) --require-hashes -r pins/docs.txt
	@touch $@
