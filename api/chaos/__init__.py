"""`python -m api chaos`: faults put on a service of its own, and a count of what was acknowledged, stored and lost."""
