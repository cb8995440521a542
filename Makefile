# `make help` lists the targets. Everything is in .venv/ and var/; `make clean` removes both.

PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
export TETRAFLIX_VAR ?= $(CURDIR)/var

# Sizes of the demo: movies, users with lists, live sessions a second.
MOVIES ?= 300000
USERS ?= 100000
RATE ?= 20
# SISTER_LISTS=1: the simulated Recommendations service sends lists, too, which our own do not replace.
SISTER_LISTS ?=
# Sizes of a run with faults; SEED= repeats one.
MESSAGES ?= 1000000
FAULTS ?= 1000
ifdef PORT
export PORT
endif
# Processes that run tests: more than the two cores of CI, because tests also wait for servers and browsers.
TESTERS ?= 3
# More arguments for pytest, the benchmarks or the faults: make test ARGS="-k redelivered".
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo run test bench faults clean lint format lock schema
.ONESHELL:
.SHELLFLAGS := -ec

help:  ## lists the targets
	@grep -hE '^[a-z]+:.*  ## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):.*  ## (.*)/make \1\t\2/' | expand -t 14
	echo "Variables: PORT (8000), for the demo MOVIES ($(MOVIES)), USERS ($(USERS)), RATE ($(RATE) sessions a second), SISTER_LISTS=1; for the faults SEED, MESSAGES ($(MESSAGES)), FAULTS ($(FAULTS)); PYTHON."

demo: $(VENV)/.run  ## runs everything with movies, users and live traffic until Ctrl-C
	@exec $(BIN)/python manage.py demo --follow-parent --movies $(MOVIES) --users $(USERS) --rate $(RATE) $(if $(SISTER_LISTS),--sister-lists)

run: $(VENV)/.run  ## runs everything, without generated data, until Ctrl-C
	@exec $(BIN)/python manage.py run --follow-parent

test: $(VENV)/.dev lint  ## runs linters, type checks and the whole test suite
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.dev  ## checks style, types, layers and migrations
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python manage.py check
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

bench: $(VENV)/.dev  ## runs all benchmarks: prints a table of ratios, and writes var/bench.json
	@exec $(BIN)/python -m benchmarks $(ARGS)

faults: $(VENV)/.dev  ## sends MESSAGES among FAULTS drawn from SEED, and compares with a model (an hour or two)
	@exec $(BIN)/python -m benchmarks.faults --messages $(MESSAGES) --faults $(FAULTS) $(if $(SEED),--seed $(SEED)) $(ARGS)

format: $(VENV)/.dev  ## formats the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: $(VENV)/.dev  ## updates requirements*.txt from requirements*.in, with hashes
	$(BIN)/pip install --quiet uv
	compile="$(BIN)/uv pip compile --quiet --generate-hashes --no-strip-extras --python-version 3.11"
	$$compile requirements.in -o requirements.txt
	$$compile requirements-dev.in -c requirements.txt -o requirements-dev.txt

schema: $(VENV)/.dev  ## updates docs/openapi.yaml from the code
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

clean:  ## stops the running stack, then removes .venv/ and var/
	@if [ -e "$(TETRAFLIX_VAR)/run/stack.json" ] && [ -x $(BIN)/python ]; then $(BIN)/python manage.py stop; fi
	if [ -L "$(TETRAFLIX_VAR)/elsewhere" ]; then rm -rf "$$(readlink "$(TETRAFLIX_VAR)/elsewhere")"; fi
	rm -rf $(VENV) "$(TETRAFLIX_VAR)"

# Stamp files: packages are installed again only when the requirements change.
$(VENV)/.run: requirements.txt | $(BIN)/python
	@echo "Installing requirements.txt into $(VENV)/"
	$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes -r requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt | $(BIN)/python
	@echo "Installing requirements-dev.txt into $(VENV)/"
	$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

$(BIN)/python:
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
	  echo "Python 3.11 or newer is needed; found: $$($(or $(PYTHON),python3) --version 2>&1). Try: make PYTHON=/path/to/python3.11" >&2
	  exit 1
	fi
	echo "Creating $(VENV)/ with $$($(PYTHON) --version)"
	$(PYTHON) -m venv $(VENV)
