# `make quickstart` and `make test` create the environment and install by themselves.

PYTHON ?= python3
VENV ?= .venv
SEED ?= 0
RUN_DIR ?= runs/quickstart$(if $(filter-out 0,$(SEED)),_seed$(SEED))
BIN := $(VENV)/bin
# setuptools warns at length about every editable install
INSTALL := PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable

.PHONY: quickstart test test-all clean-environment

# Builds a data set, trains, evaluates, exports, and draws what was found.
quickstart: $(VENV)/installed
	$(BIN)/python -m tfobj.quickstart --seed=$(SEED) --run_dir=$(RUN_DIR)

# Every test but those that take over a minute.
test: $(VENV)/installed-test
	$(BIN)/python -m tests

# Every test: half an hour.
test-all: $(VENV)/installed-test
	TFOBJ_SLOW_TESTS=1 $(BIN)/python -m unittest

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(INSTALL) .
	touch $@

$(VENV)/installed-test: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(INSTALL) '.[test]'
	touch $@ $(VENV)/installed

clean-environment:
	rm -rf $(VENV)
