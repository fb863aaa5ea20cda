"""Which alerts are meant: conditions on fields and labels, in the notation of Alertmanager's silences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.domain import Alert
from engine.errors import InvalidInput
from engine.lifecycle.automaton import compiled

FIELDS = ("source", "title", "service", "host", "severity", "fingerprint")
_TEXT = re.compile(r"\s*([^\s=!~\"{},]+)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_MOST = 20  # conditions of one window or rule
_LONGEST = 500


class Op(StrEnum):
    """How a value is compared; patterns are matched as a whole, as in Alertmanager."""

    IS = "="
    IS_NOT = "!="
    FITS = "=~"
    FITS_NOT = "!~"


@dataclass(frozen=True, kw_only=True, slots=True)
class Matcher:
    r"""One condition. `field` is one of `FIELDS`, or a label's name; a field or label that is missing counts as "".

    Examples
    --------
    >>> str(Matcher(field="host", op=Op.FITS, value="db-\\d+"))
    'host=~"db-\\d+"'
    """

    field: str
    op: Op
    value: str

    def __post_init__(self) -> None:
        if not 0 < len(self.field) <= _LONGEST or len(self.value) > _LONGEST:
            raise InvalidInput(f"a matcher needs a field, and has no more than {_LONGEST} characters")
        if self.op in (Op.FITS, Op.FITS_NOT):
            compiled(self.value)

    def __str__(self) -> str:
        quoted = self.value.replace('"', '\\"')
        return f'{self.field}{self.op.value}"{quoted}"'

    def holds(self, alert: Alert) -> bool:
        """Whether `alert` meets it."""
        return self.accepts(value_of(alert, self.field))

    def accepts(self, value: str) -> bool:
        """Whether a field of this value meets it."""
        if self.op is Op.IS:
            return value == self.value
        if self.op is Op.IS_NOT:
            return value != self.value
        return compiled(self.value).matches(value) is (self.op is Op.FITS)


def value_of(alert: Alert, field: str) -> str:
    """What `alert` has under `field`; `labels.x` is the label `x` also where a field is called so.

    Service and host fall back to the labels of these names, "" where there is none.
    """
    if field in FIELDS:
        own = str(getattr(alert, field))
        return own or alert.labels.get(field, "")
    return alert.labels.get(field.removeprefix("labels."), "")


def all_hold(matchers: Iterable[Matcher], alert: Alert) -> bool:
    """Whether `alert` meets every one."""
    return all(matcher.holds(alert) for matcher in matchers)


def require_selective(matchers: Sequence[Matcher], name: str) -> None:
    """Refuse conditions that everything meets: at least one must not accept a missing field.

    Raises
    ------
    InvalidInput
        If there is none such, or there are too many. `name` says which list it is.
    """
    if len(matchers) > _MOST:
        raise InvalidInput(f"{name} has more than {_MOST} matchers")
    if all(matcher.accepts("") for matcher in matchers):
        raise InvalidInput(f'{name} would match every alert: for that, write source=~".+"')


def parse_matcher(text: str) -> Matcher:
    """A condition as people write it.

    Raises
    ------
    InvalidInput
        If it is none.

    Examples
    --------
    >>> parse_matcher('service=orders-db').op, parse_matcher('host!~"db-.*"').value
    (<Op.IS: '='>, 'db-.*')
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        raise InvalidInput('a matcher is written like service="orders-db" or host=~"db-.*"')
    field, op, value = found.groups()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1].replace('\\"', '"')
    return Matcher(field=field, op=Op(op), value=value)
