# The commands of this project; `make` alone lists them. PYTHON names another interpreter (3.11 or newer).

PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run demo test lint bench clean

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 14

run: $(BIN)/.installed ## start everything: database, migrations, first user and key, web server (PORT, ACTIONLOG_HOME)
	@exec $(BIN)/python manage.py serve --end-with-parent

demo: $(BIN)/.installed ## an engine repairs a small laboratory, on record at the running server (ARGS="--rate 12 --seed 7")
	@exec $(BIN)/python -m demonstration $(ARGS)

test: $(BIN)/.installed-dev ## run the whole suite on a PostgreSQL of its own (make test ARGS="-k name")
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

lint: $(BIN)/.installed-dev ## check style, types, the direction of imports and missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

bench: $(BIN)/.installed-dev ## measure ingestion on a fresh database (make bench ARGS="--json")
	@$(BIN)/python -m benchmarks.ingest $(ARGS)

clean: ## remove the virtual environment and all caches; var/, with the data, stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps tell when the requirements were installed: a change to them installs anew.
$(BIN)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Actionlog needs Python 3.11 or newer: PYTHON=...")'
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@echo "Installing what the server needs into .venv ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(BIN)/.installed-dev: requirements-dev.txt $(BIN)/.installed
	@echo "Installing what development needs into .venv ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
