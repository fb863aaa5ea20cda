"""The command line of the batch jobs: files in, contract files out, help at once, errors that say what to do."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.errors import InvalidInput
from training import simulate
from training.__main__ import app
from training.firm import export

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"numpy", "pandas", "sklearn", "scipy", "torch", "sqlalchemy", "sentence_transformers", "bm25s", "fastapi"}


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a small firm."""
    folder = tmp_path_factory.mktemp("firm")
    plan = simulate.Plan(seed=5, days=30, services=5, live_days=4, metric_step_minutes=60)
    export.write(simulate.simulate(plan=plan), folder)
    return folder


def run(folder: Path, *words: str) -> Result:
    """One verb, with its database and caches in `folder`."""
    own = {
        "PATHFINDER_DATABASE_URL": f"sqlite:///{folder / 'p.db'}",
        "PATHFINDER_MODELS_DIR": str(folder / "models"),
        "PATHFINDER_CACHE_DIR": str(folder / "cache"),
        "PATHFINDER_ENCODER_ENABLED": "false",
    }
    return CliRunner().invoke(app, list(words), env=own)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_correlate_writes_a_row_for_each_alert(firm: Path, tmp_path: Path) -> None:
    out = tmp_path / "groups.csv"
    files = [
        str(firm / "alerts.jsonl"),
        "--history",
        str(firm / "history.jsonl"),
        "--topology",
        str(firm / "edges.csv"),
    ]
    done = run(tmp_path, "correlate", *files, "--out", str(out))
    assert done.exit_code == 0, done.output
    rows = table(out)
    assert list(rows[0]) == ["alert_id", "incident_id", "probability", "root_rank"]
    assert [row["alert_id"] for row in rows] == [line["id"] for line in lines(firm / "alerts.jsonl")]
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)
    groups = {row["incident_id"] for row in rows}
    assert 1 < len(groups) < len(rows)
    for group in groups:
        ranks = sorted(int(row["root_rank"]) for row in rows if row["incident_id"] == group)
        assert ranks[0] == 1


def test_suggest_knows_only_what_was_closed_before(firm: Path, tmp_path: Path) -> None:
    out = tmp_path / "ranks.csv"
    files = ["--history", str(firm / "incidents.jsonl"), "--queries", str(firm / "queries.jsonl")]
    done = run(tmp_path, "suggest", *files, "--out", str(out), "--top", "3")
    assert done.exit_code == 0, done.output
    rows = table(out)
    assert list(rows[0]) == ["query_id", "rank", "incident_id", "score"]
    closed = {line["id"]: line["closed_at"] for line in lines(firm / "incidents.jsonl")}
    opened = {line["id"]: line["opened_at"] for line in lines(firm / "queries.jsonl")}
    assert all(closed[row["incident_id"]] < opened[row["query_id"]] for row in rows)
    assert {row["query_id"] for row in rows} == set(opened)
    assert {row["rank"] for row in rows} == {"1", "2", "3"}


@pytest.mark.parametrize("verb", ["suggest", "route"])
def test_files_whose_times_put_nothing_before_anything_are_read_in_turn(verb: str, tmp_path: Path) -> None:
    names = ("disk full", "mail slow", "vpn down", "printer jam")
    told = [{"opened_at": "2025-03-01", "title": name, "id": f"{name} {n}"} for n in range(9) for name in names]
    past = [{**one, "resolver": one["title"].split()[0], "resolution": "mended"} for one in told]
    history, queries, out = tmp_path / "h.jsonl", tmp_path / "q.jsonl", tmp_path / "ranks.csv"
    history.write_text("\n".join(map(json.dumps, past)))
    queries.write_text("\n".join(json.dumps({**one, "id": f"asked {one['title']}"}) for one in told[:4]))
    done = run(tmp_path, verb, "--history", str(history), "--queries", str(queries), "--out", str(out), "--top", "1")
    assert done.exit_code == 0, done.output
    answer = "incident_id" if verb == "suggest" else "responder"
    assert [row[answer].split()[0] for row in table(out)] == [name.split()[0] for name in names]


@pytest.mark.parametrize("target", ["resolver", "team"])
def test_route_ranks_people_or_teams(firm: Path, tmp_path: Path, target: str) -> None:
    out = tmp_path / "ranks.csv"
    files = ["--history", str(firm / "incidents.jsonl"), "--queries", str(firm / "queries.jsonl")]
    done = run(tmp_path, "route", *files, "--target", target, "--out", str(out))
    assert done.exit_code == 0, done.output
    rows = table(out)
    assert list(rows[0]) == ["query_id", "rank", "responder", "probability", "automatic"]
    assert {row["responder"] for row in rows} <= {line.get(target, "") for line in lines(firm / "incidents.jsonl")}
    assert {row["automatic"] for row in rows if row["rank"] != "1"} <= {"0"}
    for query in {row["query_id"] for row in rows}:
        chances = [float(row["probability"]) for row in rows if row["query_id"] == query]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) <= 1.0001


def test_route_does_not_read_the_outcome_of_what_is_asked(firm: Path, tmp_path: Path) -> None:
    queries = lines(firm / "queries.jsonl")
    outcome = ("resolver", "team", "resolution", "closed_at")
    blind = tmp_path / "blind.jsonl"
    blind.write_text("\n".join(json.dumps({k: v for k, v in q.items() if k not in outcome}) for q in queries))
    answers = []
    for asked in (firm / "queries.jsonl", blind):
        out = tmp_path / f"{asked.stem}.csv"
        run(tmp_path, "route", "--history", str(firm / "incidents.jsonl"), "--queries", str(asked), "--out", str(out))
        answers.append(out.read_text())
    assert answers[0] == answers[1]


def test_patterns_finds_the_friday_load(firm: Path, tmp_path: Path) -> None:
    out = tmp_path / "patterns.json"
    done = run(tmp_path, "patterns", str(firm / "metrics.csv"), "--timezone", "Europe/Amsterdam", "--out", str(out))
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())
    names = {"service", "host", "metric", "kind", "rule", "start_local", "duration_minutes", "level", "baseline",
             "support", "q_value", "next"}  # fmt: skip
    assert found
    assert all(set(one) >= names for one in found)
    assert all(one["next"][0].keys() == {"start", "end", "probability"} for one in found if one["next"])


def test_metrics_or_events_but_not_neither(firm: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "patterns", "--out", str(tmp_path / "p.json"))
    assert isinstance(done.exception, InvalidInput)
    assert "METRICS.csv" in str(done.exception)
    out = tmp_path / "e.json"
    assert run(tmp_path, "patterns", "--events", str(firm / "history.jsonl"), "--out", str(out)).exit_code == 0
    assert isinstance(json.loads(out.read_text()), list)


def test_a_missing_file_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    words = ["correlate", str(tmp_path / "none.jsonl"), "--out", str(tmp_path / "o.csv")]
    done = subprocess.run(
        [sys.executable, "-m", "training", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.strip().startswith("error:")
    assert "Traceback" not in done.stderr


def test_what_was_imported_is_learned(firm: Path, tmp_path: Path) -> None:
    taken = run(tmp_path, "import", str(firm / "incidents.jsonl"), "--topology", str(firm / "edges.csv"))
    assert taken.exit_code == 0, taken.output
    learned = run(tmp_path, "retrain", "--force")
    assert learned.exit_code == 0, learned.output
    assert "route" in learned.stdout
    assert len(list((tmp_path / "models").iterdir())) == 1


@pytest.mark.parametrize("package", ["training", "api"])
def test_help_imports_nothing_heavy(package: str) -> None:
    code = (
        f"import sys; sys.argv = ['{package}', '--help']\n"
        "import runpy\n"
        f"try: runpy.run_module('{package}', run_name='__main__')\n"
        "except SystemExit: pass\n"
        f"print('HEAVY', sorted({HEAVY!r} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    assert done.stdout.strip().endswith("HEAVY []")
