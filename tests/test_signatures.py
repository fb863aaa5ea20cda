"""Who signed it, and who we call: HMAC of webhooks, Amazon SNS, and a guard on everything outgoing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from starlette.testclient import TestClient

from api import outgoing
from api.app import create_app
from api.errors import Forbidden, Unauthenticated
from api.signatures import check
from api.sns import Sns
from engine.clock import to_text
from engine.errors import InvalidInput, Unavailable
from engine.settings import Settings
from engine.store.records import Scope
from tests.fake_engine import FakeEngine

NOW = datetime(2026, 3, 2, 3, 12, tzinfo=UTC)
BODY = b'{"title": "disk full"}'
STAMP = str(int(NOW.timestamp())).encode()
OLD = str(int(NOW.timestamp()) - 3600).encode()


def digest(text: bytes, secret: bytes = b"new") -> bytes:
    return hmac.new(secret, text, hashlib.sha256).hexdigest().encode()


def standard(secret: bytes = b"new", body: bytes = BODY, stamp: bytes = STAMP) -> list[tuple[bytes, bytes]]:
    signed = base64.b64encode(hmac.new(secret, b"msg_1." + stamp + b"." + body, hashlib.sha256).digest())
    return [(b"webhook-id", b"msg_1"), (b"webhook-timestamp", stamp), (b"webhook-signature", b"v1,AAAA v1," + signed)]


GOOD: dict[str, list[tuple[bytes, bytes]]] = {
    "github": [(b"x-hub-signature-256", b"sha256=" + digest(BODY))],
    "pagerduty": [(b"x-pagerduty-signature", b"v1=" + b"0" * 64 + b",v1=" + digest(BODY))],
    "sentry": [(b"sentry-hook-signature", digest(BODY))],
    "grafana": [(b"x-grafana-alerting-signature", digest(BODY))],
    "grafana with time": [
        (b"x-grafana-alerting-signature", digest(STAMP + b":" + BODY)),
        (b"x-grafana-alerting-timestamp", STAMP),
    ],
    "standard": standard(),
    "the old secret": [(b"sentry-hook-signature", digest(BODY, b"old"))],
}
BAD: dict[str, list[tuple[bytes, bytes]]] = {
    "missing": [],
    "wrong secret": [(b"sentry-hook-signature", digest(BODY, b"guess"))],
    "another body": [(b"sentry-hook-signature", digest(BODY + b" "))],
    "empty": [(b"sentry-hook-signature", b"")],
    "not hex": [(b"sentry-hook-signature", b"zz" * 32)],
    "sha1": [(b"x-hub-signature", b"sha1=" + hmac.new(b"new", BODY, "sha1").hexdigest().encode())],
    "sha1 under the name of sha256": [
        (b"x-hub-signature-256", b"sha256=" + hmac.new(b"new", BODY, "sha1").hexdigest().encode())
    ],
    "none": [(b"x-hub-signature-256", b"none=")],
    "old": [
        (b"x-grafana-alerting-signature", digest(OLD + b":" + BODY)),
        (b"x-grafana-alerting-timestamp", OLD),
    ],
    "time not signed": [(b"x-grafana-alerting-signature", digest(BODY)), (b"x-grafana-alerting-timestamp", STAMP)],
    "time no number": [(b"x-grafana-alerting-signature", digest(BODY)), (b"x-grafana-alerting-timestamp", b"-1")],
    "standard, old": standard(stamp=OLD),
    "standard, another id": [(b"webhook-id", b"msg_2"), *standard()[1:]],
    "standard, version 0": [*standard()[:2], (b"webhook-signature", standard()[2][1].replace(b"v1,", b"v0,"))],
    "thousand guesses": [(b"x-pagerduty-signature", b",".join([b"v1=" + b"0" * 64] * 1000 + [b"v1=" + digest(BODY)]))],
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_signed_passes(name: str) -> None:
    check("grafana", GOOD[name], BODY, {"grafana": "new, old"}, NOW)


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_signed_does_not(name: str) -> None:
    with pytest.raises(Unauthenticated):
        check("grafana", BAD[name], BODY, {"grafana": "new, old"}, NOW)
    check("grafana", BAD[name], BODY, {"alertmanager": "new"}, NOW)


def test_the_whole_service_asks_for_signatures_on_the_bytes_as_they_came() -> None:
    engine = FakeEngine()
    settings = Settings(webhook_secrets={"generic": "new"})
    with TestClient(create_app(engine, settings), headers={"X-API-Key": engine.key(Scope.INGEST)}) as client:
        body = b'{ "title" : "spaces count" }'
        signed = {"X-Hub-Signature-256": "sha256=" + digest(body).decode()}
        assert client.post("/v1/ingest/generic", content=body, headers=signed).status_code == 202
        assert client.post("/v1/ingest/generic", json=json.loads(body), headers=signed).status_code == 401
        assert client.post("/v1/ingest/alertmanager", json={"alerts": []}).status_code == 202, "only those that have to"
        assert client.post("/v1/alerts", content=body).status_code == 401, "nor around it by the other door"
    assert "new" not in repr(settings)


# -- Amazon SNS, with a certificate of our own

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    made = made.serial_number(1).not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=1))
    return made.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


PEM = pem()


class Web:
    """What is asked of the network."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        return PEM


def message(kind: str = "Notification", version: str = "2", **changes: str) -> dict[str, Any]:
    told = {
        "Type": kind,
        "MessageId": "22b80b92",
        "TopicArn": TOPIC,
        "Message": json.dumps({"AlarmName": "queue", "NewStateValue": "ALARM"}),
        "Timestamp": to_text(NOW),
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE,
    }
    if kind != "Notification":
        told |= {"Token": "t/0&1", "SubscribeURL": "https://evil.example.com/?Action=ConfirmSubscription"}
    told |= changes
    names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{told[name]}\n" for name in names if name in told)
    kind_of_hash = hashes.SHA1() if version == "1" else hashes.SHA256()
    return told | {"Signature": base64.b64encode(KEY.sign(text.encode(), padding.PKCS1v15(), kind_of_hash)).decode()}


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("kind", ["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_messages_of_amazon_are_believed(kind: str, version: str) -> None:
    web = Web()
    sns = Sns([TOPIC], web.fetch)
    for _ in range(3):
        sns.check(message(kind, version), NOW)
    assert web.asked == [CERTIFICATE], "asked once"


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "other"},
        {"MessageId": "other"},
        {"Type": "SubscriptionConfirmation"},
        {"Type": "Other"},
        {"Signature": ""},
        {"Signature": "!!!"},
        {"SignatureVersion": "3"},
        {"Timestamp": "2020-01-01T00:00:00Z"},
        {"Timestamp": "soon"},
        {"SigningCertURL": "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"},
        {
            "SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0123456789ab.pem"
        },
        {"SigningCertURL": "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789.pem"},
        {"SigningCertURL": "https://x@sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"},
        {"SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com/../bucket/SimpleNotificationService-0123456789.pem"},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem?x=1"},
        {"SigningCertURL": "https://s3.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"},
        {"SigningCertURL": ""},
    ],
)
def test_what_amazon_did_not_sign_is_not_believed(change: dict[str, str]) -> None:
    web = Web()
    with pytest.raises(Unauthenticated):
        Sns([TOPIC], web.fetch).check(message() | change, NOW)
    assert web.asked in ([], [CERTIFICATE]), "nothing else is ever asked"


def test_only_allowed_topics_count() -> None:
    web = Web()
    with pytest.raises(Forbidden):
        Sns([], web.fetch).check(message(), NOW)
    with pytest.raises(Forbidden):
        Sns([TOPIC], web.fetch).check(message(TopicArn=TOPIC + "2"), NOW)
    assert web.asked == []


def test_a_subscription_is_confirmed_where_amazon_is_and_not_where_the_message_says() -> None:
    web = Web()
    Sns([TOPIC], web.fetch).confirm(message("SubscriptionConfirmation"))
    assert web.asked == [
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
        "&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Aalarms&Token=t%2F0%261&Version=2010-03-31"
    ]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    engine, web = FakeEngine(), Web()
    monkeypatch.setattr("api.app.fetch", web.fetch)
    monkeypatch.setattr("api.deliveries.utc_now", lambda: NOW)
    settings = Settings(sns_topics=[TOPIC])
    with TestClient(create_app(engine, settings), headers={"X-API-Key": engine.key(Scope.INGEST)}) as client:
        yield client


def test_an_alarm_comes_in_by_sns_once_however_often_it_is_delivered(client: TestClient) -> None:
    sent = message()
    for _ in range(2):
        answer = client.post("/v1/ingest/cloudwatch", json=sent, headers={"x-amz-sns-message-id": sent["MessageId"]})
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert client.post("/v1/ingest/cloudwatch", json=message("SubscriptionConfirmation")).status_code == 202
    assert client.post("/v1/ingest/cloudwatch", json=message() | {"Message": "{}"}).status_code == 401
    for body in (b"[]", b"7", b"{}", b"{", b'{"TopicArn": {}}', b'{"TopicArn": ["a"]}'):
        assert client.post("/v1/ingest/cloudwatch", content=body).status_code in (401, 403, 422)


# -- what we call

INSIDE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::", "::1", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "::ffff:a00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::", "2001:db8::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe", "not an address", "",
]  # fmt: skip
WRONG = [
    "http://sns.example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/",
    "example.com", "", "https://", "https:///x", "https://example.com:22/", "https://example.com:80/",
    "https://user@example.com/", "https://user:pw@example.com/", "https://127.0.0.1/", "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/", "https://0177.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://localhost/",
    "https://intranet/", "https://example.com\\@evil.com/", "https://exa mple.com/",
    "https://example.com\r\nHost: evil/",
    "https://ex\u00e4mple.com/", "https://example.com%00.evil.com/", "https://-example.com/", "https://example..com/",
    "https://" + "a" * 300 + ".com/", "https://example.com:99999/", "https://example.com:x/", "https://[::1/",
    "jar:https://a.com",
    "https://example.com<script>/", "https://\u2488\u2489.com/",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_not_called(address: str) -> None:
    assert not outgoing.is_public(address)
    with pytest.raises(InvalidInput):
        outgoing.checked("https://looks-fine.example.com/", resolve=lambda _name, _port: ["93.184.215.14", address])


@pytest.mark.parametrize("url", WRONG)
def test_other_addresses_are_not_called(url: str) -> None:
    with pytest.raises(InvalidInput):
        outgoing.checked(url, resolve=lambda _name, _port: ["93.184.215.14"])


def test_the_address_that_was_looked_at_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers otherwise the second time gains nothing."""
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])
    called: list[Any] = []
    monkeypatch.setattr(outgoing, "checked", lambda url: real(url, resolve=lambda _name, _port: next(answers)))

    def connect(address: Any, timeout: float) -> Any:
        called.append(address)
        raise OSError

    monkeypatch.setattr("socket.create_connection", connect)
    with pytest.raises(Unavailable):
        outgoing.fetch("https://sns.example.com/x")
    assert called == [("93.184.215.14", 443)]


real = outgoing.checked


def test_sixty_forms_and_more() -> None:
    assert len(INSIDE) + len(WRONG) >= 60
