"""The seeded small firm: what it runs, what breaks in it, who mends it, and what its tools send about that."""
