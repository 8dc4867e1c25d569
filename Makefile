# `make demo` fills the example photos, `make check` tests what is quick to test, `make test` everything.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test web site docs check fast lint wheels lowest client model clean

demo: .venv/light
	$(BIN)/python examples/demo.py

# two processes, each of one core; a test goes to the one that has fewer left
test: .venv/dev
	$(BIN)/pytest --numprocesses 2 --dist worksteal

# the npm package of web/: its types and its tests in node; the tests of the page without a server need it, too
web: web/node_modules
	cd web && npm run --silent types && npm test --silent

# the page without a server, for any file host
site: web/node_modules
	node web/site/build.js build/site

# what to run while working: lint, types, and the tests that take under a second each, side by side
check: .venv/dev
	$(MAKE) --jobs 2 --output-sync lint fast

fast: .venv/dev
	$(BIN)/pytest -m "not slow" --quiet

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --no-warn-unreachable --cache-dir .mypy_cache/windows src
	$(BIN)/lint-imports

# the documentation site, build/docs/index.html, with the page without a server in build/docs/demo
docs: .venv/dev web/node_modules
	$(BIN)/python deploy/docs.py
	node web/site/build.js build/docs/demo

# by hand or weekly, for they need the package index: where it installs, whether the oldest versions do, a generated client
wheels: .venv/dev
	$(BIN)/python deploy/wheels.py

# the wheel of a model that is too large for the package
model: .venv/dev
	$(BIN)/python deploy/model.py $(NAME)

lowest: .venv/dev
	$(BIN)/python deploy/lowest.py $(ARGS)

client: .venv/dev
	$(BIN)/python deploy/client.py

clean:
	rm -rf .venv build demo dist web/node_modules web/types

web/node_modules: web/package-lock.json
	cd web && npm ci --no-progress --ignore-scripts
	touch $@

.venv/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
		echo "Python 3.11 or newer is needed: name one, as in make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/light: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train,dev]'
	touch $@
