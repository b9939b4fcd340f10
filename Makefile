# `make demo` shows tellshow at work, `make test` checks everything; both install what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := $(VENV)/installed-cpu-demo
TEST := $(VENV)/installed-cpu-demo-test
comma := ,

# In CI a browser test that skips is a browser test that nobody ran.
ifeq ($(CI),true)
export TELLSHOW_REQUIRE_BROWSER := 1
endif

.PHONY: demo test browser

demo: $(DEMO)
	$(BIN)/tellshow demo

test: $(TEST) browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

# One stamp for each set of extras; newer inputs install again.
$(VENV)/installed-%: setup.cfg pyproject.toml constraints.txt
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -c constraints.txt -e '.[$(subst -,$(comma),$*)]'
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
