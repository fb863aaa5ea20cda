"""A disk whose power can be cut: a file system in a file, of which only what it was told to flush survives.

What a program writes stands in the memory of the mounted file system until it is flushed. ext4 can be told to go down
at once and forget it (`EXT4_IOC_SHUTDOWN` without flushing its journal, as the kernel's own tests of file systems do):
from that moment on nothing reaches the image any more, and what is mounted again is what a disk holds when power goes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from pathlib import Path

from engine.errors import Unavailable

_SIZE = 2**30  # of the image; it takes the room that is used
_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32)
_NO_FLUSH = struct.pack("I", 2)  # EXT4_GOING_FLAGS_NOLOGFLUSH: not even what its journal holds


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
        """The power goes, whoever is writing: what was not flushed is gone, and nothing can be written any more.

        Raises
        ------
        Unavailable
            If this kernel does not do so.
        """
        place = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(place, _SHUTDOWN, _NO_FLUSH)
        except OSError as error:
            raise Unavailable(f"this kernel cannot take the power from a file system ({error.strerror})") from error
        finally:
            os.close(place)

    def restore(self) -> None:
        """Mount what was left at the moment of the last `cut`; call it once those who wrote are dead."""
        self.close()
        self._mount()

    def close(self) -> None:
        """Unmount it."""
        _run("umount", str(self.folder))

    def _mount(self) -> None:
        """The file system flushes by itself once a minute only: what survives is what it was told to flush."""
        _run("mount", "-o", "loop,commit=60", str(self._image), str(self.folder))


def _run(program: str, *words: str) -> None:
    found = shutil.which(program)
    done = subprocess.run([found, *words], capture_output=True, check=False) if found else None  # noqa: S603 - ours
    if done is None or done.returncode:
        raise Unavailable(f"{program} does not work here: power cuts need the rights of root, and a loop device")
