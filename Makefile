# Two commands matter: `make demo` and `make test`. Each sets up .venv by itself when it is missing.
#
#   PYTHON=python3.12 make test     another Python (3.11, 3.12 and 3.13 are supported)
#   KEEP=1 make demo                leave Airflow and the sandbox systems up until Ctrl-C
#   TESTS=tests/house make test     a part of the tests
#   make rig SEEDS=200 SEED_BASE=n  the crash rig with seeds of your own

PYTHON  ?= $(shell sh scripts/find-python.sh)
BIN     := .venv/bin
STAMP   := .venv/.made
TESTS   ?=
SEEDS   ?= 1000
SEED_BASE ?= 0
WORKERS ?= auto
# ruff asks the same three questions (S303, S324, S608) and wants a reason on the very line
SKIP    := B303,B324,B608

.PHONY: demo test test-all rig lint bench bench-webhooks docs setup clean help
.DEFAULT_GOAL := help

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

demo: $(STAMP)  ## run the main job through Airflow, on sandbox systems, and show the books
	@KEEP=$(KEEP) $(BIN)/crossdock demo

test: $(STAMP)  ## the tests that every change must pass
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow and not long" $(TESTS)

test-all: $(STAMP)  ## what `make test` leaves out: a real scheduler, a whole demo, speed
	$(BIN)/python -m pytest -m "slow and not long" $(or $(TESTS),--ignore tests/rig)
	$(if $(TESTS),,$(BIN)/python -m pytest -n 2 --dist load -m "slow and not long" tests/rig)

rig: $(STAMP)  ## the crash rig whole: every boundary of four flows, SEEDS seeds, planted bugs, faults
	$(BIN)/python -m pytest tests/rig tests/faults -n 2 --dist load --durations 15 -m "long or not long" \
		-k "not both_sides and not fifty" --seeds $(SEEDS) --seed-base $(SEED_BASE) $(RIG)

lint: $(STAMP)  ## style, types, security
	$(BIN)/ruff check .
	$(BIN)/mypy --strict crossdock connectors
	$(BIN)/bandit --quiet --recursive --severity-level medium --skip $(SKIP) crossdock connectors dags

bench: $(STAMP)  ## lines per second, beside dlt and COPY on the same PostgreSQL
	@sh scripts/set-up.sh bench
	@$(BIN)/crossdock bench $(BENCH)

bench-webhooks: $(STAMP)  ## a thousand webhooks at once: are all stored, how long for the yes
	@$(BIN)/python -m crossdock.webhooks.bench

bench-edi: $(STAMP)  ## reading EDI, in MB/s beside other readers, and in how much memory
	@sh scripts/set-up.sh bench
	@$(BIN)/python -m crossdock.edi.bench $(BENCH)

docs: $(STAMP)  ## write the generated pages of docs/ again
	$(BIN)/python -m crossdock.model docs
	$(BIN)/python -m crossdock.suite_pages
	$(BIN)/python -m crossdock.pages
	$(BIN)/python -m tests.faults.page

setup: $(STAMP)  ## make .venv and nothing else

clean:  ## remove .venv and everything that a run left behind (never config, mappings, ...)
	rm -rf .venv .venv-bench .crossdock .mypy_cache .ruff_cache .hypothesis

$(STAMP): requirements.lock pyproject.toml scripts/set-up.sh
	@PYTHON="$(PYTHON)" sh scripts/set-up.sh
