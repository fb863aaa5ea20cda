"""Alerts as they may be kept: of characters that every database takes, without secrets and personal data."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b

from engine.domain import Alert
from engine.redaction import redact_alert
from engine.store.rows import storable_alert

_MOST = 20_000  # alerts that are remembered as clean, at least
_MOST_SAME = 5_000  # of these, kept whole
_BETWEEN = "\x1f"


class Keeper:
    """Makes alerts keepable; remembers digests of what needed nothing: in a storm the same is told over and over."""

    def __init__(self) -> None:
        """Nothing is remembered."""
        self._new: set[bytes] = set()
        self._old: set[bytes] = set()
        self._same: OrderedDict[str, Alert] = OrderedDict()  # by id, the last of these

    def keepable(self, alert: Alert) -> Alert:
        """`alert` as the store may have it, and will give it back: what is decided on live is what a replay decides on.

        What has been looked at before is known by a digest of all its text, and costs a tenth; where the source knew it
        too, and gave the very same texts, it costs next to nothing.
        """
        known = self._same.get(alert.id)
        if known is not None and known.is_same(alert):
            return alert
        kept = self._looked_at(alert)
        if kept is alert:
            self._same[alert.id] = alert
            if len(self._same) > _MOST_SAME:
                self._same.popitem(last=False)
        return kept

    def _looked_at(self, alert: Alert) -> Alert:
        texts = [alert.id, alert.source, alert.title, alert.description, alert.service, alert.host, alert.fingerprint]
        texts += alert.labels.keys()
        texts += alert.labels.values()
        every = _BETWEEN.join(texts)
        if every.count(_BETWEEN) != len(texts) - 1:  # two alerts could look like one
            return redact_alert(storable_alert(alert))
        digest = blake2b(every.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest in self._new or digest in self._old:
            return alert
        kept = redact_alert(storable_alert(alert))
        if kept is alert:
            self._remember(digest)
        return kept

    def _remember(self, digest: bytes) -> None:
        if len(self._new) >= _MOST:
            self._old, self._new = self._new, set()
        self._new.add(digest)
