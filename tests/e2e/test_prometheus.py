"""A real Prometheus and a real Alertmanager, from Debian's packages, against the running service.

It may need the network, so it runs when asked for by name: `python -m pytest -n0 tests/e2e`. Prometheus sends its first
alerts before it has found its Alertmanager, and sends them again a minute later: hence `--rules.alert.resend-delay`.
"""

from __future__ import annotations

import http.server
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.store.records import Scope
from tests.live_server import call, free_port, new_key, serving

PROMETHEUS = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [RULES]
alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:ALERTMANAGER']}]}]}
scrape_configs: [{job_name: shop, static_configs: [{targets: ['127.0.0.1:METRICS']}]}]
"""
RULES = """
groups:
- name: shop
  rules:
  - alert: DatabaseConnectionsExhausted
    expr: connections_used_ratio > 0.95
    labels: {severity: critical, service: orders}
    annotations: {summary: 'orders uses {{ $value | humanizePercentage }} of its connections'}
"""
ALERTMANAGER = """
global: {resolve_timeout: 5s}
route: {receiver: pathfinder, group_by: [job], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}
receivers:
- name: pathfinder
  webhook_configs:
  - url: 'URL/v1/ingest/alertmanager'
    http_config: {authorization: {type: Bearer, credentials: 'TOKEN'}}
"""


class Shop(http.server.BaseHTTPRequestHandler):
    """A service whose database has no connections left, until it has."""

    used = 0.99

    def do_GET(self) -> None:
        body = f"connections_used_ratio {Shop.used}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


def programs(folder: Path) -> tuple[list[str], list[str]]:
    """The commands of both programs: installed ones, else unpacked from Debian's packages, else skips."""
    names = ("prometheus", "prometheus-alertmanager")
    if all(map(shutil.which, names)):
        return [names[0]], [names[1]]
    if shutil.which("apt-get") is None:
        pytest.skip("no prometheus on this machine, and no apt-get to fetch it with")
    got = subprocess.run(["apt-get", "download", *names], cwd=folder, capture_output=True, timeout=120, check=False)
    if got.returncode:
        pytest.skip(f"apt-get cannot fetch prometheus: {got.stderr.decode()[-200:]!r} (try apt-get update)")
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
    # Debian's Alertmanager wants its templates under /usr/share: shown to it there, and to nobody else
    there = f'mount --bind {folder}/usr/share /usr/share && exec "$0" "$@"'
    alone = ["unshare", "--map-root-user", "--mount", "sh", "-c", there]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("prometheus-alertmanager is not installed, and this machine allows no private mounts")
    return [str(folder / "usr/bin" / names[0])], [*alone, str(folder / "usr/bin" / names[1])]


@pytest.fixture(autouse=True)
def asked_for(request: pytest.FixtureRequest) -> None:
    if not any("e2e" in str(argument) for argument in request.config.invocation_params.args):
        pytest.skip("runs when asked for: python -m pytest -n0 tests/e2e")


@contextmanager
def running(*command: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        assert process.poll() is None, f"{command[0]} ended by itself"
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def shop(port: int) -> Iterator[None]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def eventually(ask: Callable[[], Any], seconds: float = 40) -> Any:
    """The first true answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := ask():
            return answer
        time.sleep(0.3)
    raise AssertionError("it did not happen in time")


def write(path: Path, text: str, **values: object) -> str:
    for name, value in values.items():
        text = text.replace(name, str(value))
    path.write_text(text)
    return str(path)


def test_a_rule_that_fires_opens_an_incident_and_one_that_resolves_closes_it(tmp_path: Path) -> None:
    prometheus, alertmanager = programs(tmp_path)
    metrics, am, prom = free_port(), free_port(), free_port()
    token = new_key(tmp_path / "p.db", Scope.INGEST, Scope.READ)
    with ExitStack() as stack:
        served = stack.enter_context(serving(tmp_path / "p.db"))
        stack.enter_context(shop(metrics))
        rules = write(tmp_path / "rules.yml", RULES)
        config = write(tmp_path / "alertmanager.yml", ALERTMANAGER, URL=served.url, TOKEN=token)
        stack.enter_context(
            running(
                *alertmanager,
                f"--config.file={config}",
                f"--storage.path={tmp_path / 'am'}",
                f"--web.listen-address=127.0.0.1:{am}",
                "--cluster.listen-address=",
            )
        )
        config = write(tmp_path / "prometheus.yml", PROMETHEUS, RULES=rules, ALERTMANAGER=am, METRICS=metrics)
        stack.enter_context(
            running(
                *prometheus,
                f"--config.file={config}",
                f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{prom}",
                "--rules.alert.resend-delay=2s",
            )
        )

        def items(status: str) -> Any:
            return call(f"{served.url}/v1/incidents?status={status}", token)[1]["items"]

        opened = eventually(lambda: items("open"))
        assert len(opened) == 1
        assert "DatabaseConnectionsExhausted" in opened[0]["title"]
        assert opened[0]["service"] == "orders"
        Shop.used = 0.2
        closed = eventually(lambda: items("resolved"))
        assert [incident["id"] for incident in closed] == [opened[0]["id"]]
        (member,) = call(f"{served.url}/v1/incidents/{opened[0]['id']}", token)[1]["alerts"]
        assert member["alert"]["status"] == "resolved"
