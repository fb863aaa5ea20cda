"""What of looking for patterns is compiled, and how: see `engine.compiler`."""

from __future__ import annotations

from engine.compiler import Compiler

# Sums may be taken in any order: they are compared with cuts, and no result hangs on their last digits.
compiled = Compiler(
    "engine.patterns", ("loops",), nogil=True, error_model="numpy", fastmath={"reassoc", "nnan", "nsz"}
).whole
