.DEFAULT_GOAL := help
UV = $(shell command -v uv || echo .uv/bin/uv)
PYTEST_ARGS ?=
JOBS ?= 3

.PHONY: setup
setup: environment ## make .venv from the locked requirements, and get a runtime for boxes
	@.venv/bin/vibn setup

.PHONY: environment
environment: ## make .venv from the locked requirements, and nothing else
	@sh scripts/setup

.PHONY: demo
demo: environment ## show the main job with a real box (KEEP=1 leaves the box)
	@.venv/bin/vibn demo $(if $(KEEP),--keep)

.PHONY: test
test: environment ## run every test that this machine can run; skipped ones say why
	@.venv/bin/vibn setup || echo "without a runtime: the tests that need one are skipped"
	.venv/bin/pytest -n $(JOBS) --dist worksteal -m "not exclusive" $(PYTEST_ARGS)
ifdef VIBN_TEST_RESTART_ENGINE
	VIBN_TEST_REQUIRE=$(if $(VIBN_TEST_REQUIRE),docker) .venv/bin/pytest -m exclusive $(PYTEST_ARGS)
endif

.PHONY: lint
lint: environment ## ruff, mypy and the import linter
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

.PHONY: bench
bench: setup ## measure, print the table against the budgets, write bench/results.json
	@.venv/bin/vibn bench --output bench/results.json

.PHONY: image
image: environment ## build the vibn-dev image for the docker runtime
	@.venv/bin/vibn image build

.PHONY: doctor
doctor: environment ## check this machine; each finding comes with its FIX line
	@.venv/bin/vibn doctor

.PHONY: lock
lock: ## lock the dependencies again, with hashes and without addresses
	$(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements/run.txt $(LOCKFLAGS)
	$(UV) pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements/dev.txt $(LOCKFLAGS)
	$(UV) pip compile requirements/uv.in --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements/uv.txt $(LOCKFLAGS)

.PHONY: clean
clean: ## remove what setup made
	rm -rf .venv .uv .pytest_cache .ruff_cache .mypy_cache .hypothesis

.PHONY: help
help: ## this list
	@grep -hE '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 14
