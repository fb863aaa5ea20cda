"""Intake as it is commonly written: FastAPI, a SQLAlchemy session, a commit for each request. A peer, no more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import JSON, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from engine.settings import Settings


class _Rows(DeclarativeBase):
    """Its tables."""


class _Row(_Rows):
    __tablename__ = "plain_alerts"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    labels: Mapped[dict[str, Any]] = mapped_column(JSON)
    annotations: Mapped[dict[str, Any]] = mapped_column(JSON)
    starts_at: Mapped[datetime]


class AlertIn(BaseModel):
    """One alert of Prometheus' form."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    startsAt: datetime  # noqa: N815 - the form's name


def application() -> FastAPI:
    """Over the database of the settings, in WAL mode with synchronous=FULL."""
    engine = create_engine(Settings().database_url)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}").close()

    _Rows.metadata.create_all(engine)
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})

    @app.post("/api/v2/alerts", status_code=202)
    def take(alerts: list[AlertIn]) -> dict[str, int]:
        with Session(engine) as session:
            session.add_all(
                _Row(
                    name=one.labels.get("alertname", ""),
                    labels=one.labels,
                    annotations=one.annotations,
                    starts_at=one.startsAt,
                )
                for one in alerts
            )
            session.commit()
        return {"accepted": len(alerts)}

    return app
