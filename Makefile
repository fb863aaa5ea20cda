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
$(BIN)/.ready: pyproject.toml
	$(PY) -m venv $(VENV)
	$(BIN)/pip install -q uv
	$(UVPIP) -q $(TORCH_ARGS) "$(TORCH)"
	$(UVPIP) -q -e ".[dev]"
	@touch $@
.PHONY: setup test run
setup: $(BIN)/.ready
