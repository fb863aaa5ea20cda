"""`python -m api`: help at once, keys that work, errors in one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api.__main__ import main
from engine.pathfinder import Pathfinder
from engine.store.store import Store
from tests.live_server import ROOT, url_of
from tests.small_models import alert, small_models

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


HELP = [["--help"], ["serve", "--help"], ["key", "--help"], ["key", "create", "--help"], ["incident", "--help"]]
HELP += [["incident", verb, "--help"] for verb in ("show", "merge", "split", "move", "pin", "unpin")]


@pytest.mark.parametrize("arguments", HELP)
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


def test_operators_set_grouping_right(run: Run, tmp_path: Path) -> None:
    store = Store(url_of(tmp_path / "p.db"))
    store.migrate()
    service = Pathfinder(store, small_models())
    service.start()
    db, slow, web = alert("db"), alert("db", "slow\x1b[2J queries", at=1), alert("web", at=2)
    service.handle([db, slow, web])
    said = run("incident", "merge", "INC-2", "--into", "INC-1", "--by", "ann", "--reason", "one switch")[1].splitlines()
    assert said[0].startswith("INC-1\topen\t3 alerts, 3 firing\t")
    assert said[1].startswith("INC-2\tmerged into INC-1\t0 alerts, 0 firing\t")
    assert run("incident", "split", "INC-1", slow.id)[1].startswith("INC-3\topen\t1 alerts, 1 firing\t")
    assert run("incident", "move", web.id)[1].startswith("INC-4\topen\t1 alerts")
    assert run("incident", "move", web.id, "--to", "INC-3")[1].startswith("INC-3\topen\t2 alerts")
    assert run("incident", "unpin", db.id, web.id)[0] == 0
    assert run("incident", "pin", db.id)[0] == 0
    shown = run("incident", "show", "INC-3")[1]
    assert "\x1b" not in shown, "no alert rewrites the terminal"
    assert "command line put it here (from INC-1)" in shown
    assert "pinned" in run("incident", "show", "INC-1")[1]
    service.handle([])
    assert service.timeline("INC-1")[1].actor == "ann"
    assert {one.alert.id for one in service.members("INC-3")} == {slow.id, web.id}
    code, _, complaint = run("incident", "merge", "INC-3", "INC-9", "--into", "INC-1")
    assert (code, complaint) == (2, "error: there is no incident of this id (incidents.1)\n")
    store.close()
