"""One retrain's outcome on disk: arrays, JSON and a manifest with the sha256 of every file. No pickles.

Layout of a version: `<models_dir>/<version>/manifest.json`, and per part `<part>.json` and `<part>.npz`.
A version is written to a temporary folder, synced and renamed, so it is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.domain import ModelPart
from engine.errors import Conflict, ModelUnusable

FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The parts of one model version and what is known about them."""

    version: str
    parts: Mapping[str, ModelPart]
    facts: Mapping[str, Any] = field(default_factory=dict)  # data range, metrics, library versions: JSON-able


def save(bundle: Bundle, models_dir: Path) -> Path:
    """Write `bundle` as `<models_dir>/<version>` and return that folder.

    Raises
    ------
    ModelUnusable
        If a version or part name is not plain letters, digits, dots, dashes and underscores.
    Conflict
        If the version exists already: versions never change.
    """
    target = models_dir / _plain(bundle.version)
    if target.exists():
        raise Conflict(f"model version {bundle.version} exists already: choose another name")
    models_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".new-", dir=models_dir))
    try:
        for name, part in bundle.parts.items():
            (folder / f"{_plain(name)}.json").write_text(json.dumps(dict(part.data), allow_nan=False), encoding="utf-8")
            with (folder / f"{name}.npz").open("wb") as out:
                np.savez(out, allow_pickle=False, **dict(part.arrays))
        manifest = {
            "format": FORMAT,
            "version": bundle.version,
            "parts": sorted(bundle.parts),
            "facts": dict(bundle.facts),
            "sha256": {path.name: _digest(path) for path in sorted(folder.iterdir())},
        }
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, allow_nan=False), encoding="utf-8")
        for path in [*folder.iterdir(), folder]:
            _sync(path)
        folder.chmod(0o755)
        folder.rename(target)
        _sync(models_dir)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return target


def load(version: str, models_dir: Path) -> Bundle:
    """Read a version after checking every file against the manifest.

    Raises
    ------
    ModelUnusable
        If anything is missing, added, altered, or written by another format. Nothing is parsed before it is verified.
    """
    folder = models_dir / _plain(version)
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        sums, names = dict(manifest["sha256"]), [_plain(str(name)) for name in manifest["parts"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelUnusable(f"model {version} has no readable manifest ({type(error).__name__}): retrain") from None
    if manifest.get("format") != FORMAT or manifest.get("version") != version:
        raise ModelUnusable(f"model {version} was written in another format: retrain")
    wanted = {f"{name}{ending}" for name in names for ending in (".json", ".npz")}
    if set(sums) != wanted:
        raise ModelUnusable(f"model {version} lists other files than its parts need: retrain")
    for name in sorted(wanted):
        path = folder / name
        if path.is_symlink() or not path.is_file() or _digest(path) != sums[name]:
            raise ModelUnusable(f"model {version}: {name} does not match its sha256: restore it or retrain")
    return Bundle(version=version, parts={name: _read(folder, name) for name in names}, facts=manifest.get("facts", {}))


def _read(folder: Path, name: str) -> ModelPart:
    try:
        data = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        with np.load(folder / f"{name}.npz", allow_pickle=False) as stored:
            return ModelPart(arrays={key: stored[key] for key in stored.files}, data=data)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ModelUnusable(f"model part {name} cannot be read ({type(error).__name__}): retrain") from None


def _plain(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ModelUnusable("model and part names are letters, digits, dots, dashes and underscores, 64 at most")
    return name


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
