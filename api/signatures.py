"""Signatures of webhooks, checked on the bytes as they came, before anything reads them.

A source with a secret in `PATHFINDER_WEBHOOK_SECRETS` has to sign; its key alone opens nothing then. Read are the forms
of Grafana, GitHub and its kind, PagerDuty, Sentry and Standard Webhooks, all of them HMAC-SHA256.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from api.errors import Unauthenticated

_TOLERANCE_S = 300  # how old a signature may be, where it says when it was made
_HEX_HEADERS = (
    b"x-hub-signature-256", b"x-pagerduty-signature", b"sentry-hook-signature", b"x-grafana-alerting-signature",
    b"x-pathfinder-signature",
)  # fmt: skip
_STAMPS = (b"x-grafana-alerting-timestamp", b"x-pathfinder-timestamp")
_MOST_SIGNATURES = 10


def check(
    source: str, headers: Iterable[tuple[bytes, bytes]], body: bytes, secrets: Mapping[str, str], now: datetime
) -> None:
    """Pass if `source` has no secret, or `body` is signed with one of its secrets.

    Raises
    ------
    Unauthenticated
        If no signature is there, none is right, or it was made too long ago.
    """
    own = [secret.strip() for secret in secrets.get(source, "").split(",") if secret.strip()]
    if not own:
        return
    found = dict(headers)
    sent = list(_signatures(found, now))[:_MOST_SIGNATURES]
    if not any(_is_right(signature, prefix + body, secret) for prefix, signature in sent for secret in own):
        raise Unauthenticated("this source has to sign: the signature is missing, old or wrong")


def _signatures(headers: Mapping[bytes, bytes], now: datetime) -> Iterator[tuple[bytes, bytes]]:
    """What each signature covers before the body, and its digest."""
    stamp = next((headers[name] for name in _STAMPS if name in headers), b"")
    if stamp and not _is_fresh(stamp, now):
        return
    for name in _HEX_HEADERS:
        for part in headers.get(name, b"").split(b","):
            digest = part.strip().rpartition(b"=")[2] if part.strip()[:7] in (b"sha256=",) else part.strip()
            digest = digest.removeprefix(b"v1=")
            if (raw := _unhexed(digest)) is not None:
                yield (stamp + b":" if stamp else b""), raw
    yield from _standard(headers, now)


def _standard(headers: Mapping[bytes, bytes], now: datetime) -> Iterator[tuple[bytes, bytes]]:
    """Standard Webhooks: id.timestamp.body, several signatures in one header while secrets are changed."""
    for kind in (b"webhook", b"svix"):
        name, stamp = headers.get(kind + b"-id", b""), headers.get(kind + b"-timestamp", b"")
        if not name or not _is_fresh(stamp, now):
            continue
        for part in headers.get(kind + b"-signature", b"").split():
            version, _, digest = part.partition(b",")
            if version == b"v1" and (raw := _unbased(digest)) is not None:
                yield name + b"." + stamp + b".", raw


def _is_right(signature: bytes, text: bytes, secret: str) -> bool:
    keys = [secret.encode()]
    if secret.startswith("whsec_") and (raw := _unbased(secret.removeprefix("whsec_").encode())) is not None:
        keys = [raw]
    return any(hmac.compare_digest(hmac.new(key, text, hashlib.sha256).digest(), signature) for key in keys)


def _is_fresh(stamp: bytes, now: datetime) -> bool:
    if not stamp.isdigit() or len(stamp) > 13:
        return False
    seconds = int(stamp) / (1000 if len(stamp) > 11 else 1)
    return abs(now.timestamp() - seconds) <= _TOLERANCE_S


def _unhexed(text: bytes) -> bytes | None:
    try:
        return binascii.unhexlify(text) if len(text) == 64 else None
    except binascii.Error:
        return None


def _unbased(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
