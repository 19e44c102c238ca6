# The front door. `make help` lists what it opens.
# Stamp files inside .venv remember what is installed, so that a second call starts at once.

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(name) -c \
	'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)) python3)
BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
BENCHMARK := .venv-benchmarks/bin/python benchmarks
WORKERS ?= auto

.PHONY: help translate test check format clean benchmark benchmark-limits benchmark-training benchmark-joeynmt \
	benchmark-decoding benchmark-memory benchmark-tape benchmark-images benchmark-words benchmark-language-model \
	benchmark-sentiment benchmark-quality benchmark-start benchmark-growth benchmark-gpu
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 32

translate: .venv/runtime.stamp ## train a Chinese→English translator in ten minutes, score it, translate ten sentences
	@recipes/translate.sh

test: .venv/dev.stamp ## run every test
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 $(ARGUMENTS)

check: .venv/dev.stamp ## lint, formatting, types, the floors' imports, the Chinese catalogue
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/catalogue.py --check

benchmark: .venv-benchmarks/stamp .venv-joeynmt/stamp ## every benchmark in one go; writes docs/benchmarks.md and .json
	@$(BENCHMARK)/run.py $(ARGUMENTS)

benchmark-limits: .venv-benchmarks/stamp ## what the machine can do at most: matrix products, copying
	@$(BENCHMARK)/machine_limits.py $(ARGUMENTS)

benchmark-training: .venv-benchmarks/stamp ## training speed against MarianMTModel and torch.nn.Transformer
	@$(BENCHMARK)/training_against_peers.py $(ARGUMENTS)

benchmark-joeynmt: .venv-benchmarks/stamp .venv-joeynmt/stamp ## training speed against Joey NMT
	@$(BENCHMARK)/training_against_joeynmt.py $(ARGUMENTS)

benchmark-decoding: .venv-benchmarks/stamp ## decoding speed against generate and CTranslate2
	@$(BENCHMARK)/decoding_against_peers.py $(ARGUMENTS)

benchmark-memory: .venv-benchmarks/stamp ## memory of a training on five million pairs
	@$(BENCHMARK)/memory_of_five_million_pairs.py $(ARGUMENTS)

benchmark-tape: .venv-benchmarks/stamp ## the tape's backward pass against autograd's
	@$(BENCHMARK)/tape_against_autograd.py $(ARGUMENTS)

benchmark-images: .venv-benchmarks/stamp ## training speed of the picture classifier against plain PyTorch
	@$(BENCHMARK)/image_classification_against_torch.py $(ARGUMENTS)

benchmark-words: .venv-benchmarks/stamp ## word vectors against gensim: speed, quality, memory
	@$(BENCHMARK)/word_vectors_against_gensim.py $(ARGUMENTS)

benchmark-language-model: .venv-benchmarks/stamp ## training speed and loss of the recurrent language model against plain PyTorch
	@$(BENCHMARK)/language_model_against_torch.py $(ARGUMENTS)

benchmark-sentiment: .venv-benchmarks/stamp ## the text classifier beside naive Bayes and logistic regression
	@$(BENCHMARK)/sentiment_against_linear_models.py $(ARGUMENTS)

benchmark-quality: .venv-benchmarks/stamp ## BLEU of the default translator after five and ten minutes
	@$(BENCHMARK)/translation_quality.py $(ARGUMENTS)

benchmark-start: .venv-benchmarks/stamp ## how long a command takes before its work begins
	@$(BENCHMARK)/start_times.py $(ARGUMENTS)

benchmark-growth: .venv-benchmarks/stamp ## how time and memory grow with the work
	@$(BENCHMARK)/cost_as_work_grows.py $(ARGUMENTS)

benchmark-gpu: .venv-benchmarks/stamp ## training speed on a GPU against MarianMTModel
	@$(BENCHMARK)/training_on_a_gpu.py $(ARGUMENTS)

format: .venv/dev.stamp ## put imports and layout in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove the virtual environment and caches; runs and fetched data stay
	rm -rf .venv .venv-benchmarks .venv-joeynmt build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Congling needs Python 3.11 or newer; found: $$($(PYTHON) --version 2>&1). Try: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) comes without its venv module; on Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@echo "making .venv with $$($(PYTHON) --version)" >&2
	@$(PYTHON) -m venv .venv

.venv/runtime.stamp: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing what congling needs into .venv (a few minutes, once)" >&2
	@$(PIP_INSTALL) --editable .
	@touch $@

.venv/dev.stamp: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing what congling and its tests need into .venv (a few minutes, once)" >&2
	@$(PIP_INSTALL) --editable '.[dev]'
	@touch .venv/runtime.stamp $@

# Peers have an environment of their own, so that what they need never meets what congling needs.
.venv-benchmarks/stamp: .venv/bin/python pyproject.toml constraints.txt benchmarks/requirements.txt
	@echo "installing the peers of the benchmarks into .venv-benchmarks (a few minutes, once)" >&2
	@$(PYTHON) -m venv .venv-benchmarks
	@.venv-benchmarks/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--requirement benchmarks/requirements.txt --editable .
	@touch $@

# Joey NMT needs a protobuf of its own time.
.venv-joeynmt/stamp: .venv/bin/python benchmarks/requirements-joeynmt.txt
	@echo "installing Joey NMT into .venv-joeynmt (a few minutes, once)" >&2
	@$(PYTHON) -m venv .venv-joeynmt
	@.venv-joeynmt/bin/python -m pip install --quiet --disable-pip-version-check \
		--requirement benchmarks/requirements-joeynmt.txt
	@touch $@
