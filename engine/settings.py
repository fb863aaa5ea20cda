"""Configuration: the only reader of the environment. Every name is `PATHFINDER_` plus the field in capitals."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_ROOT = Path(__file__).resolve().parent.parent


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of another PathFinder process: that of this one, with other `settings` by field name."""
    return dict(os.environ) | {f"PATHFINDER_{name.upper()}": value for name, value in settings.items()}


class Settings(BaseSettings):
    """What an operator may set, with defaults that work on one machine. Also read from a `.env` file."""

    model_config = SettingsConfigDict(env_prefix="PATHFINDER_", env_file=".env", extra="ignore", frozen=True)

    database_url: str = Field(
        default=f"sqlite:///{_ROOT / 'data' / 'pathfinder.db'}",
        description="SQLAlchemy URL: sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME",
    )
    models_dir: Path = Field(default=_ROOT / "models", description="where retrained versions are written")
    cache_dir: Path = Field(default=_ROOT / "data" / "cache", description="encoded texts of batch jobs; safe to delete")
    encoder: str = Field(
        default="", description="sentence-transformers model: a folder or a hub name; empty for the packaged MiniLM"
    )
    encoder_enabled: bool = Field(default=True, description="false answers from words alone")
    host: str = Field(default="127.0.0.1", description="address the API listens on")
    port: int = Field(default=8000, ge=1, le=65535)
    timezone: str = Field(default="UTC", description="IANA zone of services that name none")
    queue: str = Field(default="service-desk", description="team queue for what nobody is sure about")
    max_body_bytes: int = Field(default=5_000_000, ge=1_000, description="largest request body read")
    max_in_flight: int = Field(default=200, ge=1, description="requests served at once before 503")
    group_commit: int = Field(default=500, ge=1, le=10_000, description="alerts written in one transaction at most")
    webhook_secrets: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description='by source, what its signatures are made with; a new and an old one: {"grafana": "new,old"}',
    )
    sns_topics: list[str] = Field(default_factory=list, description="ARNs of the SNS topics that alerts may come from")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
