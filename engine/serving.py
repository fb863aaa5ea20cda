"""From a model version on disk to parts that serve; without one, the engine serves as it comes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from engine import bundle
from engine.correlate import Correlator
from engine.domain import ModelPart
from engine.errors import ModelUnusable
from engine.ports import CorrelatorFactory, Models
from engine.route import Router
from engine.settings import Settings
from engine.suggest import Encoder, Recommender, VectorCache

log = logging.getLogger(__name__)
# Names of the parts in a bundle: the folders they come from.
CORRELATE, SUGGEST, ROUTE = "correlate", "suggest", "route"
LOOKED_AT = 24  # alerts that are weighed again in one asking
REMEMBERED = 50_000  # alerts that may still draw others to their incident: 100 MB; beyond it, what has ended goes first
AS_IT_COMES = ""  # the version of an engine that no retrain has touched


def load(version: str, settings: Settings, cache: VectorCache | None = None) -> Models:
    """The parts of `version`, verified, with nothing of the history learned yet; `cache` keeps the encoder's vectors.

    Raises
    ------
    ModelUnusable
        If the version is missing, damaged or not understood.
    """
    parts = _parts(version, settings.models_dir)
    encoder = Encoder(settings.encoder, cache=cache) if settings.encoder_enabled else None
    try:
        return Models(
            version=version,
            correlator=_correlator(parts.get(CORRELATE)),
            recommender=_recommender(parts.get(SUGGEST), encoder, settings.cache_dir),
            router=_router(parts.get(ROUTE), settings.queue),
            router_is_fitted=ROUTE in parts,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelUnusable(f"model {version} is of another form ({type(error).__name__}): retrain") from error


def first_usable(versions: list[str], settings: Settings, cache: VectorCache | None = None) -> tuple[Models, str]:
    """The first of `versions` that loads, else the engine as it comes; and why an earlier one was passed over."""
    note = ""
    for version in [*versions, AS_IT_COMES]:
        try:
            return load(version, settings, cache), note
        except ModelUnusable as error:
            log.warning("model version %s is passed over: %s", version, error)
            note = note or str(error)
    raise ModelUnusable(note)


def correlator(versions: list[str], settings: Settings) -> CorrelatorFactory:
    """What makes the correlator of the first of `versions` that loads, else one with the weights as they come."""
    for version in versions:
        try:
            return _correlator(_parts(version, settings.models_dir).get(CORRELATE))
        except (ModelUnusable, KeyError, TypeError, ValueError) as error:
            log.warning("model version %s is passed over: %s", version, error)
    return _correlator(None)


def _parts(version: str, models_dir: Path) -> Mapping[str, ModelPart]:
    return bundle.load(version, models_dir).parts if version else {}


def _correlator(part: ModelPart | None) -> CorrelatorFactory:
    if part is None:
        return lambda topology: _live(Correlator(topology=topology))
    Correlator.from_part(part)  # fails here, not at the first alert
    return lambda topology: _live(Correlator.from_part(part, topology))


def _live(correlator: Correlator) -> Correlator:
    """Later evidence in small portions: alerts wait while it is weighed. And no more memory than there is."""
    correlator.repair = replace(correlator.repair, most=LOOKED_AT)
    correlator.remember_at_most(REMEMBERED)
    return correlator


def _recommender(part: ModelPart | None, encoder: Encoder | None, cache_dir: Path) -> Recommender:
    recommender = Recommender(encoder=encoder) if part is None else Recommender.from_part(part, encoder)
    recommender.folder = cache_dir / "graphs"
    return recommender


def _router(part: ModelPart | None, queue: str) -> Router:
    if part is None:
        return Router(queue=queue)
    router = Router.from_part(part)
    router.queue = queue  # a setting of this deployment, not of the retrain
    return router
