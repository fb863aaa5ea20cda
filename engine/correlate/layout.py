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
Bytes = NDArray[np.uint8]

# What a count in the table is of: beside the incident and the token, part of its key.
PAIR, THING, WORD, KIND, FIELD, SYMPTOM = range(6)

# Columns of `spans` (floats of an incident).
LAST, CLOSED, BEAT, LONGEST = range(4)
SPANS = 4
# Columns of `slots` (whole numbers of an incident).
(
    OFFSET, SIZE, ROOM, BEATS, STORMED, FIRING, OLDER, NEWER, FIRST_MEMBER, LAST_MEMBER, THINGS, WORDS, SYMPTOMS,
    SERVICES, HOSTS, NAMES, MARK, FIRST_KIND,
) = range(18)  # fmt: skip
LAST_KIND, KINDS = FIRST_KIND + 3, FIRST_KIND + 6  # one each for every level of back-off
AMONG = FIRST_KIND + 9  # one each for the fields that weigh by themselves
SLOTS = AMONG + 5
# Columns of `member_times`.
AT, LAST_AT = range(2)
# Columns of `members`.
HOME, READING, SYMPTOM_OF, RESOLVED, REPEATS, BEFORE, AFTER, SAME_BEFORE, SAME_AFTER, CELLS = range(10)
MEMBERS = 10
# Columns of `table`: an open-addressing hash table of counts.
KEY, COUNT, LINK = range(3)
# Columns of `nodes`: places in the order of who holds a token, or of the kinds of an incident.
PREVIOUS, NEXT, HOLDER, TOKEN, FIRST_CELL, LAST_CELL = range(6)
NODES = 6
# Columns of `tokens`.
(
    FIELD_OF, NODE_OF, OLDEST, NEWEST, HELD, REFERENCES, RANKS_AT, RANKS, RANKED, SHOWN_AS_VALUE, SHOWN_AS_THING,
    SHOWN_AS_WORD,
) = range(12)  # fmt: skip
TOKENS = 12
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
# Places in `counters`.
STAMP, OPEN_OLDEST, OPEN_NEWEST, FREE_NODE, FREE_NODES, USED, THING_FIELD, WORD_FIELD = range(8)
COUNTERS = 8
# Places in `world`.
OPENED, OPENED_AT, BEGAN_AT, TOLD, AGAIN, JOINED, KEEP_S, TEMPO = range(8)
WORLD = TEMPO + 12


class Arrays(NamedTuple):
    """All that is open, as compiled functions see it; -1 stands for none."""

    spans: Floats  # incident x SPANS
    slots: Ints  # incident x SLOTS
    near: Ints  # incident x words of 32 bits: the topology's nodes that it names
    times: Floats  # of members, sorted; each incident has a stretch of it
    member_times: Floats  # member x 2
    members: Ints  # member x MEMBERS
    table: Ints  # 2 ** n x 3
    nodes: Ints  # node x NODES
    cells: Ints  # member's thing x (cell before, cell after) in the times of a thing of an incident
    cell_times: Floats
    tokens: Ints  # token x TOKENS
    shares: Floats  # token x 4
    fields: Floats  # field x 2
    symptoms: Ints  # fingerprint x 4
    readings: Ints  # arena
    around: Ints  # arena of (node, spot), the most surprising first
    surprises: Floats  # of `around`
    ranks: Ints  # arena of tokens: partners of a kind, the likeliest first
    rank_nats: Floats  # of `ranks`
    keys: Ints  # room for one search: (token, how many hold it)
    plan: Ints  # room for one question: what is looked up beside every incident
    plan_shares: Floats  # of `plan`: how likely a new incident shows it; by itself, and times its field's concentration
    counters: Ints
    world: Floats
