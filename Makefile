# Everything a fresh machine needs is Python 3.11 or newer, git and make.
#
#   make demo    set up, then grade a small sample class from end to end
#   make test    set up, then lint and run all tests
#   make setup   only set up (.venv); repeated only when something has changed
#   make lock    refresh requirements.lock from pyproject.toml
#   make clean   remove what the above made

BIN := .venv/bin
STAMP := .venv/.ready

# Foreign packages on the path would come before the locked ones.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint lock clean

help:
	@sed -n 's/^#   //p' Makefile

# The stamp holds the folder that was set up. When the folder has been moved, or the Python under
# .venv has gone, it no longer counts.
READY_FOR := $(shell test -x $(BIN)/python && cat $(STAMP) 2>/dev/null)
ifneq ($(READY_FOR),$(CURDIR))
.PHONY: $(STAMP)
endif

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh

demo: setup
	$(BIN)/course demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

test: lint
	$(BIN)/python -m pytest -n auto --dist loadfile

lock: setup
	@sh scripts/lock.sh

clean:
	rm -rf .venv .tools
