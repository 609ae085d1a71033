# kesu: `make run` sets everything up and serves; `make test` checks everything. Campaigns below run by hand.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
HOST ?= 127.0.0.1
BUNDLE := data/bundles/starter
KILLS ?= 20
N ?= 10000
SECONDS ?= 10

.PHONY: run test test-encoder fresh demo crash fuzz load bench clean python
.DEFAULT_GOAL := run

run: $(VENV)/.core fresh data/bundles/current/manifest.json
	@echo "kesu 客诉: http://$(HOST):$(PORT)   Ctrl-C ends it"
	@echo "  curl -s http://$(HOST):$(PORT)/classify -H 'content-type: application/json' -d '{\"text\": \"快递慢而且客服态度差\"}'"
	@$(BIN)/kesu serve --host $(HOST) --port $(PORT)

test: $(VENV)/.dev fresh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

demo: $(VENV)/.core fresh data/bundles/current/manifest.json
	@$(BIN)/kesu demo

crash: $(VENV)/.dev data/bundles/current/manifest.json  ## KILLS=20: kill -9 under load
	$(BIN)/python -m tests.campaigns.crash --kills $(KILLS)

fuzz: $(VENV)/.dev data/bundles/current/manifest.json  ## N=10000: hostile requests, no answer may be a 5xx
	$(BIN)/python -m tests.campaigns.fuzz --requests $(N)

load: $(VENV)/.dev data/bundles/current/manifest.json  ## SECONDS=10: requests a second beside an empty route
	$(BIN)/kesu bench serve --seconds $(SECONDS)

bench: $(VENV)/.bench data/bundles/current/manifest.json  ## KESU_BENCH_DATA=DIR: accuracy, honesty, marked, several, rounding, speed, throughput, spikes, serve
	$(BIN)/kesu bench accuracy
	$(BIN)/kesu bench honesty
	$(BIN)/kesu bench marked
	$(BIN)/kesu bench several
	$(BIN)/kesu bench rounding
	taskset -c 0 $(BIN)/kesu bench speed
	$(BIN)/kesu bench throughput
	$(BIN)/kesu bench spikes
	$(BIN)/kesu bench serve

fresh:  # numba sees that a file has changed, but not what is compiled into it from another: older code goes
	@newest=$$(ls -t $$(grep -l njit model/*.py training/*.py) | head -1); \
	  find model training -name '*.nb[ic]' ! -newer $$newest -delete

python:
	@test -n "$(PYTHON)" || { echo "kesu needs Python 3.11 or newer and found none: install it (Debian: apt install python3 python3-venv) or say make PYTHON=/path/to/python3"; exit 1; }

$(BIN)/python: | python
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); echo "$(PYTHON) cannot make an environment: install its venv package (Debian: apt install python3-venv) and run make again"; exit 1; }

$(VENV)/.core: pyproject.toml | $(BIN)/python
	@echo "installing kesu into $(VENV) (a few minutes the first time)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -q -e . || { echo "the install failed: check the network or the package index pip uses, then run make again"; exit 1; }
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip install --disable-pip-version-check -q -e '.[dev]'
	@touch $@ $(VENV)/.core

$(VENV)/.bench: pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip install --disable-pip-version-check -q -e '.[dev,bench]'
	@touch $@ $(VENV)/.core

# the starter's bundle is fitted again when its corpus or the format changes; a bundle of your own that is served stays
SERVED := $(shell readlink data/bundles/current 2>/dev/null)
data/bundles/current/manifest.json: $(if $(filter-out starter,$(SERVED)),,$(wildcard data/starter/*.csv) model/manifest.py) | $(VENV)/.core
	@echo "fitting the first bundle from data/starter"
	@$(BIN)/kesu train data/starter/*.csv --out $(BUNDLE)
	@$(BIN)/kesu models promote $(BUNDLE)

test-encoder: $(VENV)/.dev
	$(BIN)/python -m pip install --disable-pip-version-check -q -e '.[dev,encoder]'
	$(BIN)/python -m pytest tests -k encoder

clean:
	rm -rf $(VENV) data/bundles data/store build dist .mypy_cache .ruff_cache .pytest_cache
