"""What `python -m training snapshot` and `restore` do."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from engine.settings import Settings
from engine.store import snapshot


def take(target: Path) -> None:
    """Copy the database of the settings to `target` while it is in use."""
    size = snapshot.take(Settings().database_url, target)
    Console().print(f"{target}: {size / 1e6:,.1f} MB, checked", highlight=False)


def restore(source: Path) -> None:
    """Put a snapshot in the place that the settings name."""
    url = Settings().database_url
    size = snapshot.restore(source, url)
    Console().print(f"restored {size / 1e6:,.1f} MB from {source}", highlight=False)
