"""A disk whose power can be cut: a file system in a file, of which only what it was told to flush survives.

What a program writes stands in the memory of the mounted file system until it is flushed to the image; a copy of the
image is what a disk holds at the moment when the power goes.
"""

from __future__ import annotations

import filecmp
import shutil
import subprocess
from pathlib import Path

from engine.errors import Unavailable

_TRIES = 50
_SIZE = 2**28  # of the image; it takes the room that is used


class Disk:
    """An ext4 file system on a loop device, mounted at `folder`. Needs the rights of root."""

    def __init__(self, place: Path) -> None:
        """In the folder `place`, formatted and mounted.

        Raises
        ------
        Unavailable
            If this machine or this user cannot make or mount one.
        """
        self.folder = place / "disk"
        self._image = place / "disk.img"
        self.folder.mkdir(parents=True)
        with self._image.open("wb") as image:
            image.truncate(_SIZE)
        _run("mkfs.ext4", "-q", "-F", str(self._image))
        self._mount()

    def cut(self) -> None:
        """The power goes: what was not flushed is gone. Call it with writers stopped, and `restore` once they are dead.

        The kernel may flush more by itself meanwhile, and a copy takes its time: one counts that is the same twice, so
        that it is of one moment.
        """
        again = self._image.with_suffix(".again")
        for _ in range(_TRIES):
            for copy in (self._left, again):
                _run("cp", "--sparse=always", str(self._image), str(copy))
            if filecmp.cmp(self._left, again, shallow=False):
                again.unlink()
                return
        raise Unavailable("the disk is never at rest: no moment of it can be copied")

    def restore(self) -> None:
        """Mount what was left at the moment of the last `cut`."""
        self.close()
        self._left.replace(self._image)
        self._mount()

    def close(self) -> None:
        """Unmount it."""
        _run("umount", str(self.folder))

    @property
    def _left(self) -> Path:
        return self._image.with_suffix(".left")

    def _mount(self) -> None:
        _run("mount", "-o", "loop,commit=60", str(self._image), str(self.folder))


def _run(program: str, *words: str) -> None:
    found = shutil.which(program)
    done = subprocess.run([found, *words], capture_output=True, check=False) if found else None  # noqa: S603 - ours
    if done is None or done.returncode:
        raise Unavailable(f"{program} does not work here: power cuts need the rights of root, and a loop device")
