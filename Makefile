# Everything runs in the project's own .venv, made from the lock file.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2
SERVERS := mosquitto influxdb chromium poppler-utils mbpoll openssl fonts-noto-cjk libpango-1.0-0 libpangoft2-1.0-0

.PHONY: demo test check bench lint types servers lock clean help

help:
	@echo "make demo    twelve buildings, live devices, the site on http://127.0.0.1:8080"
	@echo "make test    the test suite, with real Mosquitto, InfluxDB and Chromium"
	@echo "make check   what CI runs: lint, strict types, tests"
	@echo "make bench   benchmarks: figure and ratio to the reference"
	@echo "make lock    write requirements.lock anew from pyproject.toml"

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Beacon needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 ..." >&2; exit 1; }
	@if [ ! -x $(BIN)/python ]; then $(PYTHON) -m venv $(VENV) || { \
	  echo "python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }; fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

demo: $(STAMP)
	$(BIN)/beacon demo

servers:
	@tooling/install-servers.sh $(SERVERS)

test: $(STAMP) servers
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

check: lint types test

bench: $(STAMP) servers
	$(BIN)/python -m tests.bench

lock:
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	  --no-header --extra dev --output-file requirements.lock pyproject.toml
	@# the project names its own extras; its own line is no dependency to install
	sed -i '/^# WARNING: pip install/,/^    # via beacon/d' requirements.lock

clean:
	rm -rf $(VENV) tests/dashboards/grafana/node_modules build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
