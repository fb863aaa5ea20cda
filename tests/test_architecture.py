"""The arrows of the house: who may import whom, read with `ast` and held here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("engine", "training", "api")
QUESTIONS = ("correlate", "suggest", "route", "patterns")
GROUND = {f"engine.{name}" for name in ("domain", "clock", "compiler", "errors", "frozen", "lazy", "text")}
PEER = "training/benchmarks/plain_intake.py"  # measured beside the product, and no part of it
ONE_PLACE = {
    "sqlalchemy": ("engine/store/", PEER),
    "alembic": "engine/store/",
    "fastapi": ("api/", PEER),
    "starlette": "api/",
    "sentence_transformers": "engine/suggest/encoder.py",
    "typer": ("training/__main__.py", "api/__main__.py"),
    "pydantic_settings": "engine/settings.py",
}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "core", "base"}
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def resolve(name: str, modules: set[str]) -> str | None:
    """The module of ours that an imported dotted name lies in, if any."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if (candidate := ".".join(parts[:length])) in modules:
            return candidate
    return None


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
MODULES = {module_of(path) for path in FILES}
GRAPH = {
    module_of(path): {found for name in imports_of(tree) if (found := resolve(name, MODULES))} - {module_of(path)}
    for path, tree in TREES.items()
}


def test_packages_point_one_way() -> None:
    allowed = {"engine": {"engine"}, "training": {"training", "engine"}, "api": {"api", "engine"}}
    wrong = [
        f"{module} -> {target}"
        for module, targets in GRAPH.items()
        for target in targets
        if target.split(".")[0] not in allowed[module.split(".")[0]]
    ]
    assert not wrong


def test_ground_imports_nothing_above_it() -> None:
    for module in GROUND:
        assert GRAPH[module] <= GROUND | {"engine"}, module


@pytest.mark.parametrize("folder", [*QUESTIONS, "sources", "lifecycle"])
def test_question_folders_know_only_the_ground(folder: str) -> None:
    home = f"engine.{folder}"
    inside = {module for module in GRAPH if module == home or module.startswith(home + ".")}
    assert inside, f"{home} is missing"
    for module in inside:
        assert GRAPH[module] <= GROUND | inside | {"engine"}, module


def test_store_and_bundle_stand_below_pathfinder() -> None:
    above = {module for module in GRAPH if module == "engine.pathfinder"}
    for module in GRAPH:
        if module.startswith(("engine.store", "engine.bundle")):
            assert not GRAPH[module] & above, module


def test_no_module_is_on_an_import_cycle() -> None:
    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for target in GRAPH[todo.pop()]:
                if target not in seen and not start.startswith(target + "."):
                    seen.add(target)
                    todo.append(target)
        return seen

    assert [module for module in GRAPH if module in reach(module)] == []


def test_no_import_hides_in_a_function() -> None:
    hidden = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in TREES.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom) and path.name != "encoder.py"
    ]
    assert hidden == []


@pytest.mark.parametrize("library", ONE_PLACE)
def test_each_big_library_has_one_place(library: str) -> None:
    users = {
        str(path.relative_to(ROOT))
        for path, tree in TREES.items()
        if any(n.split(".")[0] == library for n in imports_of(tree))
    }
    assert users, f"nobody imports {library}"
    assert all(user.startswith(ONE_PLACE[library]) for user in users), users


def test_the_environment_and_the_wall_clock_are_read_in_one_place() -> None:
    for path in FILES:
        text, name = path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))
        assert "os.environ" not in text or name == "engine/settings.py", name
        assert "os.getenv" not in text, name
        if name.startswith("engine/") and name != "engine/clock.py":
            assert "utc_now" not in text, name


def test_no_file_has_an_empty_name() -> None:
    assert [path for path in FILES if path.stem in FORBIDDEN_NAMES] == []


def test_docstrings_and_annotations_are_complete() -> None:
    missing = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
        and not _explained_elsewhere(tree, node)
    ]
    assert missing == []


def _explained_elsewhere(tree: ast.AST, node: ast.AST) -> bool:
    """Closures are explained by their function; methods of protocols and of private classes by their class."""
    for parent in ast.walk(tree):
        if (
            isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef)
            and parent is not node
            and node in ast.walk(parent)
        ):
            return True
        if isinstance(parent, ast.ClassDef) and node in parent.body:
            bases = {ast.unparse(base).split("[")[0].split(".")[-1] for base in parent.bases}
            if "Protocol" in bases or parent.name.startswith("_"):
                return True
    return False
