.DEFAULT_GOAL := help
PY := .venv/bin/python
UV := $(shell command -v uv || echo .venv/bin/uv)

.PHONY: lock
lock: ## lock the dependencies again, with hashes and without addresses
	$(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements/run.txt $(LOCKFLAGS)
	$(UV) pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements/dev.txt $(LOCKFLAGS)
