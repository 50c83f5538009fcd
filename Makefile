# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Each makes the .venv it needs; from the second run on, no network.

.PHONY: help venv demo test test-kilted gpu-test gpu-bench lint docs bench evaluation soak fuzz sbom audit tables clean

VENV ?= .venv
# An environment that is there keeps its Python.
PYTHON ?= $(or $(wildcard $(VENV)/bin/python),python3)
# Without: that of the environment as it is, else that of requirements/install.py.
TORCH ?=
ARGS ?=

BIN := $(VENV)/bin
WITH_TORCH := $(if $(TORCH),--torch '$(TORCH)')
INSTALL := $(PYTHON) requirements/install.py $(VENV) $(WITH_TORCH)

help:  ## This list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo 'Variables: PYTHON=$(PYTHON)  TORCH=$(or $(TORCH),...) (any pip requirement; without: as it is, or the default)  VENV=$(VENV)  ARGS=...'

venv:  ## Make .venv: the package, its requirements, the tools; 3 minutes
	@$(INSTALL) --tools

demo:  ## Play a street over ROS topics, fuse it, write out/demo/report.html; under a minute
	@$(INSTALL)
	$(BIN)/python -m ddfnet_ros.demo $(ARGS)

test: venv  ## Run the tests, under 10 minutes on 2 cores; ARGS='-k bracket' chooses
	$(BIN)/python -m pytest $(ARGS)

test-kilted:  ## Run the tests of the node on wheels of ROS 2 Kilted, in .venv-kilted; minutes
	@# -S: as the Python of .venv is, it would hand the path of its own ROS libraries on.
	@$(PYTHON) -S requirements/install.py $(VENV)-kilted $(WITH_TORCH) --wheels kilted --tools
	$(VENV)-kilted/bin/python -m pytest test/node test/reliability/test_faults.py $(ARGS)

gpu-test: venv  ## Run the tests that need a GPU; without one they are skipped; minutes
	@$(BIN)/python -c "import torch; torch.cuda.is_available() or print('no GPU here: what needs one is skipped')"
	$(BIN)/python -m pytest test/runtime/test_gpu.py -rs $(ARGS)

gpu-bench: venv  ## Speed on a GPU beside its arithmetic; writes benchmark/records/gpu*.json; under 10 minutes
	$(BIN)/python -m benchmark.gpu $(ARGS)
	$(BIN)/python -m benchmark.stream --device cuda --busy

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
	$(BIN)/python -m benchmark.stream --size 720p --rate 30
	$(BIN)/python -m benchmark.cameras

evaluation: venv  ## Measure models and peers: PANORAMAS=DIR CUTOUTS=DIR; minutes to an hour
	$(BIN)/python -m benchmark.evaluation --panoramas '$(PANORAMAS)' --cutouts '$(CUTOUTS)' $(ARGS)

soak: venv  ## Load and faults in full, an hour and a half; ARGS='load --minutes 5' chooses
	$(BIN)/python -m benchmark.soak $(ARGS)

fuzz: venv  ## Broken input for every door, CASES=1000000 each, or ARGS='--seconds 600'
	$(BIN)/python -m benchmark.fuzz --cases $(or $(CASES),1000000) $(ARGS)

sbom: venv  ## Write out/sbom.json: everything installed, and the weights, as CycloneDX
	$(BIN)/python requirements/sbom.py out/sbom.json

audit:  ## Known vulnerabilities of the pins, by pip-audit; needs PyPI itself
	@test -x $(VENV)-audit/bin/pip-audit || ($(PYTHON) -m venv $(VENV)-audit \
	  && $(VENV)-audit/bin/python -m pip install -q pip-audit)
	$(VENV)-audit/bin/pip-audit --strict --no-deps --disable-pip \
	  -r requirements/pins.txt -r requirements/pins-jazzy.txt

tables: venv  ## Write the README's tables, and those of results and reliability, again
	$(BIN)/python doc/tables.py
	$(BIN)/python doc/measured.py

clean:  ## Remove .venv, out/, build folders and caches
	rm -rf $(VENV) $(VENV)-kilted $(VENV)-audit out build install log .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf ddfnet_ros.egg-info
