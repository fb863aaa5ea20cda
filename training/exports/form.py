"""What a ticket export is: how a tool heads its columns, and what we call that. One line a column.

Where several columns mean one field, the first one that holds something counts. Headers are compared in the form that
`training.history.header` gives them (lower case, `_` between words, Jira's "Custom field (...)" taken off).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Fields beside those of INCIDENTS, which say something about the outcome and so are never kept as open-time fields:
STATUS = "status"  # tells open from closed
UPDATED = "updated"  # the closing time of a closed ticket that names no other
COMMENT = "comment"  # `date;author;text`: the last one before the closing stands in for a missing resolution
OUTCOME = "outcome"  # known only later: left out


@dataclass(frozen=True, kw_only=True)
class Form:
    """One tool's export."""

    name: str
    marks: tuple[frozenset[str], ...]  # it is this tool's if all headers of one of these sets are there
    columns: Mapping[str, str]  # header -> field
    priorities: Mapping[str, str] = field(default_factory=dict)  # numbers that only this tool's users can read
    closed: frozenset[str] = frozenset()  # states that mean closed and that only this tool's users can read


COMMON: Mapping[str, str] = {
    "id": "id",
    "number": "id",
    "key": "id",
    "incident_id": "id",
    "ticket_id": "id",
    "incident_number": "id",
    "opened_at": "opened_at",
    "opened": "opened_at",
    "created_at": "opened_at",
    "created": "opened_at",
    "date_created": "opened_at",
    "start_time": "opened_at",
    "reported_at": "opened_at",
    "closed_at": "closed_at",
    "resolved_at": "closed_at",
    "solved_at": "closed_at",
    "closed": "closed_at",
    "resolved": "closed_at",
    "end_time": "closed_at",
    "title": "title",
    "summary": "title",
    "subject": "title",
    "short_description": "title",
    "description": "description",
    "details": "description",
    "body": "description",
    "service": "service",
    "service_name": "service",
    "application": "service",
    "component": "service",
    "category": "category",
    "priority": "priority",
    "severity": "priority",
    "resolver": "resolver",
    "resolved_by": "resolver",
    "assignee": "resolver",
    "assigned_to": "resolver",
    "team": "team",
    "assignment_group": "team",
    "group": "team",
    "resolution": "resolution",
    "resolution_notes": "resolution",
    "solution": "resolution",
    "fix": "resolution",
    "status": STATUS,
    "state": STATUS,
    "updated_at": UPDATED,
    "updated": UPDATED,
}
