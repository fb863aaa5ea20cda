"""Each notebook runs from top to bottom, calls only our packages, and carries no output."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))
KNOWN = {"engine", "training", "pandas", "numpy"}


def code_of(path: Path) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert all(not cell["outputs"] for cell in cells if cell["cell_type"] == "code")
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def run(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The name of a notebook and what its cells left behind; each cell ends with something to see."""
    names: dict[str, Any] = {}
    for cell in code_of(request.param):
        tree = ast.parse(cell)
        last = tree.body.pop()
        assert isinstance(last, ast.Expr)
        exec(compile(tree, request.param.name, "exec"), names)
        assert len(eval(compile(ast.Expression(last.value), request.param.name, "eval"), names)) > 0
    return request.param.stem, names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_calls_only_our_packages(path: Path) -> None:
    for cell in code_of(path):
        for node in ast.walk(ast.parse(cell)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = (
                    [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                )
                assert {module.split(".")[0] for module in modules} <= KNOWN


def test_it_shows_what_it_claims(run: tuple[str, dict[str, Any]]) -> None:
    name, left = run
    assert name == "tour"
    assert left["scores"]["taught"][2] > 0.5
    assert any("Friday" in left["sentence"](pattern) for pattern in left["found"])
