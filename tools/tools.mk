# The targets of the tools: included by the Makefile beside this folder, and gone with it.
TOOLS := yes

# Shows on a terminal how far its parts are, and keeps quiet in a log; what failed is said last.
PROGRESS := $(PYTHON) -m tools.progress.side_by_side
run = $(PROGRESS) --show nothing --part "$(1)" "$(2)"
# WORKTREE=1: deliver the files as they are on disk, and not as they are committed.
DELIVERED := $(if $(WORKTREE),--working-tree)

.PHONY: install-tools
install-tools: install .venv/.installed-tools

# SOURCE=<folder>; what would be asked: ACCOUNT=, REGION=, and every other flag by OPTIONS="--port 8080".
.PHONY: init
init: install-tools ## Write .env for the service in SOURCE=<folder of its repository> (ENV_FILE=, FORCE=1, OPTIONS=--help)
	@$(BIN)/python -m tools.init $(if $(SOURCE),"$(SOURCE)") $(if $(ACCOUNT),--account "$(ACCOUNT)") \
		$(if $(REGION),--region "$(REGION)") $(if $(ENV_FILE),--env-file "$(ENV_FILE)") $(if $(FORCE),--force) $(OPTIONS)

.PHONY: rehearse
rehearse: install-tools ## Run the whole life of a deploy on the local AWS; ENV_FILE= SOURCE=: of your own service
	@$(BIN)/python -m tools.rehearsal$(if $(ENV_FILE)$(SOURCE),.own_service $(ONE_SERVICE) $(OF_SOURCE)) $(DELIVERED)

# ENV_FILE: the settings file, .env unless it is said. SERVICE: one of several services. YES=1: do not ask.
SETTINGS = $(if $(ENV_FILE),--env-file "$(ENV_FILE)")
ONE_SERVICE = $(SETTINGS) $(if $(SERVICE),--service "$(SERVICE)")
OF_SOURCE = $(if $(SOURCE),--source "$(SOURCE)")
OPERATE := $(BIN)/python -m tools.operations

.PHONY: playground
playground: install-tools ## A local AWS until Ctrl-C, for the README's commands and your settings (SOURCE= delivers yours)
	@$(BIN)/python -m tools.playground $(SETTINGS) $(OF_SOURCE) $(DELIVERED)

.PHONY: call
call: install-tools ## Ask a service of the playground by its name, from another container (ROUTE=/)
	@$(BIN)/python -m tools.playground.call $(ONE_SERVICE) $(if $(ROUTE),--route "$(ROUTE)")

.PHONY: status
status: install-tools ## How a deployed service is: tasks, image, deliveries, alarms (AWS, or AWS_ENDPOINT_URL)
	@$(OPERATE) status $(ONE_SERVICE)

.PHONY: logs
logs: install-tools ## What a deployed service logs (OF=build or pipeline, SINCE=minutes, FOLLOW=1)
	@$(OPERATE) logs $(ONE_SERVICE) $(if $(OF),--of "$(OF)") $(if $(SINCE),--since "$(SINCE)") $(if $(FOLLOW),--follow)

.PHONY: shell
shell: install-tools ## A shell in a task of a deployed service (TASK=, COMMAND=)
	@$(OPERATE) shell $(ONE_SERVICE) $(if $(TASK),--task "$(TASK)") $(if $(COMMAND),--command "$(COMMAND)")

.PHONY: deliver
deliver: install-tools ## Start the pipeline of a deployed service (COMMIT=, YES=1)
	@$(OPERATE) deliver $(ONE_SERVICE) $(if $(COMMIT),--commit "$(COMMIT)") $(if $(YES),--yes)

.PHONY: rollback
rollback: install-tools ## Return to the delivery before the one in service (TO=execution, YES=1)
	@$(OPERATE) rollback $(ONE_SERVICE) $(if $(TO),--to "$(TO)") $(if $(YES),--yes)

# The library of CDK is unpacked once, 257 MB, for rehearsals and tests alike, and not into the home folder.
check test: export JSII_RUNTIME_PACKAGE_CACHE_ROOT := $(CURDIR)/.cache/jsii

.PHONY: test
test: check .cache/checkov/.installed ## Set up, then run every test, the rehearsal and the rehearsed failures
# Each waits for a part of its time: together they keep all cores busy.
	@$(PROGRESS) \
		--part "slow tests" "$(PYTEST) tests application-code tools -m slow -n 3 --dist loadfile --no-loadscope-reorder" \
		--part "rehearsal" "$(BIN)/python -m tools.rehearsal --without-containers $(DELIVERED)" \
		--part "tasks as containers" "$(BIN)/python -m tools.rehearsal.containers --where-possible --without-delays $(DELIVERED)" \
		--part "rehearsed failures" "$(BIN)/python -m tools.rehearsal.failures"

.PHONY: check
check: install-dev install-tools ## The fast half: format, lint, types, and the tests that need no CDK CLI
	@$(PROGRESS) \
		--part "format and lint" "$(STATIC)" \
		--part "types" "$(TYPES)" \
		--part "fast tests" "$(PYTEST) tests application-code tools -m 'not slow' -n auto --maxprocesses 4 --dist worksteal"

.PHONY: rehearse-failures
rehearse-failures: install-tools ## Bring failures about on the local AWS and see that each fails well
	@$(BIN)/python -m tools.rehearsal.failures

.PHONY: laptop
laptop: install-tools ## Only the part of the rehearsal with tasks as containers (needs docker or podman, and `make image` once)
	@$(BIN)/python -m tools.rehearsal.containers --without-delays $(DELIVERED)

.PHONY: callers
callers: install-tools ## The same at AWS's pace, ten minutes: what callers see with one task, and with three
	@$(BIN)/python -m tools.rehearsal.containers --tasks 1 --chart .cache/callers-one-task.svg $(DELIVERED)
	@$(BIN)/python -m tools.rehearsal.containers --chart .cache/callers.svg $(DELIVERED)

.PHONY: image
image: install-tools ## Build the image of the sample service with docker or podman
	@$(PROGRESS) --show last --part "Building the image" \
		"$(BIN)/python -m tools.container_engine application-code/ecsdemo-backend ecsdemo-backend:local local"

.PHONY: doctor
doctor: install-tools ## Ask your AWS account, before a deploy, about what usually goes wrong (GITHUB=1: GitHub too; SOURCE=)
	@$(BIN)/python -m tools.doctor $(SETTINGS) $(if $(GITHUB),--github) $(OF_SOURCE)

.PHONY: cost
cost: install-tools ## Tell what the settings cost in a month (ENV_FILE=... for another file)
	@$(BIN)/python -m tools.cost $(SETTINGS)

.PHONY: compliance
compliance: install-tools .cache/checkov/.installed ## Review every topology with cdk-nag and Checkov; writes docs/compliance.md
	@$(PROGRESS) --part "Reviewing every topology" "$(BIN)/python -m tools.compliance"

.PHONY: diagram
diagram: install-tools ## Draw docs/architecture.svg and overview.svg from the templates (ENV_FILE=, OUT=folder: your own)
	@$(BIN)/python -m tools.diagram $(SETTINGS) $(if $(OUT),--to "$(OUT)")

.PHONY: recording
recording: install-tools ## Record init, rehearse and call for the README: docs/recording.svg (needs docker or podman)
	@$(BIN)/python -m tools.recording

.PHONY: permissions
permissions: install-tools ## Rehearse, and write docs/permissions.md: what each role is granted, and what used it
	@$(BIN)/python -m tools.rehearsal --without-containers --working-tree --permissions docs/permissions.md

.PHONY: permissions-needed
permissions-needed: install-tools ## Deliver without each grant that a delivery uses, and see that it fails by name
	@$(BIN)/python -m tools.rehearsal.necessary $(DELIVERED)

.PHONY: iam-oracle
iam-oracle: install-tools .cache/iam-oracle/.installed ## Compare how policies are judged here with an independent evaluator
	@$(BIN)/python -m tools.iam_oracle .cache/iam-oracle

.PHONY: bench
bench: install-dev install-tools ## Measure against an empty CDK app, and AGAINST=<commit>; writes docs/performance.json and .svg
	@$(BIN)/python -m tools.bench $(if $(AGAINST),--against "$(AGAINST)") $(if $(TESTS),--tests)

.venv/.installed-tools: tools/requirements.lock .venv/.installed
	@$(call run,Installing what the tools need,$(PIP) -r tools/requirements.lock)
# This script has no installer that minds a space in the path of its interpreter.
	@printf '#!/bin/sh\nexec "$${0%%/*}/python" -m awscli "$$@"\n' > $(BIN)/aws
	@touch $@

# In an environment of its own: Checkov pins another boto3.
.cache/checkov/.installed: tools/compliance/checkov.lock | .venv/.made
	@$(PYTHON) -m venv .cache/checkov
	@$(call run,Installing Checkov,.cache/checkov/bin/python $(INSTALL) -r tools/compliance/checkov.lock)
	@touch $@

# In a folder of its own: it is only for this comparison, under another licence, and as large as the CDK CLI.
.cache/iam-oracle/.installed: tools/iam_oracle/package-lock.json .venv/.installed
	@mkdir -p .cache/iam-oracle && cp tools/iam_oracle/package.json $< .cache/iam-oracle
	@$(call run,Installing the other evaluator,cd .cache/iam-oracle && $(NPM) ci --loglevel=error --ignore-scripts --no-audit --no-fund)
	@touch $@
