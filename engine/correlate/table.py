"""An alert beside an incident as a row of numbers: what its columns are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.correlate.question import SIDES
from engine.correlate.reading import LEVELS

Table = NDArray[np.float64]
NEVER = 1e6  # seconds; written for what has not happened
NEW = -30.0  # log; written where an incident is too new to have it
WAYS = ("same", "down", "up", "side")
FAR = 16  # the spot of what is known and out of reach; a near one is 4 times its hops plus its way
LONG_S = 600.0  # what counts as near in time where a minute is short
# Each column as the signal that tells of it to people, and its own name.
COLUMNS: tuple[tuple[str, str], ...] = (
    ("gap", "seconds"), ("lately", "seconds"), ("age", "seconds"), ("age", "alerts"), ("again", "seconds"),
    ("again", "ended"), ("chance", "log"), ("pace", "log"), ("pause", "log"), ("lull", "log"), ("pace", "stormy"),
    ("momentum", "minute"), ("firing", "share"),
    ("gap", "strangers"), *((name, "nats") for name in SIDES), ("labels", "agrees"), ("labels", "differs"),
    ("things", "shared"), ("things", "none"), ("mention", "nats"), ("words", "nats"), ("topology", "hops"),
    ("topology", "way"), ("topology", "surprise"), *(("together", level) for level in LEVELS),
    ("pace", "beat"), ("pace", "beats"), ("pause", "longest"), ("service", "values"), ("host", "values"),
    ("name", "values"), ("momentum", "ten minutes"),
    ("rivals", "count"), ("rivals", "nearest"), ("lately", "latest"), ("momentum", "nats"), ("tempo", "nats"),
    ("background", "rate"), ("firing", "told"), ("again", "usual"), ("tempo", "joined"),
)  # fmt: skip
