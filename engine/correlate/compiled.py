"""What of weighing alerts is compiled, and how: see `engine.compiler`."""

from __future__ import annotations

from engine.compiler import Compiler

COMPILED = (
    "chains", "counts", "pace", "tally", "seek", "company", "lines", "scores", "settling", "pairs",
)  # fmt: skip
# What those take numbers from, which are part of the code.
CONSTANTS = (
    "background", "between", "case", "columns", "forest", "layout", "pace_signals", "profile", "question", "reading",
    "table", "time_signals", "together", "topology",
)  # fmt: skip
# Nothing compiled allocates arrays, so none are counted: counting two dozen at each call takes longer than most calls.
_COMPILER = Compiler(
    "engine.correlate", COMPILED, CONSTANTS, same_types=True, nogil=True, error_model="numpy", _nrt=False
)
compiled, inner, inner_or = _COMPILER.whole, _COMPILER.inner, _COMPILER.inner_or


def compiling_is_due() -> bool:
    """Whether whoever groups next compiles for half a minute, and holds the memory for that until it ends."""
    return _COMPILER.is_due
