# Two commands do everything: `make demo` and `make test`. They make their own environment in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CACHE := .cache
SITE := $(CACHE)/site
WORKERS ?= auto
PYTEST := $(BIN)/python -m pytest -q
# Without it every process of every test would compile the tests and the collection anew.
unexport PYTHONDONTWRITEBYTECODE
APT := DEBIAN_FRONTEND=noninteractive apt-get

.PHONY: help demo test beside lint docs sanity unit integration foreign reliability-check release-check molecule debootstrap browser chromium \
	gnupg dist sbom sessions public reliability races hostile mutation breaks matrix bench clean

help:
	@echo "make demo               pair five hosts with a simulated PCE, then keep connector instances, and show it"
	@echo "make test               everything that guards the collection; its parts are:"
	@echo "  make lint               style and types"
	@echo "  make docs               the documentation, and a site of it in .cache/site/html"
	@echo "  make sanity             ansible-test sanity, with the ansible-core of .venv"
	@echo "  make unit               the parts one by one, and hostile input in short"
	@echo "  make integration        modules, roles, playbooks and all examples against the simulator"
	@echo "  make foreign            clients of a PCE that others wrote, against the simulator"
	@echo "  make reliability-check  every fault at every kind of request"
	@echo "  make release-check      the unpacked tarball: sanity, ansible-lint, Galaxy's importer, signatures, and the demo"
	@echo "  make molecule           the role on real SSH hosts, which root gets by debootstrap, once, in a minute"
	@echo "  make browser            the page of pairing_report in Chromium, which root gets by apt-get"
	@echo "make public             bring tests/public/interface.txt, the list of what users may rely on, up to date"
	@echo "make reliability        write docs/reliability.md anew"
	@echo "make races              200 rounds of two runs at a time, and of runs that are killed; make test has some of them"
	@echo "make hostile            ten thousand cases of hostile options and answers; make test has some of them"
	@echo "make mutation           change the core and the tables in thousands of ways, and see which changes no test notices"
	@echo "make breaks             break plugins and playbooks on purpose, and see whether the tests notice; ONLY=inventory for some"
	@echo "make matrix             each ansible-core and Python that is supported and here; CI_NEEDS_MATRIX=1 needs all;"
	@echo "                        SESSION='sanity(2.16.19)' runs one of those that make sessions lists"
	@echo "make dist               the tarball that is released, byte for byte the same each time, in dist"
	@echo "make sbom               the bill of materials of the execution environment's Python parts, in dist"
	@echo "make bench              measure what it costs, and write the tables of the guide on scale; BENCH=--quick leaves out the largest"
	@echo "make clean              remove what the others made"
	@echo "PYTHON=python3.12 make ... chooses the Python for a new environment: 3.11 or later, for the demo 3.10"

demo: $(VENV)/demo
	@$(BIN)/python -m tests.demo

# What leaves a core idle for much of its time runs beside the longest part, whose output comes when it has ended.
test: lint docs
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target integration beside

beside:
	@$(MAKE) --no-print-directory --jobs=1 sanity unit foreign reliability-check release-check molecule browser

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/antsibull-changelog lint
	$(BIN)/reuse lint --quiet || $(BIN)/reuse lint
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*_*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/python -m nox --session extra-checks
	$(BIN)/python -m tests.lint_playbooks

# antsibull-docs finds the collection by its place in a tree, and refuses a directory that others may write into.
docs: $(VENV)/test
	@rm -rf $(SITE) && mkdir -p $(SITE)/tree/ansible_collections/microseg && mkdir -m 700 $(SITE)/rst
	@ln -s "$(CURDIR)" $(SITE)/tree/ansible_collections/microseg/enforcement
	PATH="$(CURDIR)/$(BIN):$$PATH" antsibull-docs lint-collection-docs --plugin-docs .
	PATH="$(CURDIR)/$(BIN):$$PATH" ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/$(SITE)/tree" antsibull-docs \
		--config-file tests/site/antsibull.cfg collection --use-current --squash-hierarchy --fail-on-error \
		--dest-dir $(SITE)/rst microseg.enforcement
	@cp docs/docsite/rst/*.svg $(SITE)/rst/docsite
	$(BIN)/sphinx-build -q -W --keep-going -c tests/site $(SITE)/rst $(SITE)/html
	@echo "The site is $(SITE)/html/index.html"

sanity: $(VENV)/test
	$(BIN)/python -m tests.sanity

unit: $(VENV)/test
	$(PYTEST) tests/unit tests/controller tests/contract tests/hostile -n $(WORKERS)

integration: $(VENV)/test
	$(PYTEST) tests/integration tests/examples -n $(WORKERS) --dist worksteal

foreign: $(VENV)/test $(CACHE)/illumio/made $(CACHE)/illumio_py_open/made
	$(PYTEST) tests/foreign

reliability-check: $(VENV)/test
	$(PYTEST) tests/reliability

# With the ansible-core of .venv; the others are part of make matrix. Without gpg the tests of signatures are skipped and
# say so; with CI_NEEDS_GPG=1 they fail.
release-check: $(VENV)/test $(CACHE)/importer/made $(CACHE)/lint/made $(CACHE)/tools/made $(CACHE)/user/made gnupg
	$(BIN)/python -m tests.sanity --tarball
	$(PYTEST) tests/release

gnupg:
	@command -v gpg >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || \
		{ $(APT) update -qq && $(APT) install -y -qq --no-install-recommends gnupg >/dev/null; } || \
		echo "gnupg could not be installed"

# Of what is committed, so that nothing else gets into a release.
dist: $(VENV)/test
	@$(BIN)/python -m tests.tarball

sbom: $(VENV)/test $(CACHE)/tools/made
	@$(BIN)/python -m tests.sbom

# Where no hosts can be made these tests are skipped and say so; with CI_NEEDS_HOSTS=1 they fail.
molecule: $(VENV)/test debootstrap
	$(PYTEST) tests/molecule -n $(WORKERS) --dist worksteal

debootstrap:
	@command -v debootstrap >/dev/null && command -v ip >/dev/null && command -v ssh-keygen >/dev/null || \
		[ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || \
		{ $(APT) update -qq && $(APT) install -y -qq --no-install-recommends debootstrap iproute2 openssh-client \
			>/dev/null; } || echo "debootstrap could not be installed"

# Without Chromium these tests are skipped and say so; with CI_NEEDS_BROWSER=1 they fail.
browser: $(VENV)/test chromium
	$(PYTEST) tests/browser

chromium:
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || \
		{ $(APT) update -qq && $(APT) install -y -qq --no-install-recommends chromium >/dev/null; } || \
		echo "Chromium could not be installed"

public: $(VENV)/test
	@$(BIN)/python -m tests.public

reliability: $(VENV)/test
	@$(BIN)/python -m tests.reliability --write

races: $(VENV)/test
	MICROSEG_ROUNDS=200 $(PYTEST) tests/integration/test_two_at_once.py -n $(WORKERS) -rP

hostile: $(VENV)/test
	MICROSEG_HOSTILE=long $(PYTEST) tests/hostile -n $(WORKERS)

# SAMPLE=500 takes so many of the mutants, by chance; ONLY=_pce/store those of a file; AGAIN=1 those that were left last.
mutation: $(VENV)/test
	$(BIN)/python -m tests.mutation $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(ONLY),--only $(ONLY)) $(if $(AGAIN),--again)

breaks: $(VENV)/test
	$(BIN)/python -m tests.breaks $(if $(ONLY),--only "$(ONLY)")

# Sessions whose Python is not here are skipped, and named in the end.
matrix: $(VENV)/test
	$(BIN)/python -m nox $(if $(SESSION),--session "$(SESSION)",--tags matrix) \
		$(if $(CI_NEEDS_MATRIX),--error-on-missing-interpreters,--no-error-on-missing-interpreters)

# As JSON, for the jobs of .github/workflows/tests.yml.
sessions: $(VENV)/test
	@$(BIN)/python -m nox --tags matrix --list --json | \
		$(BIN)/python -c 'import json, sys; print(json.dumps([item["session"] for item in json.load(sys.stdin)]))'

bench: $(VENV)/demo
	@$(BIN)/python -m tests.bench $(BENCH)

$(VENV)/demo: tests/simulator/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed: PYTHON=python3.12 make ...")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --requirement $<
	@touch $@

$(VENV)/test: tests/requirements.txt $(VENV)/demo
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make clean, then PYTHON=python3.12 make ...")'
	@$(BIN)/python -m pip install --quiet --requirement $<
	@touch $@

# An environment of its own for each of these files.
define own_environment
	@$(BIN)/python -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --requirement $<
	@touch $@
endef

$(CACHE)/%/made: tests/release/%.txt $(VENV)/demo
	$(own_environment)

$(CACHE)/%/made: tests/foreign/%.txt $(VENV)/demo
	$(own_environment)

clean:
	rm -rf $(VENV) $(CACHE) .ansible .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
