"""A model version is there whole, verified, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine import bundle
from engine.bundle import Bundle
from engine.domain import ModelPart
from engine.errors import Conflict, ModelUnusable


def sample(version: str = "v1") -> Bundle:
    part = ModelPart(arrays={"weights": np.arange(6, dtype=np.float32)}, data={"names": ["a", "b"]})
    return Bundle(version=version, parts={"route": part, "correlate": ModelPart(data={"x": 1})}, facts={"rows": 7})


def test_what_was_saved_is_what_is_loaded(tmp_path: Path) -> None:
    bundle.save(sample(), tmp_path)
    read = bundle.load("v1", tmp_path)
    assert read.facts == {"rows": 7}
    assert read.parts["route"].data == {"names": ["a", "b"]}
    np.testing.assert_array_equal(read.parts["route"].arrays["weights"], np.arange(6, dtype=np.float32))


def test_nothing_but_the_version_is_left_behind(tmp_path: Path) -> None:
    bundle.save(sample(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["v1"]
    broken = Bundle(version="v2", parts={"route": ModelPart(data={"bad": float("nan")})})
    with pytest.raises(ValueError, match="Out of range"):
        bundle.save(broken, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["v1"]


def test_a_version_never_changes(tmp_path: Path) -> None:
    bundle.save(sample(), tmp_path)
    with pytest.raises(Conflict):
        bundle.save(sample(), tmp_path)


@pytest.mark.parametrize("version", ["../v1", "", "a/b", ".hidden", "x" * 65, "v1\0"])
def test_a_version_cannot_leave_the_folder(tmp_path: Path, version: str) -> None:
    with pytest.raises(ModelUnusable):
        bundle.save(sample(version), tmp_path)
    with pytest.raises(ModelUnusable):
        bundle.load(version, tmp_path)


def flip(folder: Path) -> None:
    path = folder / "route.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def pickle_inside(folder: Path) -> None:
    with (folder / "route.npz").open("wb") as out:
        np.savez(out, weights=np.array([object()], dtype=object))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["route.npz"] = bundle._digest(folder / "route.npz")
    (folder / "manifest.json").write_text(json.dumps(manifest))


def link_elsewhere(folder: Path) -> None:
    target = folder.parent / "elsewhere.npz"
    (folder / "route.npz").rename(target)
    (folder / "route.npz").symlink_to(target)


def other_format(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "flipped bit": flip,
    "pickle in the arrays": pickle_inside,
    "symbolic link": link_elsewhere,
    "other format": other_format,
    "file missing": lambda folder: (folder / "route.json").unlink(),
    "file cut": lambda folder: (folder / "route.json").write_text("{"),
    "manifest missing": lambda folder: (folder / "manifest.json").unlink(),
    "manifest is a list": lambda folder: (folder / "manifest.json").write_text("[]"),
    "manifest is no JSON": lambda folder: (folder / "manifest.json").write_text("{"),
    "part hidden in the list": lambda folder: (folder / "manifest.json").write_text(
        (folder / "manifest.json").read_text().replace('"route.npz"', '"../route.npz"')
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_refused(tmp_path: Path, damage: str) -> None:
    folder = bundle.save(sample(), tmp_path)
    bundle.load("v1", tmp_path)
    DAMAGE[damage](folder)
    with pytest.raises(ModelUnusable):
        bundle.load("v1", tmp_path)
