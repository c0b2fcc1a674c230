"""Files in and out: regular ones of ordinary size are read, and what is written appears whole.

A file is written aside and renamed; a folder of files carries a marker that is written first as
unfinished and renamed last, so that the same command repairs what a killed one left behind.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from derive.language.bad_input import BadInput

MOST_BYTES = 20_000_000
MARKER = ".undertow.json"
UNFINISHED = ".undertow-unfinished.json"
_ASIDE = ".undertow-part"


def read_text(path: Path, option: str = "") -> str:
    """The text of a file; errors are those of `read_data`, and that it is no UTF-8."""
    try:
        return read_data(path, option).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{option} {path} is no text in UTF-8.".strip()) from None


def read_data(path: Path, option: str = "", *, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file, read after a look at its kind and size.

    Raises:
        BadInput: it is a folder, a pipe or a device, too large or unreadable.
    """
    name = f"{option} {path}".strip()
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise BadInput(f"{name} is no regular file.")
            if found.st_size > most:
                raise BadInput(f"{name} has {found.st_size} bytes; up to {most} are read.")
            with os.fdopen(os.dup(file), "rb") as opened:
                return opened.read(most + 1)
        finally:
            os.close(file)
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror}.") from None


Content = str | bytes | Iterable[str]


def write_whole(path: Path, content: Content, *, force: bool = False) -> None:
    """Write a file under another name and give it its own, so that nobody sees half of it.

    Args:
        content: the file, or its pieces in order, each written as it comes.
        force: replace what is there; of a symbolic link the link, not what it leads to.
    Raises:
        BadInput: something is there already, or it cannot be written.
    """
    if not force and os.path.lexists(path):
        raise BadInput(f"{path} exists already; choose another name or give --force.")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise BadInput(f"{path} is a device or a pipe, which stays as it is; choose another name.")
    pieces = [content] if isinstance(content, str | bytes) else content
    aside = path.with_name(f".{path.name}{_ASIDE}")
    try:
        with suppress(FileNotFoundError):
            aside.unlink()
        file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(file, "wb") as opened:
                for piece in pieces:
                    opened.write(piece.encode() if isinstance(piece, str) else piece)
                opened.flush()
                os.fsync(file)
            os.replace(aside, path)
        except BaseException:
            with suppress(OSError):
                aside.unlink()
            raise
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.") from None


def check_folder(folder: Path, names: Iterable[str], *, force: bool, option: str = "--out") -> None:
    """Refuse a folder in which one of these files is there already, or leads elsewhere.

    A folder that the same command left unfinished is taken up again.

    Raises:
        BadInput: the same, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{option} {folder} cannot be written: {error.strerror}.") from None
    if force:
        return
    ours = _listed(folder / UNFINISHED)
    for name in names:
        for place in (*reversed(Path(name).parents), Path(name)):
            path = folder / place
            if place != Path() and path.is_symlink():
                raise BadInput(f"{path} is a link that leads elsewhere; --force replaces it.")
        if os.path.lexists(folder / name) and name not in ours:
            raise BadInput(f"{folder / name} exists already; choose another {option} or --force.")


def write_folder(
    folder: Path, files: Mapping[str, Content], *, force: bool, option: str = "--out"
) -> list[Path]:
    """Write these files, each whole, and last the marker by which the folder is known as ours.

    Raises:
        BadInput: as `check_folder`; or a file cannot be written.
    """
    check_folder(folder, files, force=force, option=option)
    try:
        for name in files:
            for place in reversed(Path(name).parents):
                if (folder / place).is_symlink() and place != Path():
                    (folder / place).unlink()
                (folder / place).mkdir(exist_ok=True)
        listed = sorted(files)
        write_whole(folder / UNFINISHED, json.dumps(listed), force=True)
        for name, content in files.items():
            write_whole(folder / name, content, force=True)
        os.replace(folder / UNFINISHED, folder / MARKER)
    except OSError as error:
        raise BadInput(f"{option} {folder} cannot be written: {error.strerror}.") from None
    return [folder / name for name in files]


def _listed(marker: Path) -> set[str]:
    try:
        found = json.loads(read_text(marker))
    except ValueError:
        return set()
    return {name for name in found if isinstance(name, str)} if isinstance(found, list) else set()
