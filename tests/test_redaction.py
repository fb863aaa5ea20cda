"""Secrets and personal data are gone before anything is stored; what only looks like them stays."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from engine.domain import Alert, Resolution
from engine.pathfinder import Pathfinder
from engine.redaction import redact, redact_alert, redact_labels, redact_resolution, redact_value
from engine.settings import Settings
from engine.sources import SOURCES
from engine.store.records import Scope
from tests.live_server import new_key, url_of

A, H = "aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA2bC4", "0123456789abcdef" * 4
CANARY = "hunter2hunter2"
SECRETS = {
    "AWS access key": "AKIAIOSFODNN7EXAMPLE",
    "AWS secret": f"aws_secret_access_key = {A}AbCd",
    "GitHub token": f"ghp_{A}",
    "GitHub fine-grained": f"github_pat_{A}",
    "GitLab token": f"glpat-{A[:20]}",
    "Grafana token": f"glsa_{A}",
    "Slack token": "xoxb-" + "123456789012-abcdefghijkl",
    "Slack hook": "https://hooks.slack.com/services/T0000/B0000/" + A[:24],
    "Discord hook": "https://discord.com/api/webhooks/1234567890/" + A,
    "Stripe key": "sk_live_" + A[:24],
    "OpenAI key": "sk-proj-" + A,
    "Anthropic key": "sk-ant-" + A,
    "Google key": "AIza" + A[:35],
    "Google OAuth": "ya29." + A,
    "npm token": "npm_" + A,
    "PyPI token": "pypi-" + A + A,
    "Hugging Face token": "hf_" + A[:34],
    "SendGrid key": f"SG.{A[:22]}.{A}",
    "Mailgun key": "key-" + H[:32],
    "Twilio key": "SK" + H[:32],
    "DigitalOcean token": "dop_v1_" + H,
    "Shopify token": "shpat_" + H[:32],
    "Vault token": "hvs." + A,
    "Databricks token": "dapi" + H[:32],
    "Atlassian token": "ATATT3" + A,
    "New Relic key": "NRAK-" + A[:27].upper(),
    "Telegram bot": "123456789:AA" + A[:33],
    "JWT": f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{A}",
    "private key": f"-----BEGIN RSA PRIVATE KEY-----\n{A}\n{A}\n-----END RSA PRIVATE KEY-----",
    "PathFinder key": f"pf_01234567_{A}",
    "password": f"login failed with password={CANARY}",
    "password before a colon": f"login failed password={CANARY}: connection refused",
    "password between colons": f"password: {CANARY}: refused",
    "password in JSON": json.dumps({"db_password": CANARY}),
    "password quoted": f"PASSWORD: '{CANARY} x'",
    "token header": f"X-Auth-Token: {CANARY}",
    "bearer": f"Authorization: Bearer {A}",
    "basic": f"authorization: basic {A}",
    "flag": f"mysqldump --password {CANARY} orders",
    "curl user": f"curl -s -u admin:{CANARY} http://db-1/health",
    "URL credentials": f"cannot reach postgres://app:{CANARY}@db-1:5432/orders",
    "connection string": f"Server=db;AccountKey={A}==;EndpointSuffix=core",
    "e-mail": "mailbox of dana.smith@example.co.uk is full",
    "card": "payment with 4111 1111 1111 1111 refused",
    "IBAN": "transfer to NL91 ABNA 0417 1643 00 failed",
    "phone": "call +31 6 1234 5678 now",
    "SSN": "record 123-45-6789 locked",
}
TELLING = (
    A, A[:27].upper(), H[:32], CANARY, A[:20], "dana.smith", "4111 1111", "0417 1643", "1234 5678", "123-45-6789",
    "AKIAIOSFODNN7", "abcdefghijkl",
)  # fmt: skip
CLEAN = (
    "disk at 97% on db-1",
    "connect to 10.0.0.7:5432 timed out after 30 s",
    "pod checkout-7d9f8b6c5d-x2k4j restarted 5 times",
    "trace 4bf92f3577b34da6a3ce929d0e0e4736 is slow",
    "https://grafana.example.com/d/abc123/orders?from=1700000000000&to=1700003600000",
    "arn:aws:sns:eu-west-1:123456789012:alarms",
    "the token bucket of the limiter is empty",
    "certificate expires 2026-03-02T03:11:07.482Z",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b broke the build",
    "id 550e8400-e29b-41d4-a716-446655440000 not found",
    "keyboard of kiosk-12 does not answer",
    "password expired for service account",
    "secret rotated, nothing to do",
    "token: reason: expired",
    "token=expired: renew it",
    "1767225600123 ms since epoch, 9007199254740993 bytes",
    "job 20260302-031107-000123 took 5:12.3",
    "ssh: connect to host web-01 port 22: Connection refused",
)


def told(text: str) -> bool:
    return any(secret in text for secret in TELLING)


@pytest.mark.parametrize("kind", SECRETS)
def test_secrets_go(kind: str) -> None:
    assert told(SECRETS[kind]), "the control: it was there"
    assert not told(redact(SECRETS[kind]))
    assert not told(redact(f"before {SECRETS[kind]} after"))


@pytest.mark.parametrize("text", CLEAN)
def test_what_only_looks_like_them_stays(text: str) -> None:
    assert redact(text) == text


def test_real_payloads_of_tools_stay_as_they_are() -> None:
    folder = Path(__file__).parent / "payloads" / "alertmanager-live"
    texts = [text for path in folder.glob("*.json") for text in strings(json.loads(path.read_text()))]
    assert len(texts) > 100
    assert sum(redact(text) != text for text in texts) <= len(texts) / 100


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def test_names_tell_what_values_do_not() -> None:
    assert redact_labels({"password": "x", "db.api_key": "abc", "token_bucket": "full"}) == {
        "password": "[secret]",
        "db.api_key": "[secret]",
        "token_bucket": "full",
    }
    assert redact_value({"a": [{"secret": "abc"}, 7]}) == {"a": [{"secret": "[secret]"}, 7]}


def test_a_symptom_named_by_a_secret_stays_a_symptom_of_its_own() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    one, other = (
        redact_alert(Alert(id=mail, source="s", title="locked", starts_at=at, received_at=at, fingerprint=mail))
        for mail in ("dana@example.com", "finn@example.com")
    )
    assert "@" not in one.fingerprint + other.fingerprint
    assert one.fingerprint != other.fingerprint
    assert redact_alert(one) == one, "once is enough"


def test_who_fixed_it_stays() -> None:
    fixed = redact_resolution(Resolution(text=f"set password={CANARY}", resolver="dana@example.com"))
    assert (fixed.text, fixed.resolver) == ("set password=[secret]", "dana@example.com")


@pytest.mark.parametrize(
    "evil", ["a" * 20_000, "password" * 2_500, "a@" * 10_000, "eyJ" * 6_000, "://a:" * 4_000, "1 " * 9_000]
)
def test_no_text_makes_it_slow(evil: str) -> None:
    began = time.process_time()
    redact(evil)
    assert time.process_time() - began < 5.0, "a pattern that backtracks takes minutes"


def test_no_byte_of_a_secret_reaches_the_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Everything that is sent in, through every door, and every byte of every file."""
    database = tmp_path / "p.db"
    token = new_key(database, Scope.ADMIN)
    settings = Settings(database_url=url_of(database), encoder_enabled=False)
    with TestClient(create_app(Pathfinder.open(settings), settings), headers={"X-API-Key": token}) as client:
        for kind, text in SECRETS.items():
            sent = {"title": f"{kind}: {text}", "description": text, "labels": {"note": text}, "service": kind}
            taken = client.post("/v1/alerts", json=sent)
            assert taken.status_code == 202
            bad = {"alerts": [{"labels": {}, "annotations": {"x": {"y": text}}, "startsAt": text}]}
            client.post("/v1/ingest/alertmanager", json=bad)
        reported = client.post("/v1/incidents", json={"title": SECRETS["bearer"], "fields": {"note": SECRETS["flag"]}})
        fix = {"text": SECRETS["URL credentials"], "resolver": "dana"}
        assert client.post(f"/v1/incidents/{reported.json()['id']}/resolve", json=fix).status_code == 200
        said = {"text": SECRETS["flag"]}
        incident_id = reported.json()["id"]
        assert client.post(f"/v1/incidents/{incident_id}/comments", json=said).status_code in (200, 201)
        page = {"title": "how to", "text": SECRETS["URL credentials"], "url": "", "services": []}
        assert client.put("/v1/runbooks/how-to", json=page).status_code == 200
        pinned = f"/v1/alerts/{taken.json()['receipts'][0]['alert_id']}/pin"
        assert client.post(pinned, json={"reason": SECRETS["bearer"]}).status_code == 200
        assert client.get("/v1/quarantine").json()["items"]
        pages = client.get("/v1/incidents").text + client.get("/v1/quarantine").text + client.get("/metrics").text
        files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(files) > 50_000, "the floor: something was stored"
    assert [secret for secret in TELLING if secret.encode() in files] == []
    assert not told(pages)
    assert not told(caplog.text)


def test_sources_are_redacted_whatever_they_are() -> None:
    assert set(SOURCES) >= {"alertmanager", "cloudwatch", "generic", "grafana"}
