"""What a resolution says: whether anything at all, which steps and commands, and whether the cause is gone."""

from __future__ import annotations

import re

from engine.domain import FixKind, Resolution
from engine.text import words

_STEPS = 12  # shown of one fix
_STEP_LIMIT = 400  # characters of one step
_SHORT_FIX = 12  # words; a longer resolution is read as saying something
_BULLET = re.compile(r"^\s*(?:[-*+•>]|\(?\d{1,2}[.)])\s+")
_SENTENCE = re.compile(r"(?<=[.;!])\s+(?=[A-Z0-9`$\"'(])")
_EMPTY_FIX = re.compile(
    r"\b(?:no fault|nothing (?:to do|found|wrong)|no (?:action|fix|change|issue|problem)|false (?:alarm|positive)"
    r"|ignored?|by itself|on its own|resolved itself|self (?:resolved|healed)|auto(?:matically)? (?:closed|resolved)"
    r"|(?:can ?not|could not|cant|can t|unable to) (?:be )?reproduced?|not (?:a )?(?:problem|bug|issue|reproducible)"
    r"|wo ?n t fix|wont fix|works for me|works as designed|duplicate|see (?:chat|above|comments?|other ticket))\b"
)
_EMPTY_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a again all and as auto back been by close closed closing complete completed done fine fix fixed good has
        incident incomplete invalid is issue it itself later n na none normal now ok okay problem resolved service
        solved the this ticket to unknown up was working works
        """,
    )
)
_SAID_TEMPORARY = (
    r"work[- ]?around|temporar(?:y|ily)|for now|stop[- ]?gap|band[- ]?aid|mitigat\w+|until (?:the|we|a|it)",
    r"(?:root )?cause (?:is |was )?(?:still )?(?:open|unknown|unclear|not (?:known|found|clear))",
    r"(?:permanent|real|proper|lasting) (?:fix|solution) (?:is |will )?(?:to (?:follow|come)|pending|planned|later)",
)
_SAID_LASTING = (
    r"permanent(?:ly)?|root cause (?:was|is|fixed|removed|found)|for good|hot ?fix(?:ed)?|bug ?fix(?:ed)?",
    r"fixed (?:in|by|with) (?:release|version|commit|pr|v?\d\S*)|so (?:that )?it (?:can ?not|never|does not)",
)
_LASTING = (
    r"(?:upgrad|patch|replac|rais|increas|extend|enlarg|renew|correct|configur|reconfigur|introduc)\w*",
    r"(?:enabl|disabl|limit|tun|migrat|rewr|chang)\w*|added|set|put|moved|deploy(?:ed)? (?:a |the )?fix",
    r"now (?:runs?|uses?|has|have)|removed the (?:leak|bug|cause)",
)
_TEMPORARY = (
    r"(?:re-?start|re-?boot|re-?cycl|bounc|kill|terminat|clear|flush|purg|clean|revert|retri|drain|cordon)\w*",
    r"fail(?:ed)?[- ]?over|switch(?:ed)? (?:over|to)|roll(?:ed)? ?back|re-?r[au]n|re-?queu\w*|cancel\w*",
)
# In this order: what the words say outright goes before what they only suggest.
_TELLING = tuple(
    (kind, re.compile(rf"\b(?:{'|'.join(words_of)})\b", re.IGNORECASE))
    for kind, words_of in (
        (FixKind.WORKAROUND, _SAID_TEMPORARY),
        (FixKind.PERMANENT, _SAID_LASTING),
        (FixKind.PERMANENT, _LASTING),
        (FixKind.WORKAROUND, _TEMPORARY),
    )
)


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


def kind_of(text: str) -> FixKind:
    """Whether the fix that `text` tells of removes the cause, as far as it says.

    Examples
    --------
    >>> [kind_of(text).value for text in ("Restarted nginx", "Raised the limit to 40", "Restarted; root cause unknown")]
    ['workaround', 'permanent', 'workaround']
    >>> kind_of("Called the provider").value
    'unclear'
    """
    return next((kind for kind, telling in _TELLING if telling.search(text)), FixKind.UNCLEAR)


def steps(text: str) -> tuple[str, ...]:
    """`text` as the list of steps it is: one for each line, point or sentence, as written.

    Examples
    --------
    >>> steps("1. Drain the node\\n2. Replace the disk. Add it again.")
    ('Drain the node', 'Replace the disk.', 'Add it again.')
    """
    lines = [_BULLET.sub("", line).strip() for line in text.splitlines()]
    told = [step.strip() for line in lines for step in _SENTENCE.split(line)]
    return tuple(step[:_STEP_LIMIT] for step in told if step)[:_STEPS]
