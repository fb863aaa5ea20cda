"""Incidents as arrays of numbers: what compiled functions read and write, and what each column of it means.

Texts are numbered once, as tokens; an incident, a member and a reading are a row or an offset. `State` owns the
arrays and makes room in them before anything is put in.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]
Bytes = NDArray[np.uint8]

# What a count in the table is of: beside the incident and the token, part of its key.
PAIR, THING, WORD, KIND, FIELD, SYMPTOM = range(6)

# Columns of `spans` (floats of an incident).
LAST, CLOSED, BEAT, LONGEST = range(4)
SPANS = 4
# Columns of `slots` (whole numbers of an incident).
(
    OFFSET, SIZE, ROOM, BEATS, STORMED, FIRING, OLDER, NEWER, FIRST_MEMBER, LAST_MEMBER, THINGS, WORDS, SYMPTOMS,
    SERVICES, HOSTS, NAMES, MARK, PLACE, TOLD_OF, FIRST_KIND,
) = range(20)  # fmt: skip
KINDS = FIRST_KIND + 6  # first and last kind, and how many, for every level of back-off
AMONG = FIRST_KIND + 9  # one each for the fields that weigh by themselves
SLOTS = AMONG + 5
# Columns of `member_times`.
AT, LAST_AT = range(2)
# Columns of `members`.
HOME, READING, SYMPTOM_OF, RESOLVED, REPEATS, BEFORE, AFTER, SAME_BEFORE, SAME_AFTER, CELLS = range(10)
MEMBERS = 10
# Columns of `table`: an open-addressing hash table of counts. The first two are the key, as `keys` sees it.
COUNT, LINK = range(2, 4)
TABLE = 4
# Columns of `nodes`: places in the order of who holds a token, or of the kinds of an incident.
PREVIOUS, NEXT, HOLDER, TOKEN, FIRST_CELL, LAST_CELL = range(6)
NODES = 6
# Columns of `tokens`.
(
    FIELD_OF, NODE_OF, OLDEST, NEWEST, HELD, REFERENCES, PARTNER_OF, RANKS, RANKED, SHOWN_AS_VALUE, SHOWN_AS_THING,
    SHOWN_AS_WORD, MET_AT, MET,
) = range(14)  # fmt: skip
TOKENS = 14
# `RANKED` of a kind that was never seen in company, of one whose partners are not at hand, of one that waits for them.
UNKNOWN, UNREAD, WAITING = -1, -2, -3
# Columns of `shares`: incidents that showed the token, as value of a field, as thing, as word; as kind, in company.
AS_VALUE, AS_THING, AS_WORD, AS_KIND = range(4)
# Columns of `fields`.
TOTAL, CONCENTRATION = range(2)
# Columns of `symptoms`.
FIRST_OF, LAST_OF, EPISODES, SEEN = range(4)
# A reading in `readings`: these, then its pairs, its things and its words.
N_PAIRS, N_THINGS, N_WORDS, AROUND_AT, N_AROUND, FIRST_OF_KINDS = range(6)
HEAD = FIRST_OF_KINDS + 3
# Columns of `around`.
NODE, SPOT = range(2)
# Columns of `plan` for pairs: key of the field's count, of the value's; -1 where no incident has any. For names: what
# they are evidence of, key.
ABOUT, LOOKED_UP = range(2)
# Columns of `touched`: what a count is of, its token, its row in `table`.
ROLE, OF, ROW = range(3)
# Places in `counters`.
STAMP, FREE_NODE, FREE_NODES, USED, THING_FIELD, WORD_FIELD, TOUCHED = range(7)
COUNTERS = 7
# Columns of `ends`, which has one row: of all incidents in the order in which they were touched.
OPEN_OLDEST, OPEN_NEWEST = range(2)
# Places in `world`.
OPENED, OPENED_AT, BEGAN_AT, TOLD, AGAIN, JOINED, KEEP_S, TEMPO = range(8)
INCIDENTS = TEMPO + 12  # learned from, one for every level of back-off
WORLD = INCIDENTS + 3


class Arrays(NamedTuple):
    """All that is open, as compiled functions see it; -1 stands for none."""

    spans: Floats  # incident x SPANS
    slots: Shorts  # incident x SLOTS
    near: Ints  # incident x words of 32 bits: the topology's nodes that it names
    times: Floats  # of members, sorted; each incident has a stretch of it
    member_times: Floats  # member x 2
    members: Shorts  # member x MEMBERS
    table: Shorts  # 2 ** n x TABLE
    keys: Ints  # the same memory, 2 ** n x 2: the key of each count first
    nodes: Shorts  # node x NODES
    cells: Shorts  # member's thing x (cell before, cell after) in the times of a thing of an incident
    cell_times: Floats
    tokens: Shorts  # token x TOKENS
    shares: Floats  # token x 4
    fields: Floats  # field x 2
    symptoms: Shorts  # fingerprint x 4
    readings: Shorts  # arena
    around: Shorts  # arena of (node, spot), the most surprising first
    surprises: Floats  # of `around`
    ranks: Shorts  # arena of tokens: partners of a kind
    rank_counts: Floats  # of `ranks`: incidents that showed both; that the partner is said to have been in besides
    sought: Shorts  # room for one search: (token, how many hold it)
    plan: Ints  # room for one question: what is looked up beside every incident
    plan_shares: Floats  # of `plan`: how likely a new incident shows it; by itself, and times its field's concentration
    odds: Floats  # room for one question: of each partner of its kinds, how much likelier it makes them
    touched: Shorts  # room for one member: the counts that it is part of
    asked: Ints  # room for the members that speak for an incident
    line: Floats  # room for one line
    ends: Shorts
    counters: Ints
    world: Floats
