"""An incident as retrieval reads it: cleaned text cut into fields that mean different things."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from engine.domain import Alert, Incident, Resolution
from engine.text import words

FIELDS = {
    "title": "same title",
    "head": "same words",  # title and the first sentences
    "body": "same words",  # title and the whole description
    "names": "same identifiers",  # as written: classes, exceptions, error codes, hosts, commands, paths
    "phrases": "same phrases",  # pairs of neighbouring words
    "letters": "same title",  # runs of four letters of the title: forgives typing errors and compounds
}
TITLE_LIMIT = 500  # characters; a longer title is a pasted body
HEAD_LIMIT = 400  # characters of a body that usually say what is wrong
BODY_LIMIT = 6_000  # characters of a body that are indexed: beyond it are dumps, which only repeat
ENCODED_LIMIT = 600  # characters given to the encoder after the title, about its 128 tokens
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
_SHORT_FIX = 12  # words; a longer resolution is read as saying something
_EMPTY_FIX = re.compile(
    r"\b(?:no fault|nothing (?:to do|found|wrong)|no (?:action|fix|change|issue|problem)|false (?:alarm|positive)"
    r"|ignored?|by itself|on its own|resolved itself|self (?:resolved|healed)|auto(?:matically)? (?:closed|resolved)"
    r"|(?:can ?not|could not|cant|can t|unable to) (?:be )?reproduced?|not (?:a )?(?:problem|bug|issue|reproducible)"
    r"|wo ?n t fix|wont fix|works for me|duplicate)\b"
)
_EMPTY_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a again and as auto been by close closed closing done fix fixed has incident incomplete invalid is issue it
        itself later n na none now ok okay resolved the this ticket unknown was works
        """,
    )
)
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
    fields = {
        "title": title,
        "head": title + title + opening,
        "body": title + terms(body),
        "names": names(f"{heading}\n{body}"),
        "phrases": pairs(title) + pairs(opening),
        "letters": letters(heading),
    }
    return Document(fields=fields, encoded=f"{heading}\n{body[:ENCODED_LIMIT]}".strip())


def fix_is_useful(resolution: Resolution | None) -> bool:
    """Whether a resolution says what to do, rather than only that the incident is over.

    Examples
    --------
    >>> fix_is_useful(Resolution(text="Restarted the pool and raised max_connections"))
    True
    >>> fix_is_useful(Resolution(text="Cannot reproduce."))
    False
    """
    if resolution is None:
        return False
    told = words(resolution.text)
    if len(told) > _SHORT_FIX:
        return True
    return not (_EMPTY_WORDS.issuperset(told) or _EMPTY_FIX.search(" ".join(told)))


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
