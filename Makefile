# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Each makes the .venv it needs; from the second run on, no network.

.PHONY: help venv demo test test-kilted lint docs bench evaluation soak fuzz sbom tables clean

VENV ?= .venv
# An environment that is there keeps its Python.
PYTHON ?= $(or $(wildcard $(VENV)/bin/python),python3)
TORCH ?= torch==2.13.0
ARGS ?=

BIN := $(VENV)/bin
INSTALL := $(PYTHON) requirements/install.py $(VENV) --torch '$(TORCH)'

help:  ## This list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo 'Variables: PYTHON=$(PYTHON)  TORCH=$(TORCH) (any pip requirement)  VENV=$(VENV)  ARGS=...'

venv:  ## Make .venv: the package, its requirements, the tools; 3 minutes
	@$(INSTALL) --tools

demo:  ## Play a street over ROS topics, fuse it, write out/demo/report.html; under a minute
	@$(INSTALL)
	$(BIN)/python -m ddfnet_ros.demo $(ARGS)

test: venv  ## Run the tests, under 10 minutes on 2 cores; ARGS='-k bracket' chooses
	$(BIN)/python -m pytest $(ARGS)

test-kilted:  ## Run the tests of the node on wheels of ROS 2 Kilted, in .venv-kilted; minutes
	@# -S: as the Python of .venv is, it would hand the path of its own ROS libraries on.
	@$(PYTHON) -S requirements/install.py $(VENV)-kilted --torch '$(TORCH)' --wheels kilted --tools
	$(VENV)-kilted/bin/python -m pytest test/node test/reliability/test_faults.py $(ARGS)

lint: venv  ## ruff, mypy --strict, import-linter, codespell; a minute
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell

docs: venv  ## Write out/docs/index.html; a minute; Python 3.11 or newer
	$(BIN)/python -m sphinx -W --keep-going -q -b html -d out/doctrees doc out/docs

bench: venv  ## Speed, brackets over lossy roads, overhead of the node; writes benchmark/records; minutes
	$(BIN)/python -m benchmark.speed
	$(BIN)/python -m benchmark.assembly
	$(BIN)/python -m benchmark.node
	$(BIN)/python -m benchmark.cameras

evaluation: venv  ## Measure models and peers: PANORAMAS=DIR CUTOUTS=DIR; minutes to an hour
	$(BIN)/python -m benchmark.evaluation --panoramas '$(PANORAMAS)' --cutouts '$(CUTOUTS)' $(ARGS)

soak: venv  ## Load the node for MINUTES=60; writes benchmark/records/soak.json
	$(BIN)/python -m benchmark.soak --minutes $(or $(MINUTES),60) $(ARGS)

fuzz: venv  ## Broken input for every door, CASES=1000000 each, or ARGS='--seconds 600'
	$(BIN)/python -m benchmark.fuzz --cases $(or $(CASES),1000000) $(ARGS)

sbom: venv  ## Write out/sbom.json: everything installed, and the weights, as CycloneDX
	$(BIN)/python requirements/sbom.py out/sbom.json

tables: venv  ## Write the README's tables and those of doc/results.md again
	$(BIN)/python doc/tables.py
	$(BIN)/python doc/measured.py

clean:  ## Remove .venv, out/, build folders and caches
	rm -rf $(VENV) $(VENV)-kilted out build install log .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf ddfnet_ros.egg-info
