"""The ticket exports that are recognised. A new tool is one `Form` and its name in `FORMS`."""

from __future__ import annotations

from training.exports.desks import FRESHSERVICE, GLPI, SERVICENOW
from training.exports.form import COMMENT, COMMON, OUTCOME, STATUS, UPDATED, Form
from training.exports.trackers import JIRA, OSTICKET, PAGERDUTY, ZENDESK

FORMS: tuple[Form, ...] = (SERVICENOW, JIRA, PAGERDUTY, FRESHSERVICE, ZENDESK, GLPI, OSTICKET)
PLAIN = Form(name="plain", marks=(), columns={})  # nobody's: the columns of INCIDENTS, and what comes close

__all__ = ["COMMENT", "COMMON", "FORMS", "OUTCOME", "PLAIN", "STATUS", "UPDATED", "Form"]
