# Two commands do everything on a fresh machine with Python 3.11, pip and make: `make demo` and `make test`.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
STAMP := $(VENV)/.installed

# What is compiled once is not compiled again by each of the processes that tests start: 2 s instead of 7 s.
unexport PYTHONDONTWRITEBYTECODE
export UV_COMPILE_BYTECODE = 1

.PHONY: demo demo-reset test check format coverage bench soak seeds conformance install clean

demo: $(STAMP)  ## the gateway in front of two simulated upstreams
	@$(BIN)/filmgate demo

demo-reset:  ## forget the demo's state
	rm -rf .filmgate

test: check  ## everything that runs without keys or a browser
	$(BIN)/pytest -n 3 --dist loadgroup

check: $(STAMP)  ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## rewrite the code as the formatter wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: $(STAMP)  ## the tests, with what they reach
	$(BIN)/pytest -n 3 --dist loadgroup --cov --cov-report=term

bench: $(STAMP)  ## figures, as ratios in one run
	$(BIN)/python -m bench

soak: $(STAMP)  ## long crash runs, and many more examples of what the policies promise
	$(BIN)/pytest tests/flows --rounds 20 -p no:xdist
	$(BIN)/pytest tests/policy --hypothesis-profile=long

seeds: $(STAMP)  ## 2,000 walks of the state machine of promises; `make test` takes 100 of them
	$(BIN)/pytest tests/promises --seeds 2000 -n 2

conformance: $(STAMP)  ## public test suites and real clients on a running gateway; needs Node, too
	$(BIN)/python -m tests.conformance $(JUDGES)

install: $(STAMP)

$(STAMP): pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --quiet
	@touch $@

.tools/bin/uv:
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

clean:
	rm -rf $(VENV) .tools .filmgate .conformance
