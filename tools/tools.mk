# The targets of the tools: the Makefile beside this folder includes them.
TOOLS := yes
TESTED += tools cdk-rehearsal/tests
SLOW_FOLDERS += cdk-rehearsal/tests
LONGEST := tools/rehearsal/tests/test_rehearsal.py cdk-rehearsal/tests/test_command.py \
	$(wildcard cdk-rehearsal/tests/containers/test_*.py)
# The pages link to this folder.
FAST_PARTS += links
SLOW_PARTS += rehearsal failures

# The settings and the repository that a command is about: .env if there is one, else the sample.
# ENV_FILE=: other settings files. SERVICE=: one of several services. SOURCE=: the folder of the service's repository.
SETTINGS = $(if $(ENV_FILE),--env-file "$(ENV_FILE)")
ONE_SERVICE = $(SETTINGS) $(if $(SERVICE),--service "$(SERVICE)")
OF_SOURCE = $(if $(SOURCE),--source "$(SOURCE)")
# WORKTREE=1: deliver the files as they are on disk, not as they are committed.
DELIVERED := $(if $(WORKTREE),--working-tree)
OPERATE := $(BIN)/python -m tools.operations
REHEARSE := $(BIN)/python -m tools.rehearsal

# One copy of CDK's library, 257 MB, for rehearsals and tests, and not in the home folder.
check test: export JSII_RUNTIME_PACKAGE_CACHE_ROOT := $(CURDIR)/.cache/jsii
# Threads that compile and collect beside the main one use more processor time, which the parts compete for.
check test: export NODE_OPTIONS := --v8-pool-size=0
# The base image that containers of tests start from, where no registry can be reached.
check test: export CDK_REHEARSAL_CACHE := $(CURDIR)/.cache/container_engine

##@ Without an AWS account
.PHONY: init
init: ## Write .env for the service in SOURCE=<its repository>, or of COPILOT=<manifest.yml> (ENV_FILE=, FORCE=1, OPTIONS=--help)
	@$(if $(filter --help,$(OPTIONS)),,$(ASK_FIRST)) $(MAKE) --silent --no-print-directory install-tools && \
		$(BIN)/python -m tools.init $(if $(SOURCE),"$(SOURCE)") $(if $(COPILOT),--copilot "$(COPILOT)") \
		$(if $(COPILOT_ENV),--copilot-env "$(COPILOT_ENV)") $${ACCOUNT:+--account "$$ACCOUNT"} \
		$${REGION:+--region "$$REGION"} $(if $(ENV_FILE),--env-file "$(ENV_FILE)") $(if $(FORCE),--force) $(OPTIONS)
# What no repository says is asked for before the install, which takes minutes.
ASK_FIRST = { \
	test -d "$(SOURCE)" || test -f "$(COPILOT)" || { echo "error: add SOURCE=<folder of the service's repository>, or COPILOT=<manifest.yml>"; exit 2; }; \
	test -t 0 || test -n "$$ACCOUNT" -a -n "$$REGION" || { echo "error: add ACCOUNT= and REGION="; exit 2; }; \
	test -n "$$ACCOUNT" || { printf 'AWS account (12 digits): '; read -r ACCOUNT; }; \
	test -n "$$REGION" || { printf 'AWS region: '; read -r REGION; }; } >&2;

.PHONY: rehearse
rehearse: install-tools ## Run a deploy, deliveries and a destroy on the local AWS (.env or the sample; ENV_FILE=, SOURCE=)
	@$(REHEARSE) $(ONE_SERVICE) $(OF_SOURCE) $(DELIVERED)

.PHONY: playground
playground: install-tools ## Start a local AWS until Ctrl-C, for the README's commands (ENV_FILE=, SOURCE=)
	@$(BIN)/python -m tools.playground $(SETTINGS) $(OF_SOURCE) $(DELIVERED)

.PHONY: call
call: install-tools ## Call a service of the playground by its name, from another container (ROUTE=/)
	@$(BIN)/python -m tools.playground.call $(ONE_SERVICE) $(if $(ROUTE),--route "$(ROUTE)")

.PHONY: cost
cost: install-tools ## Estimate the monthly cost of the settings (ENV_FILE=)
	@$(BIN)/python -m tools.cost $(SETTINGS)

.PHONY: diagram
diagram: install-tools ## Fill the drawings in: docs/*.svg for the sample, .cache/diagram for .env or ENV_FILE= (OUT=folder)
	@$(BIN)/python -m tools.diagram $(SETTINGS) $(if $(OUT),--to "$(OUT)")

##@ With an AWS account, or a playground
.PHONY: deploy-policy
deploy-policy: install-tools ## Write the least rights of a deploy, and prove them (ENV_FILE=, SOURCE=, TO=folder, AGAINST=<commit>)
	@$(BIN)/python -m tools.deploy_policy $(SETTINGS) $(OF_SOURCE) $(if $(TO),--to "$(TO)") \
		$(if $(AGAINST),--against "$(AGAINST)") $(OPTIONS)

.PHONY: doctor
doctor: install-tools ## Check your AWS account before a deploy (GITHUB=1: GitHub too; SOURCE=)
	@$(BIN)/python -m tools.doctor $(SETTINGS) $(if $(GITHUB),--github) $(OF_SOURCE)

.PHONY: first-deploy
first-deploy: install-tools ## Print the steps of a first deploy with your names (ENV_FILE=, SERVICE=)
	@$(BIN)/python -m tools.doctor.first_deploy $(ONE_SERVICE)

.PHONY: first-deploy-report
first-deploy-report: install-tools ## Compare a first deploy with the rehearsal, for an issue (ENV_FILE=, SERVICE=)
	@$(BIN)/python -m tools.doctor.first_deploy_report $(ONE_SERVICE)

.PHONY: status
status: install-tools ## Show tasks, image, deliveries and alarms of a deployed service
	@$(OPERATE) status $(ONE_SERVICE)

.PHONY: logs
logs: install-tools ## Show the log of a deployed service (OF=build or pipeline, SINCE=minutes, FOLLOW=1)
	@$(OPERATE) logs $(ONE_SERVICE) $(if $(OF),--of "$(OF)") $(if $(SINCE),--since "$(SINCE)") $(if $(FOLLOW),--follow)

.PHONY: shell
shell: install-tools ## Open a shell in a task of a deployed service (TASK=, COMMAND=)
	@$(OPERATE) shell $(ONE_SERVICE) $(if $(TASK),--task "$(TASK)") $(if $(COMMAND),--command "$$COMMAND")

.PHONY: deliver
deliver: install-tools ## Start the pipeline of a deployed service (COMMIT=, IMAGE=digest, YES=1)
	@$(OPERATE) deliver $(ONE_SERVICE) $(if $(COMMIT),--commit "$(COMMIT)") $(if $(IMAGE),--image "$(IMAGE)") $(if $(YES),--yes)

.PHONY: rollback
rollback: install-tools ## Return to the delivery before the current one (TO=execution, YES=1)
	@$(OPERATE) rollback $(ONE_SERVICE) $(if $(TO),--to "$(TO)") $(if $(YES),--yes)

##@ Review the blueprint
.PHONY: compliance
compliance: install-tools ## Review every topology with cdk-nag, and print the reason of each finding that stays
	@$(BIN)/python -m tools.compliance

.PHONY: permissions
permissions: install-tools ## Rehearse, and write docs/permissions.md: the grants of each role, and what used them
	@$(REHEARSE) --without-engine --working-tree --permissions docs/permissions.md

.PHONY: bench
bench: install-tools ## Compare the synthesis with an empty CDK app, and with another revision (AGAINST=<commit>)
	@$(BIN)/python -m tools.bench $(if $(AGAINST),--against "$(AGAINST)")

.PHONY: image
image: install-tools ## Build the image of the sample service with docker or podman
	@$(BIN)/python -m tools.image application-code/ecsdemo-backend ecsdemo-backend:local local

.PHONY: rehearse-failures
rehearse-failures: install-tools ## Cause failures on the local AWS, and check that each ends well
	@$(BIN)/python -m tools.rehearsal.failures

.PHONY: callers
callers: install-tools ## Measure what callers see during deliveries, at AWS's pace: ten minutes (needs docker or podman)
	@$(BIN)/python -m tools.rehearsal.callers $(DELIVERED)

.PHONY: install-tools
install-tools: install .venv/.installed-tools

.PHONY: links rehearsal failures
links:
	@$(call part,$(BIN)/python -m md_dead_link_check)
# A slow test rehearses another service with containers, which take most of the time of a rehearsal.
rehearsal:
	@$(call part,$(REHEARSE) --sample --without-engine $(DELIVERED))
failures:
	@$(call part,$(BIN)/python -m tools.rehearsal.failures)

.venv/.installed-tools: tools/requirements.lock cdk-rehearsal/pyproject.toml .venv/.installed
	@echo "Installing what the tools need"
	@$(PIP) -r tools/requirements.lock
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-index --no-deps --no-build-isolation \
		--editable ./cdk-rehearsal
# The package's own script does not work in a path with a space.
	@printf '#!/bin/sh\nexec "$${0%%/*}/python" -m awscli "$$@"\n' > $(BIN)/aws
	@touch $@
