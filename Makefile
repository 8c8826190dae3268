# Two commands do everything: `make demo` and `make test`. They make their own environment in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CACHE := .cache
WORKERS ?= auto

.PHONY: help demo test lint unit integration browser chromium races docs public bench hostile reliability molecule debootstrap sanity matrix release-check clean

help:
	@echo "make demo         pair five hosts with a simulated PCE, then keep connector instances, and show it"
	@echo "make test         everything that guards the collection"
	@echo "make lint         its first part: style, types, documentation"
	@echo "make sanity       ansible-test sanity, with the ansible-core of .venv"
	@echo "make unit         its second part: the parts one by one"
	@echo "make integration  its third part: modules, roles, playbooks and all examples against the simulator"
	@echo "make molecule     its fourth part: the role on real SSH hosts, which root gets by debootstrap, once, in a minute"
	@echo "make browser      its last part: the page of pairing_report in Chromium, which root gets by apt-get if it is missing"
	@echo "make docs         check the documentation, and build a site of it in .cache/site/html"
	@echo "make public       bring docs/public.json, the list of what users may rely on, up to date"
	@echo "make races        200 rounds of two runs at a time, and of runs that are killed; make test has 21 of them"
	@echo "make hostile      ten thousand cases of hostile options and answers; make unit has a few of them"
	@echo "make release-check  the tarball: what is in it, what Galaxy says of it, and the demo with it alone"
	@echo "make matrix       each ansible-core and Python that is supported, as far as they are here; CI_NEEDS_MATRIX=1 needs all"
	@echo "make bench        measure what it costs, and write docs/benchmark.*; BENCH=--quick leaves out the largest"
	@echo "make reliability  put every fault at every request, and write docs/reliability.md"
	@echo "make clean        remove what the others made"
	@echo "PYTHON=python3.12 make ... chooses the Python for a new environment (3.10 or later)"

demo: $(VENV)/demo
	@$(BIN)/python -m tests.demo

test: lint docs unit integration browser molecule sanity release-check

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/antsibull-changelog lint
	$(BIN)/python -m tests.lint_playbooks

sanity: $(VENV)/test
	$(BIN)/python -m tests.sanity

unit: $(VENV)/test
	$(BIN)/python -m pytest tests/unit tests/contract tests/hostile -n $(WORKERS) -q

integration: $(VENV)/test
	$(BIN)/python -m pytest tests/integration tests/examples -n $(WORKERS) --dist worksteal -q
	$(BIN)/python -m pytest tests/reliability -q

races: $(VENV)/test
	MICROSEG_ROUNDS=200 $(BIN)/python -m pytest tests/integration/test_two_at_once.py -n $(WORKERS) -q -rP

molecule: $(VENV)/test debootstrap
	$(BIN)/python -m pytest tests/molecule -n $(WORKERS) --dist worksteal -q

# Where no hosts can be made these tests are skipped and say so; with CI_NEEDS_HOSTS=1 they fail.
debootstrap:
	@command -v debootstrap >/dev/null && command -v ip >/dev/null && command -v ssh-keygen >/dev/null || \
		[ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap \
			iproute2 openssh-client >/dev/null; } || echo "debootstrap could not be installed"

browser: $(VENV)/test chromium
	$(BIN)/python -m pytest tests/browser -q

# Without Chromium these tests are skipped and say so; with CI_NEEDS_BROWSER=1 they fail.
chromium:
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium \
			>/dev/null; } || echo "Chromium could not be installed"

docs: $(VENV)/test
	@$(BIN)/python -m tests.site

public: $(VENV)/test
	@$(BIN)/python -m tests.public

hostile: $(VENV)/test
	MICROSEG_HOSTILE=long $(BIN)/python -m pytest tests/hostile -n $(WORKERS) -q

release-check: $(VENV)/test $(CACHE)/importer/made $(CACHE)/user/made
	$(BIN)/python -m pytest tests/release -q

# Sessions whose Python is not here are skipped, and named in the end.
matrix: $(VENV)/test
	$(BIN)/python -m nox $(if $(CI_NEEDS_MATRIX),--error-on-missing-interpreters,--no-error-on-missing-interpreters)

bench: $(VENV)/bench
	@$(BIN)/python -m tests.bench $(BENCH)

reliability: $(VENV)/test
	@$(BIN)/python -m tests.reliability --write

$(VENV)/demo: tests/simulator/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed: PYTHON=python3.12 make ...")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --requirement $<
	@touch $@

$(VENV)/test: tests/requirements.txt $(VENV)/demo
	@$(BIN)/python -m pip install --quiet --requirement $<
	@touch $@

$(VENV)/bench: tests/bench/requirements.txt $(VENV)/demo
	@$(BIN)/python -m pip install --quiet --requirement $<
	@touch $@

$(CACHE)/%/made: tests/release/%.txt $(VENV)/demo
	@$(BIN)/python -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --requirement $<
	@touch $@

clean:
	rm -rf $(VENV) .cache .ansible .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	rm -rf $(VENV) $(CACHE) .ansible .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
