PY ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TORCH ?= torch==2.13.0
# CPU torch: from the wheels in PIP_FIND_LINKS (air-gapped), else from PyTorch's CPU index
ifneq ($(PIP_FIND_LINKS),)
TORCH_ARGS := --find-links $(PIP_FIND_LINKS)
else
TORCH_ARGS := --torch-backend=cpu
endif
UVPIP = $(BIN)/uv pip install --python $(BIN)/python

.PHONY: run test lint setup clean

# where the seeded firm sits
run: export PATHFINDER_TIMEZONE ?= Europe/Amsterdam
run: setup  ## seed a small firm into an empty database, replay a storm, serve
	$(BIN)/python -m training seed
	$(BIN)/python -m api

test: lint  ## everything that CI checks
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

setup: $(BIN)/.ready

$(BIN)/.ready: pyproject.toml
	@echo "setting up $(VENV): about a minute, 1.5 GB"
	@$(PY) -c "import ensurepip, venv" 2>/dev/null || { apt-get update -q && apt-get install -q -y python3-venv; }
	$(PY) -m venv $(VENV)
	$(BIN)/pip install -q uv
	$(UVPIP) -q $(TORCH_ARGS) "$(TORCH)"
	$(UVPIP) -q -e ".[dev]"
	@touch $@

clean:  ## forget the database, its models and the virtual environment
	rm -rf $(VENV) data/pathfinder.db* data/demo-key data/cache models/[0-9]*
