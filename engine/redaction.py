"""Secrets and personal data out of text, before it reaches disk, logs, an index or a model.

What is taken out leaves a word that says what it was: `[secret]`, `[email]`, `[card]`, `[iban]`, `[phone]`, `[ssn]`.
Most alerts hold none of these: a few substring tests tell, so that a storm pays two microseconds an alert.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from engine.domain import Alert, Incident, Resolution, Runbook, fingerprint_of

SECRET = "[secret]"  # noqa: S105 - what stands in a secret's place
_NAMES = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|client[_-]?secret|api[_-]?key|"
    r"access[_-]?key(?:[_-]?id)?|private[_-]?key|account[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|"
    r"id[_-]?token|session[_-]?(?:id|token)|token|credentials?|authorization|connection[_-]?string|"
    r"(?:set[_-]?)?cookie|sig(?:nature)?|otp|pin"
)
# A label of such a name is a secret whatever it says.
_SECRET_NAME = re.compile(rf"(?:^|[_.\-/ ])(?:{_NAMES})$", re.IGNORECASE)
_ASSIGNED = re.compile(
    rf"(?P<name>(?<![A-Za-z])(?:[A-Za-z0-9]{{1,30}}[_.\-]){{0,4}}(?:{_NAMES})['\"]?\s*(?:=>|:=|[=:])\s*)"
    r"(?P<value>\"[^\"\n]{1,4000}\"|'[^'\n]{1,4000}'|(?:bearer|basic|token|negotiate)\s+[^\s,;\"']{4,4000}|"
    # A word before a colon may be the next name ("token: reason: expired"), but not right behind an equals sign.
    r"(?:(?<==)|(?<=>)|(?![A-Za-z_.\-]{1,60}\s*[=:]\s))[^\s,;&\"'\[\]{}]{3,4000})",
    re.IGNORECASE,
)
_TOKENS = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[^-]{0,20000}"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z|(?=-))"
    r"|\beyJ[\w-]{5,2000}\.[\w-]{5,6000}(?:\.[\w-]{0,2000})?"  # JWT
    r"|\b(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,255}|\bgithub_pat_\w{20,255}"
    r"|\bgl(?:pat|ptt|dt|rt|soat)-[\w-]{20,255}|\bgl(?:sa|c)_[\w=+/-]{20,255}"  # GitLab, Grafana
    r"|\bxox[abeoprs]-[\w-]{10,255}|\bxapp-[\w-]{10,255}"
    r"|https://hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+-]{10,255}"
    r"|https://(?:canary\.|ptb\.)?discord(?:app)?\.com/api/webhooks/\d{5,30}/[\w-]{20,255}"
    r"|https://[\w.-]{1,100}\.webhook\.office\.com/[\w@/-]{20,500}"
    r"|\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,255}|\bwhsec_[A-Za-z0-9+/=]{20,255}"
    r"|\bsk-(?:ant-|proj-|or-)?[\w-]{20,255}"
    r"|\bAIza[\w-]{35}|\bya29\.[\w-]{20,500}|\bGOCSPX-[\w-]{20,60}"
    r"|\bnpm_[A-Za-z0-9]{30,60}|\bpypi-[\w-]{40,500}|\bhf_[A-Za-z0-9]{30,60}|\bdckr_pat_[\w-]{20,60}"
    r"|\bSG\.[\w-]{16,60}\.[\w-]{16,100}|\bkey-[0-9a-z]{32}\b|\b(?:SK|AC)[0-9a-f]{32}\b"
    r"|\bdo[opr]_v1_[0-9a-f]{40,80}|\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|\bhv[sbr]\.[\w-]{20,255}|\bdapi[0-9a-f]{32}"
    r"|\bATATT3[\w=-]{20,500}|\bNRAK-[A-Z0-9]{20,40}|\bNRII-[\w-]{20,60}|\blin_api_\w{20,80}|\bdp\.(?:pt|st|ct)\.\w{20,80}"
    r"|\b\d{8,10}:AA[\w-]{33}\b"  # Telegram
    r"|\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}|\bsq0(?:atp|csp)-[\w-]{20,60}|\bpf_[0-9a-f]{8}_[\w-]{20,100}"
    r"|\bAGE-SECRET-KEY-1[A-Z0-9]{50,70}"
)
_IN_URL = re.compile(r"(?<=://)[^\s/@:\"']{0,200}:[^\s/@\"']{1,500}(?=@)")
_SPOKEN = re.compile(
    r"\b(?P<name>bearer|basic|authorization)(?P<gap>:?\s+)(?P<value>[A-Za-z0-9._~+/=-]{16,4000})", re.IGNORECASE
)
_FLAG = re.compile(
    rf"(?P<name>(?:--?(?:[a-z]{{1,20}}-){{0,3}}(?:{_NAMES})|"
    r"(?:curl|wget|http)\b[^\n]{0,200}?\s(?:-u|--user))\s+)"
    r"(?P<value>\"[^\"\n]{1,500}\"|'[^'\n]{1,500}'|[^\s\"'-]\S{2,500})",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+%-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}[A-Za-z]{2,24}(?![\w@])")
_CARD = re.compile(
    r"(?<![\w.-])(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|3[47]\d\d|6(?:011|5\d\d))(?:[ -]?\d{3,6}){2,4}(?![\w-]|\.\d)"
)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")
_SSN = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])")
_PHONE = re.compile(r"(?<![\w+])\+[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}(?!\w|[.:]\d)")
_NAMED = (
    "pass", "pwd", "secret", "token", "cookie", "cred", "auth", "bearer", "basic", "key", "sig", "otp", "pin",
    "connection", "session", " -u", "--user",
)  # fmt: skip
_DIGITS = re.compile(r"\d[\dA-Z ().-]{7}")
_SHORTEST, _LONG_WORD, _MANY_DIGITS = 6, 18, 9  # what a text needs to hold a secret, a token, a number of a person


def redact(text: str) -> str:
    """`text` without secrets and personal data.

    Examples
    --------
    >>> redact("login of dana@example.com failed: password=hunter2 at postgres://app:s3cr3t@db-1/orders")
    'login of [email] failed: password=[secret] at postgres://[secret]@db-1/orders'
    >>> redact("disk at 97% on db-1")
    'disk at 97% on db-1'
    """
    if len(text) < _SHORTEST or (len(text) < _LONG_WORD and text.isalnum()):
        return text
    return _remembered(text) if len(text) <= _NOT_REMEMBERED else _redacted(text)


_NOT_REMEMBERED = 200  # characters from which on a text is hardly ever sent twice


def _redacted(text: str) -> str:
    """Look for what the text has room for: a few quick tests tell, which is what most texts cost."""
    lower = text.lower()
    if max(map(len, text.split()), default=0) >= _LONG_WORD or "private key" in lower:
        text = _TOKENS.sub(SECRET, text)
    if "@" in text:
        text = _IN_URL.sub(SECRET, text)
    if any(hint in lower for hint in _NAMED):
        text = _SPOKEN.sub(rf"\g<name>\g<gap>{SECRET}", text)
        text = _FLAG.sub(rf"\g<name>{SECRET}", _ASSIGNED.sub(_assigned, text))
    if "@" in text:
        text = _EMAIL.sub("[email]", text)
    raw = text.encode("utf-8", "replace")
    many = len(raw) - len(raw.translate(None, b"0123456789")) >= _MANY_DIGITS
    return _without_numbers(text) if many and _DIGITS.search(text) else text


_remembered = lru_cache(maxsize=16_384)(_redacted)  # the same labels come with alert after alert


def _without_numbers(text: str) -> str:
    text = _IBAN.sub(_if(_is_iban, "[iban]"), text)
    text = _CARD.sub(_if(_is_card, "[card]"), text)
    return _PHONE.sub(_if(_is_phone, "[phone]"), _SSN.sub("[ssn]", text))


def _assigned(found: re.Match[str]) -> str:
    """The value of a secret's name; words that only tell its state, and numbers of tokens, stay."""
    value = found["value"].strip("\"'").rstrip(":.")
    if value.startswith("[secret") or value.lower() in _STATES or (value.isdigit() and len(value) < 4):
        return found[0]
    return f"{found['name']}{SECRET}"


_STATES = {
    "expired", "invalid", "missing", "required", "none", "null", "true", "false", "wrong", "rejected", "revoked", "not",
    "no", "yes", "ok", "failed", "failure", "error", "mismatch", "unknown", "empty", "incorrect", "changed", "rotated",
    "valid", "denied", "refused", "the", "is", "was", "has",
}  # fmt: skip


def _if(check: Callable[[str], bool], word: str) -> Callable[[re.Match[str]], str]:
    return lambda found: word if check(found[0]) else found[0]


def _is_card(text: str) -> bool:
    """Whether the digits are as many as a card's, and their check digit is right (Luhn)."""
    digits = [int(one) for one in text if one.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return len(digits) in (15, 16) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """Whether the check digits are right (ISO 7064)."""
    plain = text.replace(" ", "")
    turned = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(one, 36)) for one in turned)) % 97 == 1


def _is_phone(text: str) -> bool:
    return 9 <= sum(one.isdigit() for one in text) <= 15


@lru_cache(maxsize=4_096)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def redact_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels without secrets: in values, and all of a value whose name says that it is one."""
    return {redact(key): SECRET if _names_a_secret(key) else redact(value) for key, value in labels.items()}


def redact_value(value: Any) -> Any:
    """A JSON value without secrets: in texts, and whole values of names that say so."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [redact_value(item) for item in value]
    if isinstance(value, dict):
        return {
            redact(key): SECRET if isinstance(item, str) and _names_a_secret(key) else redact_value(item)
            for key, item in value.items()
        }
    return value


def redact_alert(alert: Alert) -> Alert:
    """`alert` without secrets and personal data; its id and symptom stay its own."""
    sent = (alert.title, alert.description, alert.service, alert.host, alert.source)
    told = tuple([redact(text) for text in sent])
    labels, fingerprint = redact_labels(alert.labels), redact(alert.fingerprint)
    if told == sent and labels == alert.labels and fingerprint == alert.fingerprint:
        return alert
    if fingerprint != alert.fingerprint:  # another symptom must not become this one
        fingerprint = fingerprint_of("", alert.fingerprint, "", "", {})
    title, description, service, host, source = told
    return replace(
        alert,
        title=title,
        description=description,
        service=service,
        host=host,
        source=source,
        fingerprint=fingerprint,
        labels=labels,
    )


def redact_incident(incident: Incident) -> Incident:
    """`incident` without them; who resolved it stays, people are asked by that name."""
    fixed = incident.resolution
    return replace(
        incident,
        title=redact(incident.title),
        description=redact(incident.description),
        fields=redact_labels(incident.fields),
        resolution=redact_resolution(fixed) if fixed else None,
    )


def redact_resolution(resolution: Resolution) -> Resolution:
    """`resolution` without them; who did it stays."""
    return replace(resolution, text=redact(resolution.text))


def redact_runbook(runbook: Runbook) -> Runbook:
    """`runbook` without them: pages that say what to do like to say with which password."""
    return replace(runbook, title=redact(runbook.title), url=redact(runbook.url), text=redact(runbook.text))
