# Two commands do everything on a fresh machine: `make repro` and `make test`.

PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# One environment for every run: results do not depend on hash order, and DVC sends nothing out.
export PYTHONHASHSEED := 0
export DVC_NO_ANALYTICS := 1
# A waiting OpenMP thread frees its core soon: avoids spin-waiting on shared cores.
export GOMP_SPINCOUNT := 10000

# On every core, in the order of tests/conftest.py; tests of one file share what they have prepared.
TESTS := python -m pytest -n auto --dist loadgroup --no-loadscope-reorder

# The pipelines beside the root's; each is a folder with its own dvc.yaml and params.yaml.
SIBLINGS := $(patsubst %/dvc.yaml,%,$(wildcard pipelines/*/dvc.yaml))

.PHONY: help env repository repro verify repro-all $(SIBLINGS) test test-slow test-all test-nightly faults coverage lint check-lock smoke docs clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

env: $(BIN)/.ready  ## the environment in .venv, as constraints.txt pins it

$(BIN)/.ready: pyproject.toml constraints.txt scripts/offline_plots.py
	@$(PYTHON) scripts/check_python.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python scripts/offline_plots.py
	@touch $@

repository:
	@$(PYTHON) scripts/check_repository.py

repro: repository env  ## the whole default pipeline, on simulated children
	pedecg params --check
	dvc repro
	@pedecg results

verify: repro  ## the whole default pipeline, then compare it with the committed run
	pedecg verify

repro-all: repro $(SIBLINGS)  ## every pipeline: the root's, then each of pipelines/

$(SIBLINGS): repository env
	cd $@ && pedecg params --check && dvc repro

test: env  ## the fast tests, on all cores
	$(TESTS)

test-slow: env  ## the tests that run whole pipelines and long trainings
	$(TESTS) -m 'slow and not nightly'

test-all: env  ## every test that CI runs: the slow ones too
	$(TESTS) -m 'not nightly'

test-nightly: env  ## the longest cases, which a nightly run adds
	$(TESTS) -m nightly

# Training that is killed, hostile servers and damaged WFDB have tests of their own beside their code.
faults: env  ## every fault of tests/faults, in full: kills, damaged files, full disks; prints counts
	FAULTS=full python -m pytest -m 'slow or not slow' tests/faults tests/learning/test_resume.py \
		tests/downloads tests/cohorts/test_damaged_files.py

coverage: env  ## the fast tests, and which lines they run: coverage/
	$(TESTS) --cov --cov-report=term --cov-report=html:coverage/html --cov-report=markdown:coverage/summary.md

smoke: env  ## every pipeline made small, in scratch folders
	python -m pytest -m slow tests/pipeline/test_smoke.py

lint: env  ## ruff, mypy and the layers of src/pedecg
	ruff check .
	ruff format --check .
	lint-imports
	mypy

docs: env  ## the documentation as a site in site/; a broken link or reference fails
	NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict
	@echo 'site/index.html; with search: python -m http.server --directory site'

check-lock: env  ## every dvc.lock is current: code, parameters and declared inputs as locked
	python scripts/check_lock.py

clean:  ## remove what the pipeline made, not the cache
	for folder in . $(SIBLINGS); do (cd $$folder && rm -rf data models predictions calibration report state); done
