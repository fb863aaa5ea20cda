"""An incident as retrieval reads it: cleaned text cut into fields that mean different things."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from engine.domain import Alert, Incident
from engine.suggest import entities
from engine.text import words

FIELDS = {
    "title": "same title",
    "head": "same words",  # title and the first sentences
    "body": "same words",  # title and the whole description
    "names": "same identifiers",  # as written: classes, exceptions, error codes, hosts, commands, paths
    "phrases": "same phrases",  # pairs of neighbouring words
    "letters": "same title",  # runs of four letters of the title: forgives typing errors and compounds
    "codes": "same identifiers",  # exceptions and error codes
    "roles": "same identifiers",  # what the hosts are for
    "commands": "same identifiers",  # tools in use, and for what
    "labels": "same labels",  # further fields of the ticket, "name=value"
}
TITLE_LIMIT = 500  # characters; a longer title is a pasted body
HEAD_LIMIT = 400  # characters of a body that usually say what is wrong
BODY_LIMIT = 6_000  # characters of a body that are indexed: beyond it are dumps, which only repeat
ENCODED_LIMIT = 600  # characters given to the encoder after the title, about its 128 tokens
_TELLERS = ("reporter", "reported_by", "caller", "caller_id", "requester", "requested_by", "opened_by", "created_by")
_LABEL_LIMIT = 80  # characters; what is longer is text
_LABELS_READ = 10  # values of one field
_LISTED = re.compile(r"[,;|]")
_ALERTS_READ = 20  # leading alerts whose titles join the text of the question

_TAG = re.compile(
    r"</?(?:p|br|div|span|b|i|u|a|em|strong|font|pre|code|table|tbody|tr|td|th|ul|ol|li|h[1-6]|html|body|head|img|hr)"
    r"\b[^<>]{0,500}>",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"\{(?:code|noformat|quote|color|panel)[^{}\n]{0,80}\}|^\s*[*#>-]+\s", re.MULTILINE)
_MOJIBAKE = re.compile("[ÂÃâ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[.:/$#-]+[A-Za-z0-9_]+)*")
_TELLING = re.compile(r"[a-z][A-Z]|[._:/$#]|\d|^[A-Z]{3,}$")
_SPELLED = re.compile(r"[^\W_]+")
_VOWEL = re.compile("[aeiouy]")
_NUMBER = re.compile(r"(?<![\w.:-])\d{3,6}(?![\w.:-])")
_STOP = frozenset(
    re.findall(
        r"\w+",
        """
    a an and are as at be been but by can did do does for from had has have he i if in into is it its me my no not
    of on or our she so such than that the their them then there these they this to too us was we were what when
    where which while who why will with would you your
""",
    )
)


@dataclass(frozen=True, slots=True)
class Document:
    """The searched fields of one incident, as lists of terms by the names of `FIELDS`; a term may repeat."""

    fields: dict[str, list[str]]
    encoded: str  # the text that the encoder reads


def document_of(incident: Incident, alerts: Sequence[Alert] = ()) -> Document:
    """Cut `incident` into fields; titles of its leading `alerts` join the body."""
    heading = clean(incident.title[:TITLE_LIMIT])
    told = dict.fromkeys(alert.title for alert in alerts[:_ALERTS_READ])
    body = clean("\n".join([incident.description[:BODY_LIMIT], *(title[:TITLE_LIMIT] for title in told)]))
    title = terms(heading)
    opening = terms(body[:HEAD_LIMIT])
    told_text = f"{heading}\n{body}"
    fields = {
        "title": title,
        "head": title + title + opening,
        "body": title + terms(body),
        "names": names(told_text),
        "phrases": pairs(title) + pairs(opening),
        "letters": letters(heading),
        "codes": entities.codes(told_text),
        "roles": entities.roles(told_text),
        "commands": entities.kinds_of_command(told_text),
        "labels": labels(incident.fields),
    }
    return Document(fields=fields, encoded=f"{heading}\n{body[:ENCODED_LIMIT]}".strip())


def clean(text: str) -> str:
    """`text` without markup and control characters, with wrongly decoded UTF-8 put right.

    Examples
    --------
    >>> clean("<p>Caf\\u00c3\\u00a9 &amp; bar</p>").strip()
    'Café & bar'
    """
    if _MOJIBAKE.search(text):
        text = _decoded_again(text)
    text = html.unescape(text) if "&" in text else text
    text = _CONTROL.sub(" ", _MARKUP.sub(" ", _TAG.sub(" ", text)))
    return text.replace("<", "< ")  # what is left is no markup, and must not look like a masked word either


def terms(text: str) -> list[str]:
    """Stemmed words of `text` without the commonest ones, in order.

    Examples
    --------
    >>> terms("The disks were failing on node7")
    ['disk', 'fail', 'node7']
    """
    return [stem(word) for word in words(text) if word not in _STOP and _worth(word)]


def names(text: str) -> list[str]:
    """Identifiers of `text` as written, lower-cased, and the last part of dotted ones.

    Examples
    --------
    >>> names("java.io.IOException on db-01: ORA-12514")
    ['java.io.ioexception', 'ioexception', 'db-01', 'ora-12514']
    """
    found: list[str] = []
    for name in _NAME.findall(text):
        if len(name) <= 200 and _TELLING.search(name):
            found.append(name.lower())
            last = re.split(r"[.:/$#]", name)[-1]
            if last != name and len(last) > 2:
                found.append(last.lower())
    return found + _NUMBER.findall(text)


def labels(fields: Mapping[str, str]) -> list[str]:
    """Further fields of a ticket as terms; a list of values is taken apart, and what is long is text, no label.

    Examples
    --------
    >>> labels({"Channel": "Phone", "versions": "2.1, 2.2", "notes": ""})
    ['channel=phone', 'versions=2.1', 'versions=2.2']
    """
    told = [(name, value) for name, text in fields.items() for value in _LISTED.split(text)[:_LABELS_READ]]
    return [f"{name}={value.strip()}".casefold() for name, value in told if 0 < len(value.strip()) <= _LABEL_LIMIT]


def teller_of(incident: Incident) -> str:
    """Who told of the incident, where a field of the ticket says so; "" otherwise.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> teller_of(Incident(id="1", opened_at=datetime(2026, 1, 1, tzinfo=UTC), fields={"Opened by": "dana"}))
    'dana'
    """
    named = {re.sub(r"[^a-z]+", "_", name.casefold()).strip("_"): value for name, value in incident.fields.items()}
    return next((named[name] for name in _TELLERS if named.get(name)), "")


def _worth(word: str) -> bool:
    return word[0] != "<" and (len(word) > 1 or not word.isascii())


def pairs(words_in_order: Sequence[str]) -> list[str]:
    """Neighbouring words as one term each.

    Examples
    --------
    >>> pairs(["disk", "is", "full"])
    ['disk is', 'is full']
    """
    return [f"{first} {second}" for first, second in pairwise(words_in_order)]


def letters(text: str) -> list[str]:
    """Runs of four characters of `text`, punctuation aside.

    Examples
    --------
    >>> letters("Disk!")
    [' dis', 'disk', 'isk ']
    """
    plain = f" {' '.join(_SPELLED.findall(text.casefold()))} "
    return [plain[start : start + 4] for start in range(len(plain) - 3)]


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """`word` without its commonest English endings: cruder than Porter's, and never below three letters.

    Examples
    --------
    >>> [stem(word) for word in ("timeouts", "closed", "closing", "close", "queries", "string", "process")]
    ['timeout', 'clos', 'clos', 'clos', 'query', 'string', 'process']
    """
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and _VOWEL.search(word, 0, len(word) - len(ending)):
            word = word[: -len(ending)]
            return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls" else word
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def _decoded_again(text: str) -> str:
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        pass
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
