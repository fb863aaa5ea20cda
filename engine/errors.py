"""Deliberate errors: each says what is wrong and what to do next."""

from __future__ import annotations


class PathfinderError(Exception):
    """Root of all errors that PathFinder raises on purpose. `field` names the input that it is about, if one is."""

    def __init__(self, message: str = "", *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class InvalidInput(PathfinderError, ValueError):
    """Something that came from outside cannot be read. The message names the field, never its value."""


class NotFound(PathfinderError):
    """The named thing does not exist."""


class Conflict(PathfinderError):
    """The change does not fit the present state."""


class Unavailable(PathfinderError):
    """A part that is needed cannot answer now (storage locked or full). Trying again later may work."""


class ModelUnusable(PathfinderError):
    """A model file is missing, damaged or of another format. The part works on without it."""
