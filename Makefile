# `make` alone prints what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests wait for more than they compute, so one process more than the smallest machine has cores.
TEST_PROCESSES ?= 3
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help run test check soak audit test-delayed test-mssql types bench bench-full bench-database bench-search \
  bench-scaling bench-metrics profile format picture clean

help: ## print this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/installed ## set up, then serve on http://127.0.0.1:3000 (settings: config/.env.example); WORKERS=4: in four processes
	@exec $(BIN)/python run.py $(if $(WORKERS),--workers '$(WORKERS)')

test: $(VENV)/installed-dev ## set up, then all checks and all tests
	@.ci/system-packages
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal

check: $(VENV)/installed-dev ## lint, format, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>&1 | tail -n +2

soak: $(VENV)/installed-dev ## the long tests, with their figures: docs/reliability.md
	@.ci/system-packages
	@$(BIN)/python -m pytest -m 'soak and not mssql'

audit: $(VENV)/installed-dev ## ask PyPI whether a vulnerability is known of anything pinned; needs the network
	@$(BIN)/python .ci/audit.py --disable-pip --no-deps $(foreach file,$(wildcard requirements*.txt),-r $(file))

test-delayed: $(VENV)/installed-dev ## all tests while all is late by chance; some: make test-delayed PYTEST="-k order"
	@.ci/system-packages
	@PYTHONPATH='$(CURDIR)/tests/delays' $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal $(PYTEST)

test-mssql: $(VENV)/installed-dev ## all stories on a SQL Server: make test-mssql MSSQL_URL='mssql+pyodbc://…'
	@MSSQL_URL='$(value MSSQL_URL)' $(BIN)/python -m pytest -m mssql

format: $(VENV)/installed-dev ## rewrite the code in the project's format
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

types: $(VENV)/installed ## write docs/types.ts anew: the TypeScript types of the contract
	@$(BIN)/python run.py types > docs/types.ts.new && mv docs/types.ts.new docs/types.ts || { rm docs/types.ts.new; exit 1; }

bench: $(VENV)/installed ## measure against the plan's design in Node, 15 minutes at most: docs/performance.md
	@$(BIN)/python -m benchmarks.run

bench-full: $(VENV)/installed ## also other peers, and growth to 5,000,000 messages: 90 minutes at most
	@$(BIN)/python -m benchmarks.run --full

bench-database: $(VENV)/installed ## lists, threads and counts in 1,000,000 messages: docs/databases.md
	@$(BIN)/python -m benchmarks.database

bench-search: $(VENV)/installed ## search in 1,000,000 messages, and what indexing them costs the senders: docs/search.md
	@$(BIN)/python -m benchmarks.search

bench-scaling: $(VENV)/installed ## messages with 1, 2 and 4 nodes, and what each costs Redis and the database, 12 minutes at most: docs/scaling.md
	@$(BIN)/python -m benchmarks.scaling

bench-metrics: $(VENV)/installed ## what counting and measuring costs a send, a minute: docs/operations.md
	@$(BIN)/python -m benchmarks.metrics_cost

profile: $(VENV)/installed-dev ## flame graphs of the hot paths into docs/performance/
	@$(BIN)/python -m benchmarks.profiles

picture: $(VENV)/installed-dev ## take the pictures of the chat page anew, for the README and docs/faults.md
	@PICTURE=docs/debug-chat.png $(BIN)/python -m pytest -q tests/stories/test_browser.py -k two_windows
	@FAULTS_PICTURE=docs/debug-faults.png $(BIN)/python -m pytest -q tests/stories/test_browser_faults.py -k caught_up

clean: ## remove what the commands above made, but no data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/installed: requirements.txt | $(VENV)/bin/python
	@echo "Installing requirements.txt into $(VENV) …"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt requirements-tracing.txt $(VENV)/installed
	@echo "Installing requirements-dev.txt into $(VENV) …"
	@$(PIP) -r requirements-dev.txt
	@touch $@
