# Everything a newcomer needs, from a bare Python 3.11 or later:
#   make demo [ARGS="--speed 30 …"]   the whole chain on three simulated stations, page on localhost
#   make setup                        all of the environment, to work on it
#   make test [ARGS="-k ledger"]      the test suite          make check   lint, types, station files, page types
#   make bench                        the performance table   make soak    what is too long for every change
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q
ARGS ?=

.PHONY: setup demo test check bench soak page lock clean

# Two sizes of environment: what the demo needs, and that plus what builds and tests it.
.venv/.demo: requirements-demo.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --require-hashes -r requirements-demo.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	touch $@

.venv/.dev: requirements-dev.lock .venv/.demo
	$(PIP) install --require-hashes -r requirements-dev.lock
	touch $@

setup: .venv/.dev page

page: .venv/.demo
	$(BIN)/python -m collector.web.build

demo: .venv/.demo page
	$(BIN)/haitan-sim demo $(ARGS)

test: .venv/.dev page
	$(BIN)/python -m pytest $(ARGS)

check: .venv/.dev page
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m collector.web.build --check
	$(BIN)/haitan-config check firmware_config/stations/*/station.yaml firmware_config/stations/reference/*.yaml simulators/stations/*/station.yaml

bench: .venv/.dev page
	$(BIN)/python -m tests.bench $(ARGS)

soak: .venv/.dev page
	$(BIN)/haitan-sim torture --minutes 30 $(ARGS)

# Lock files: versions and hashes, no hosts.
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml
lock: .venv/.dev
	$(LOCK) --extra edge -o requirements-edge.lock
	$(LOCK) --extra collector --extra influx -o requirements-collector.lock
	$(LOCK) --extra demo --extra build -o requirements-demo.lock
	$(LOCK) --extra dev -o requirements-dev.lock

clean:
	rm -rf .venv var build dist collector/web/node_modules collector/web/dist
