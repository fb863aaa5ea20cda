"""Run by the Python of another environment, of which it knows one class: incidents and questions in, scores out."""

from __future__ import annotations

import json
import logging
import sys
import time
from importlib import import_module
from typing import Any


def main() -> None:
    """Read `{"past": [...], "asked": [...]}` from standard input; write one JSON line per question."""
    # The package is there only where the other environment's Python runs this.
    analyzer = import_module("rootly_mcp_server.smart_utils").TextSimilarityAnalyzer()
    logging.disable(logging.WARNING)
    told = json.load(sys.stdin)
    for asked in told["asked"]:
        known = [each for each in told["past"] if each["known"] < asked["opened"] and each["id"] != asked["id"]]
        began, cpu = time.perf_counter(), time.process_time()
        found = analyzer.calculate_similarity([_formed(each) for each in known], _formed(asked))
        wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        scores = {each.incident_id: float(each.similarity_score) for each in found}
        line = {"id": asked["id"], "scores": scores, "wall_s": wall_s, "cpu_s": cpu_s}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def _formed(incident: dict[str, Any]) -> dict[str, Any]:
    return {"id": incident["id"], "attributes": {"title": incident["title"], "description": incident["description"]}}


if __name__ == "__main__":
    main()
