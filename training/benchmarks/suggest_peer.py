"""Rootly's open helper for related incidents (rootly-mcp-server, Apache-2.0), run in an environment of its own.

It is the helper that Rootly gives to AI assistants, made for the few hundred latest incidents; not its hosted service.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.domain import Incident
from engine.settings import Settings
from engine.suggest.memory import Memory
from training.benchmarks.suggest_data import Case
from training.benchmarks.suggest_measures import Told, best_rank
from training.progress import Track

NAME = "rootly-mcp-server 2.2.9"
_PACKAGE = "rootly-mcp-server==2.2.9"
_READ = 1_500  # characters of a description
_CHILD = Path(__file__).with_name("rootly_child.py")
_LOG = logging.getLogger(__name__)


def rootly(case: Case, memory: Memory, progress: Track) -> Told | None:
    """What it says to the questions of `case` over the incidents in `memory`; None where it cannot be installed."""
    python = _python(Settings().cache_dir / "peers" / _PACKAGE)
    if python is None:
        return None
    known = memory.known.values
    past = [{**_told(each), "known": at} for each, at in zip(memory.incidents, known.tolist(), strict=True)]
    asked = [{**_told(each), "opened": each.opened_at.timestamp()} for each in (*case.queries, *case.new)]
    command = [str(python), str(_CHILD)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603 - our own file
        if child.stdin is None or child.stdout is None:
            return None
        child.stdin.write(json.dumps({"past": past, "asked": asked}))
        child.stdin.close()
        answers = [json.loads(line) for line in progress(child.stdout, f"{case.name}: {NAME}", len(asked))]
    return heard({each["id"]: each for each in answers}, case, memory)


def heard(answers: Mapping[str, Mapping[str, Any]], case: Case, memory: Memory) -> Told | None:
    """What it said as figures are made of it; None unless it said something to every question."""
    if any(query.id not in answers for query in (*case.queries, *case.new)):
        return None
    ranks = {query.id: _rank(answers[query.id]["scores"], query, case, memory) for query in case.queries}
    sure = {name: max(answer["scores"].values(), default=0.0) for name, answer in answers.items()}
    spent = [float(answer["cpu_s"]) for answer in answers.values()]
    wall = [float(answer["wall_s"]) for answer in answers.values()]
    return Told(
        ranks=ranks,
        sure={query.id: sure[query.id] for query in case.queries},
        sure_of_new=[sure[query.id] for query in case.new],
        wall_s=wall,
        cpu_s=spent,
    )


def _rank(offered: Mapping[str, float], query: Incident, case: Case, memory: Memory) -> float:
    scores = np.full(len(memory), -np.inf)
    for name, score in offered.items():
        scores[memory.slot_of[name]] = score
    relevant = np.zeros(len(memory), dtype=np.bool_)
    relevant[[memory.slot_of[name] for name in case.relevant[query.id] if name in memory.slot_of]] = True
    return best_rank(scores, relevant, memory.known_at(query.opened_at, query.id))


def _told(incident: Incident) -> dict[str, str]:
    return {"id": incident.id, "title": incident.title, "description": incident.description[:_READ]}


def _python(folder: Path) -> Path | None:
    python = folder / "bin" / "python"
    if not (folder / "ready").is_file():
        venv.create(folder, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", _PACKAGE]
        if subprocess.run(install, stdout=sys.stderr, check=False).returncode:  # noqa: S603 - fixed words
            _LOG.warning("%s cannot be installed: it is left out", _PACKAGE)
            return None
        (folder / "ready").touch()
    return python
