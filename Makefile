# Every target does its own set-up and may be repeated; `make` alone lists them.
PYTHON ?= python3
RUN := .venv/bin
# More arguments for pytest or the bench: make test ARGS="tests/unit -x", make bench ARGS="--only verify"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-reset test check laws meetings bench bench-quick clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | column -t -s '|'

setup: ## system packages, .venv from requirements.lock, MySQL and MongoDB, the pages
	@$(PYTHON) -m deploy.local setup

demo: ## servers, data, web application and both workers; stays in front, Ctrl-C stops all
	@$(PYTHON) -m deploy.local demo

demo-reset: ## forget the demo's data and passwords
	@$(PYTHON) -m deploy.local reset

test: setup ## all tests but the long searches, on real servers
	@$(RUN)/python -m pytest $(ARGS)

laws: setup ## the long searches for counter-examples
	@$(RUN)/python -m pytest tests/laws --hypothesis-profile=long --timeout=3600 $(ARGS)

meetings: setup ## the long forms: 20,000 edits that meet, 10,000 pairs, 10,000 conflicts of all kinds, 100,000 edits, 100 clean verify runs
	@LOCKSTEP_MEETINGS=20000 LOCKSTEP_PAIRS=10000 LOCKSTEP_CONFLICTS=10000 LOCKSTEP_EDITS=100000 LOCKSTEP_VERIFY_RUNS=100 \
		$(RUN)/python -m pytest --timeout=3600 $(ARGS) tests/integration/test_engine_meetings.py \
		tests/integration/test_engine_accounting.py tests/integration/conflicts/test_report.py \
		tests/integration/test_engine_silence.py tests/integration/test_verify_corruptions.py

bench: setup ## every figure against its limit, on both MySQL families (about 55 minutes); draws docs/bench/
	@$(RUN)/python -m tests.bench $(ARGS); measured=$$?; if [ $$measured -le 1 ]; then $(RUN)/python -m tests.bench --draw; fi; exit $$measured

bench-quick: setup ## the same in small on MySQL: does the bench work? (under 3 minutes)
	@$(RUN)/python -m tests.bench --quick --server mysql $(ARGS)

check: setup ## style, types, directions of imports, Django's own checks, the API's schema, the pages
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/python backend/manage.py check
	$(RUN)/python backend/manage.py makemigrations --check --dry-run
	$(RUN)/python backend/manage.py spectacular --validate --fail-on-warn --file /dev/null
	$(RUN)/python -m deploy.local node -- npm run --silent lint
	$(RUN)/python -m deploy.local node -- npm run --silent types
	$(RUN)/python -m deploy.local node -- npm run --silent test

clean: demo-reset ## forget the environment and all caches of this folder too (not the unpacked MySQL)
	@rm -rf .venv .lockstep .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	@rm -rf frontend/node_modules frontend/dist frontend/generated frontend/src/shared/api/generated frontend/test-results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
