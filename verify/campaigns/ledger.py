"""The ledger of a campaign: one SQLite file that takes each result as it comes in.

Every result is a transaction of its own, so that a process can be killed at any moment and several
of one machine can write at once. SQLite's write-ahead log makes that cheap (0.1 ms instead of the
17 ms of a transaction that waits for the disk): after a power cut the last results may have to be
computed again, but the file is whole. While it is open, and until it is opened again after a kill,
the log stands beside the file as FILE-wal and belongs to it.

A file that is not a whole ledger is refused before anything is written to it.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from derive.language.update_rule import BadInput

APPLICATION = int.from_bytes(b"undw", "big")
VERSION = 1
BUSY_SECONDS = 60
_LOG_PAGES = 250
_MAGIC = b"SQLite format 3\0"
_VERSION_AT, _APPLICATION_AT = 60, 68
_SCHEMA = f"""
CREATE TABLE units (
  unit TEXT NOT NULL UNIQUE,
  claim TEXT NOT NULL,
  seed INTEGER NOT NULL,
  digits INTEGER NOT NULL,
  code TEXT NOT NULL,
  outcome TEXT NOT NULL,
  figure TEXT NOT NULL,
  microseconds INTEGER NOT NULL,
  checksum TEXT NOT NULL
);
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""
_CHOICE = """
CREATE TEMP TABLE draws (seed INTEGER PRIMARY KEY, draw INTEGER);
CREATE TEMP TABLE claims (claim TEXT, code TEXT, rank INTEGER, PRIMARY KEY (claim, code));
CREATE TEMP VIEW chosen AS
  SELECT units.*, draw * (SELECT COUNT(*) FROM claims) + rank AS place
  FROM main.units CROSS JOIN draws USING (seed) CROSS JOIN claims USING (claim, code)
  WHERE digits = {digits};
"""
"""The order of the joins is fixed: one walk through the units, which have no index on a seed."""


class LedgerFailure(BadInput):
    """A ledger cannot be read or written; the message says why and what to do."""


class LedgerEntry(NamedTuple):
    """What became of a unit."""

    unit: str
    claim: str
    seed: int
    digits: int
    code: str
    outcome: str
    figure: str
    microseconds: int

    @property
    def checksum(self) -> str:
        """Reveals what SQLite's own check does not see: a change inside a value."""
        return hashlib.sha256(repr(tuple(self)).encode()).hexdigest()[:16]


_COLUMNS = ", ".join((*LedgerEntry._fields, "checksum"))


class Ledger:
    """The results so far, on disk or, without a path, in memory.

    Args:
        create: make the file where there is none; without it, one that cannot be written is read.
    Raises:
        LedgerFailure: the file is missing, foreign, truncated or corrupted; it is not changed.
    """

    def __init__(self, path: Path | None = None, *, create: bool = True) -> None:
        self.path = path
        self._told, self._order = "units", "claim, seed, digits, unit"
        if path is None:
            self.database = sqlite3.connect(":memory:", check_same_thread=False)
            self.database.executescript(_SCHEMA)
            return
        if create and not os.path.exists(path):
            _create(path)
        _recognize(path)
        with self._failures():
            self.database = _connect(path, _way(path) if not create else "mode=rw")
        try:
            self._check()
        except LedgerFailure:
            self.database.close()
            raise

    def close(self) -> None:
        self.database.close()

    def __contains__(self, unit: str) -> bool:
        with self._failures():
            found = self.database.execute("SELECT 1 FROM units WHERE unit = ?", (unit,))
            return found.fetchone() is not None

    def add(self, entry: LedgerEntry) -> None:
        """Write one result; the first one of a unit stays.

        Raises:
            LedgerFailure: the disk is full or the file cannot be written; what was written stands.
        """
        values = (*entry, entry.checksum)
        with self._failures():
            self.database.execute(
                f"INSERT OR IGNORE INTO units VALUES ({', '.join('?' * len(values))})", values
            )

    def choose(self, seeds: Iterable[int], codes: Mapping[str, str], digits: int) -> None:
        """From now on tell only of the units of a campaign, in the order in which it draws them.

        Args:
            codes: of each claim, `code_digest`.
        """
        with self._failures():
            self.database.executescript(_CHOICE.format(digits=digits))
            self.database.execute("BEGIN")
            self.database.executemany(
                "INSERT OR IGNORE INTO draws VALUES (?, ?)", zip(seeds, count())
            )
            self.database.executemany(
                "INSERT INTO claims VALUES (?, ?, ?)",
                ((*chosen, rank) for rank, chosen in enumerate(codes.items())),
            )
            self.database.execute("COMMIT")
        self._told, self._order = "chosen", "place"

    def places(self) -> Iterator[int]:
        """The numbers, from 0 on, of the chosen units that are here, in any order."""
        with self._failures():
            for (place,) in self.database.execute("SELECT place FROM chosen"):
                yield place

    def counts(self) -> list[tuple[int, str, str, str, int]]:
        """How many results there are of some digits, code, claim and outcome."""
        groups = "digits, code, claim, outcome"
        with self._failures():
            return self.database.execute(
                f"SELECT {groups}, COUNT(*) FROM {self._told} GROUP BY {groups}"
            ).fetchall()

    def __iter__(self) -> Iterator[LedgerEntry]:
        """Every result, by claim, seed and unit, one after another from the file."""
        return self.other_than("")

    def other_than(self, outcome: str) -> Iterator[LedgerEntry]:
        """Every result but those with this outcome, as they are iterated."""
        chosen = f"FROM {self._told} WHERE outcome != ? ORDER BY {self._order}"
        return self._read(f"SELECT {_COLUMNS} {chosen}", outcome)

    def _read(self, query: str, *values: str) -> Iterator[LedgerEntry]:
        with self._failures():
            for *written, checksum in self.database.execute(query, values):
                entry = LedgerEntry(*written)
                if entry.checksum != checksum:
                    raise _corrupted(self.path, f"unit {entry.unit} is not what was written")
                yield entry

    def _check(self) -> None:
        with self._failures():
            self.database.execute("PRAGMA synchronous = NORMAL")
            self.database.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            (said,) = self.database.execute("PRAGMA integrity_check(1)").fetchone()
        if said != "ok":
            raise _corrupted(self.path, said)
        for _ in self._read(f"SELECT {_COLUMNS} FROM units"):
            pass  # a wrong checksum is named before anything is added

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            raise _failure(self.path, code, str(error)) from error


def _way(path: Path) -> str:
    """How to open a ledger to read it: a reader who may write mends the log of a killed campaign.

    One who may not sees it as it is; with no log beside it, the file holds everything.
    """
    effective = os.access in os.supports_effective_ids
    if all(os.access(p, os.W_OK, effective_ids=effective) for p in (path, path.absolute().parent)):
        return "mode=rw"
    return "mode=ro" if os.path.exists(f"{path}-wal") else "mode=ro&immutable=1"


def _connect(path: Path, way: str = "mode=rw") -> sqlite3.Connection:
    """A connection that never makes a file, and writes each statement as a transaction."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{way}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _create(path: Path) -> None:
    """Make a whole ledger beside the path and link it there: nobody ever sees half of one."""
    try:
        with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as room:
            draft = Path(room) / path.name
            draft.touch()
            database = _connect(draft)
            try:
                database.execute("PRAGMA journal_mode = WAL")
                database.executescript(f"BEGIN;{_SCHEMA}COMMIT;")
            finally:
                database.close()
            with suppress(FileExistsError):  # another campaign's, which is as good
                os.link(draft, path)
    except OSError as error:
        raise LedgerFailure(f"{path} cannot be made: {error.strerror}.") from None
    except sqlite3.Error as error:
        raise _failure(path, getattr(error, "sqlite_errorcode", None), str(error)) from error


def _recognize(path: Path) -> None:
    """Refuse what is no ledger by its first bytes, before SQLite opens and perhaps mends it."""
    try:
        if path.exists() and not path.is_file():
            raise LedgerFailure(f"{path} is no regular file.")
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise LedgerFailure(f"{path} cannot be read: {error.strerror}.") from None
    if not head.startswith(_MAGIC) or len(head) < 100:
        raise LedgerFailure(f"{path} is no ledger, or only a piece of one; it is left as it is.")
    (application,) = struct.unpack_from(">I", head, _APPLICATION_AT)
    (version,) = struct.unpack_from(">I", head, _VERSION_AT)
    if application != APPLICATION:
        raise LedgerFailure(f"{path} is a database of another program; it is left as it is.")
    if version != VERSION:
        raise LedgerFailure(
            f"{path} is a ledger of version {version}, this program's are of version {VERSION}; "
            "it is left as it is."
        )


def _corrupted(path: Path | None, how: str) -> LedgerFailure:
    said = " ".join(how.split()).removesuffix(".")
    return LedgerFailure(f"{path} is damaged ({said}); it is left as it is, name another ledger.")


def _failure(path: Path | None, code: int | None, said: str) -> LedgerFailure:
    primary = None if code is None else code & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return LedgerFailure(
            f"the disk is full; {path} keeps what it has, and goes on once there is room."
        )
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LedgerFailure(f"{path} is held by another program for {BUSY_SECONDS} s; try later.")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR):
        return LedgerFailure(f"{path} cannot be written or read: {said}.")
    return _corrupted(path, said)
