# The verbs of this project; each is a short script in scripts/.
.DEFAULT_GOAL := help
.PHONY: help setup run test lint fuzz bench docs lock
export PYTHON VENV

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing: Debian packages, .venv with locked dependencies, the glimpse command
	@scripts/setup

run: setup ## start the service and import an example: IMAGE=file-or-URL, PORT=9292, DATA=directory, EXIT=1 ends after it
	@PORT='$(PORT)' DATA='$(DATA)' EXIT='$(EXIT)' IMAGE='$(IMAGE)' scripts/run

test: ## lint, then the whole test suite: ARGS='tests/unit/cli -k supervisor' narrows it
	@scripts/setup dev
	@scripts/lint
	@scripts/test $(ARGS)

lint: ## ruff, mypy strict on src and tests, the floors of the house
	@scripts/setup dev
	@scripts/lint

fuzz: ## for minutes what tests do for seconds: wrong inputs for parsers and the API; EXAMPLES, SECONDS_EACH, ARGS
	@scripts/setup dev
	@EXAMPLES='$(EXAMPLES)' SECONDS_EACH='$(SECONDS_EACH)' scripts/fuzz $(ARGS)

bench: ## measure speed and memory against the floor of this machine
	@scripts/setup dev
	@scripts/bench $(ARGS)

docs: ## build the documentation into site/
	@scripts/setup dev
	@scripts/docs

lock: ## resolve the dependencies anew into requirements/
	@scripts/lock
