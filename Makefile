# Everything sets itself up: `make demo` and `make test` need only Python 3.11+ and make.
PYTHON ?= python3
UV_VERSION := 0.13.8
BIN := .venv/bin
SYNC := UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --frozen --extra sandbox --compile-bytecode --quiet
# Without bytecode on the disk each of the processes that tests start would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup test test-long check bench soak fuzz demo run format clean

# Rebuilt when the lock file or the project file changes.
.venv/.ready: pyproject.toml uv.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Chorus needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	# A venv without pip is what Debian leaves behind where the package python3-venv is missing.
	$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf .venv && $(PYTHON) -m venv .venv; }
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	$(SYNC)
	touch $@

setup: .venv/.ready

test: setup
	$(BIN)/pytest -n auto

test-long: setup
	# The tests marked `long`, with many more rounds: kill -9 storms, floods, memory.
	$(BIN)/pytest -n auto -m long --long

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --warnings
	$(BIN)/lint-imports --no-cache

bench: setup
	$(BIN)/python -m bench

# `make soak MINUTES=60 SEED=7`; the seed repeats the plan of a run, which prints it.
MINUTES ?= 4
soak: setup
	$(BIN)/python -m soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

fuzz: setup
	# 10,000 cases of each test.
	$(BIN)/pytest -n auto tests/fuzz --hypothesis-profile=fuzz

demo: setup
	$(BIN)/chorus demo

run: setup
	$(BIN)/chorus run --config config.yaml

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis dist
