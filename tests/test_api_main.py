"""`python -m api`: help at once, keys that work, errors in one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api.__main__ import main
from tests.live_server import ROOT, url_of

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line over a new database: exit code, standard output, standard error."""
    monkeypatch.setenv("PATHFINDER_DATABASE_URL", url_of(tmp_path / "p.db"))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["api", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_help_loads_nothing_heavy() -> None:
    heavy = ("fastapi", "numpy", "sqlalchemy", "rich")
    code = f"import sys; import api.__main__; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["key", "--help"], ["key", "create", "--help"]])
def test_help_names_what_there_is(run: Run, arguments: list[str], tmp_path: Path) -> None:
    code, said, _ = run(*arguments)
    assert code == 0
    assert "Usage" in said
    assert not (tmp_path / "p.db").exists()


def test_a_key_is_made_shown_once_listed_and_revoked(run: Run, tmp_path: Path) -> None:
    token = run("key", "create", "prometheus", "--scope", "ingest", "--scope", "read")[1].strip()
    assert token.startswith("pf_")
    _, listed, _ = run("key", "list")
    assert "prometheus\tingest,read\t" in listed
    assert "active" in listed
    assert token not in listed
    secret = token.split("_", 2)[2].encode()
    assert all(secret not in path.read_bytes() for path in tmp_path.iterdir())
    assert run("key", "revoke", token.split("_")[1])[0] == 0
    assert "revoked" in run("key", "list")[1]


@pytest.mark.parametrize("arguments", [["create", "x", "--scope", "everything"], ["revoke", "nobody"]])
def test_mistakes_are_one_line_and_exit_code_2(run: Run, arguments: list[str]) -> None:
    code, _, complaint = run("key", *arguments)
    assert code == 2
    assert complaint.startswith("error: ")
    assert complaint.count("\n") == 1
