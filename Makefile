# elinvar: the commands of this repository; `make help` lists them.
#
# They need Python 3.11 or newer with pip, a C compiler for packages without a wheel, and nothing
# else: each sets up .venv itself. Another interpreter: make test PYTHON=/path/to/python3.12

PYTHON ?=
JOBS ?= auto
VERSIONS ?= 3.11 3.12 3.13
TESTS ?=
# extras that are tried with their lowest versions, too; torch would bring gigabytes
LOWEST := dask,polars,skops,sql,tables,test
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev
BENCH := $(VENV)/.installed-bench

# Tests run in several processes: one thread in each, or they fight for the cores.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo reproduce test test-bare test-lowest test-versions check docs format bench targets leaderboard \
	pictures wheel clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## See it work on two real tables and a simulated one; pages go to demo/
	@$(BIN)/elinvar demo --out demo/

reproduce: $(RUNTIME) ## Reproduce the claims of the paper; tables, pictures and a page go to reproduce/
	@$(BIN)/elinvar reproduce --out reproduce/

test: $(DEV) ## Run the tests
	@$(call pytest,$(VENV)) --all-extras

# Run the tests of an environment: $(call pytest,.venv)
pytest = MPLBACKEND=Agg $(ONE_THREAD) $(1)/bin/python -m pytest -n $(JOBS) --maxprocesses 4

test-bare: ## Run the tests without any extra: those that need one say so
	@.ci/venv $(VENV)-bare "$(PYTHON)"
	@$(VENV)-bare/bin/python -m pip install -qq --disable-pip-version-check --editable '.[test]'
	@$(call pytest,$(VENV)-bare)

test-lowest: ## Run the tests with the lowest versions of packages that are allowed
	@.ci/venv $(VENV)-lowest "$(PYTHON)"
	@$(VENV)-lowest/bin/python .ci/lowest >$(VENV)-lowest/constraints.txt
	@$(VENV)-lowest/bin/python -m pip install -qq --disable-pip-version-check \
		--constraint $(VENV)-lowest/constraints.txt --editable '.[$(LOWEST)]'
	@# what their own packages have renamed since is no matter
	@$(call pytest,$(VENV)-lowest) -W ignore::DeprecationWarning -W ignore::FutureWarning

test-versions: $(DEV) ## Try the wheel in empty environments of VERSIONS of Python; TESTS=all runs all tests
	@TESTS=$(TESTS) .ci/wheel $(BIN)/python $(VERSIONS)

test-sources: $(DEV) ## Run the tests with a real Postgres, Spark and Dask cluster
	@.ci/sources $(BIN)/python

check: $(DEV) ## Lint, formatting, types, import contracts, docstring examples
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@$(call pytest,$(VENV)) --doctest-modules -q src/elinvar

docs: $(DEV) ## Build the site, examples run and links checked, into docs/_build/html
	@start=$$(date +%s); \
	MPLBACKEND=Agg $(ONE_THREAD) $(BIN)/python -m sphinx -W --keep-going -q -j $(JOBS) docs docs/_build/html && \
	$(BIN)/python docs/check_links.py docs/_build/html && \
	echo "docs/_build/html/index.html, in $$(($$(date +%s) - start)) s"

format: $(DEV) ## Format the code, and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BENCH) ## Print the tables of accuracy and speed (long)
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/limits.py
	$(BIN)/python benchmarks/real_tables.py
	$(BIN)/python benchmarks/evidence.py
	$(BIN)/python benchmarks/robust.py
	$(BIN)/python benchmarks/peers.py
	$(BIN)/python benchmarks/graphs.py
	$(BIN)/python benchmarks/forecast.py
	$(BIN)/python benchmarks/forecast_classes.py
	$(BIN)/python benchmarks/gate.py
	$(BIN)/python benchmarks/adapt.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/moments.py
	$(BIN)/python benchmarks/sources.py --only duckdb,digits,dask
	$(BIN)/python benchmarks/sensing.py
	$(BIN)/python benchmarks/sweeps.py
	$(BIN)/python benchmarks/fuzz.py
	$(BIN)/python benchmarks/kills.py
	$(BIN)/python benchmarks/neural.py
	$(BIN)/python benchmarks/neural_sampler.py
	$(BIN)/python benchmarks/images.py

targets: $(BENCH) ## Print what elinvar is held to, on real tables and known answers (half an hour)
	@$(ONE_THREAD) $(BIN)/python benchmarks/targets.py

leaderboard: $(BENCH) ## Run every method on every problem, and write docs/leaderboard.md (half an hour)
	$(ONE_THREAD) $(BIN)/elinvar bench --out leaderboard --resume
	cp leaderboard/leaderboard.md docs/leaderboard.md
	cp leaderboard/images/*.png docs/images/

pictures: $(RUNTIME) ## Draw the pictures of the README again
	$(BIN)/python docs/images/make.py

wheel: $(DEV) ## Build the wheel and try it in an empty environment
	@.ci/wheel $(BIN)/python

clean: ## Remove the environment and everything that was built
	rm -rf $(VENV) $(VENV)-bare $(VENV)-lowest build dist demo reproduce leaderboard docs/_build docs/gallery docs/api/generated docs/api/backreferences .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# A stamp appears only when its step has finished, so an interrupted set-up starts that step again.
$(RUNTIME): pyproject.toml .ci/venv
	@.ci/venv $(VENV) "$(PYTHON)"
	@echo "Installing elinvar in $(VENV) (a minute or two) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable .
	@touch $@

$(DEV): pyproject.toml .ci/venv
	@.ci/venv $(VENV) "$(PYTHON)"
	@echo "Installing elinvar and its development tools in $(VENV) (a minute or two) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check torch==2.13.0
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(RUNTIME)

$(BENCH): $(RUNTIME)
	@echo "Installing what the benchmarks compare with in $(VENV) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[bench]'
	@touch $@
