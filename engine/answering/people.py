"""People and their calendars: who there is, when they can be asked, the firm's rules, and what people say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine.answering import staffing
from engine.answering.register import Register
from engine.clock import to_text
from engine.domain import Incident, Responder
from engine.errors import NotFound
from engine.redaction import redact
from engine.route import Policy, Roster
from engine.route.ical import read_time_off
from engine.route.ownership import Ownership
from engine.route.people import read_people
from engine.route.rota import Rota
from engine.route.watch import Watch
from engine.store import incidents, reference, routing
from engine.store.records import Event


class People(Register):
    """The register of people. All methods raise Unavailable."""

    def import_responders(self, csv_text: str) -> tuple[int, list[str]]:
        """Create or replace the people of a CSV; returns how many, and what is wrong with rows left out.

        Time off that a file does not tell of stays as it was. Raises InvalidInput.
        """
        people, problems = read_people(csv_text)
        with self.store.write() as tx:
            known = {one.id: one for one in reference.responders(tx.link)}
            kept = [
                replace(one, time_off=known[one.id].time_off) if one.id in known and not one.time_off else one
                for one in people
            ]
            reference.put_responders(tx, kept)
        return len(people), problems

    def take_calendar(self, responder_id: str, ical_text: str) -> Responder:
        """Put the busy stretches of an iCalendar in place of the person's time off. Raises NotFound, InvalidInput."""
        with self.store.write() as tx:
            person = reference.responder(tx.link, responder_id)
            person = replace(person, time_off=read_time_off(ical_text, person.timezone))
            reference.put_responders(tx, [person])
        return person

    def roster(self, at: datetime) -> Roster:
        """The people with what they have on hand and who is on call, at `at`."""
        with self.store.read() as link:
            return staffing.roster(link, at)

    def policy(self) -> Policy:
        """The firm's rules."""
        with self.store.read() as link:
            return staffing.policy(link)

    def put_policy(self, policy: Policy) -> Policy:
        """Replace them."""
        with self.store.write() as tx:
            routing.put(tx, routing.POLICY, policy.to_data())
        return policy

    def rotas(self) -> list[Rota]:
        """Who takes turns on call."""
        with self.store.read() as link:
            return staffing.rotas(link)

    def put_rota(self, rota: Rota) -> Rota:
        """Create or replace. Raises NotFound if a member is nobody known."""
        with self.store.write() as tx:
            known = {one.id for one in reference.responders(tx.link)}
            if not known.issuperset(rota.members):
                raise NotFound("a member of the rota is no responder")
            rest = [one for one in staffing.rotas(tx.link) if one.id != rota.id]
            told = sorted([*rest, rota], key=lambda one: one.id)
            routing.put(tx, routing.ROTAS, {"rotas": [one.to_data() for one in told]})
        return rota

    def delete_rota(self, rota_id: str) -> None:
        """Remove. Raises NotFound."""
        with self.store.write() as tx:
            found = staffing.rotas(tx.link)
            if all(one.id != rota_id for one in found):
                raise NotFound("there is no rota of this id")
            routing.put(tx, routing.ROTAS, {"rotas": [one.to_data() for one in found if one.id != rota_id]})

    def renames(self) -> Mapping[str, str]:
        """New names of teams and people by their old ones."""
        with self.store.read() as link:
            return staffing.renames(link)

    def put_renames(self, names: Mapping[str, str]) -> Mapping[str, str]:
        """Tell the past anew after a reorganisation: every process learns it under the new names."""
        with self.store.write() as tx:
            routing.put(tx, routing.RENAMES, {"names": dict(names)})
        return names

    def ownership(self) -> list[Ownership]:
        """Who looks after what."""
        with self.store.read() as link:
            return staffing.ownership(link)

    def put_ownership(self, owned: Sequence[Ownership], at: datetime) -> int:
        """Replace what is known of ownership; it counts like a few resolved incidents of `at`."""
        with self.store.write() as tx:
            told = {"at": to_text(at), "owned": [one.to_data() for one in owned]}
            routing.put(tx, routing.OWNERSHIP, told)
        return len(owned)

    def comment(self, incident_id: str, text: str, actor: str, at: datetime) -> Incident:
        """Note what somebody says about an incident: it is read with it from now on. Raises NotFound."""
        with self.store.write() as tx:
            record = incidents.leading(tx.link, incident_id)
            told = {"text": redact(text)}
            event = Event(incident_id=record.incident.id, at=at, kind="commented", actor=actor, detail=told)
            incidents.add_events(tx, [event])
            incidents.save(tx, [record])  # its revision moves on: routing looks at it again
        return record.incident

    def routing_watch(self) -> Watch:
        """How good routing has been, week by week."""
        with self.store.read() as link:
            return Watch.from_data(routing.value(link, routing.WATCH))
