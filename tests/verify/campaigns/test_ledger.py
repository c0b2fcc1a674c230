"""The ledger keeps what it was given, and refuses every file that is not a whole ledger."""

import os
import random
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.verify.commands.test_cli import undertow
from verify.campaigns.ledger import Ledger, LedgerEntry, LedgerFailure

FIRST = LedgerEntry("0" * 64, "ghosh2023.gamma", 7, 20, "1" * 64, "passed", "3 checks", 1500)


def entry(number: int) -> LedgerEntry:
    return FIRST._replace(unit=f"{number:064x}", seed=number, figure=f"figure {number}")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    ledger = Ledger(tmp_path / "ledger.db")
    for number in range(200):
        ledger.add(entry(number))
    ledger.close()
    return tmp_path / "ledger.db"


def read(path: Path) -> list[LedgerEntry]:
    with closing(Ledger(path, create=False)) as ledger:
        return list(ledger)


def test_what_was_written_is_read_back_in_order_from_one_file(book: Path):
    assert read(book) == [entry(number) for number in range(200)]
    assert list(book.parent.iterdir()) == [book]


def test_a_unit_counts_once_and_its_first_result_stays(book: Path):
    ledger = Ledger(book)
    ledger.add(entry(5)._replace(outcome="rejected"))
    ledger.close()
    assert read(book) == [entry(number) for number in range(200)]


def test_many_can_write_at_once(tmp_path: Path):
    path = tmp_path / "ledger.db"

    def write(first: int) -> None:
        ledger = Ledger(path)
        for number in range(first, first + 60):
            ledger.add(entry(number))
        ledger.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, (0, 30, 60, 90)))
    assert read(path) == [entry(number) for number in range(150)]


def refused(capsys, path: Path) -> str:
    """Both commands refuse the file in one sentence and leave every byte of it."""
    before = path.read_bytes()
    campaign = ("campaign", "cowsik2022.jacobian", "--losses", "1", "--ledger")
    for command in (("ledger",), campaign):
        code, out, said = undertow(capsys, *command, str(path))
        assert (code, out) == (2, "")
        assert path.name in said
        assert said.count("\n") == 1
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    return said


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.2, 0.5, 0.9, 0.999])
def test_a_truncated_ledger_is_named_and_left(capsys, book: Path, kept: float):
    content = book.read_bytes()
    book.write_bytes(content[: int(kept * len(content))])
    refused(capsys, book)


def test_a_corrupted_ledger_is_named_and_left(capsys, book: Path):
    content = bytearray(book.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = random.Random(1).randbytes(2000)
    book.write_bytes(content)
    assert "damaged" in refused(capsys, book)


@pytest.mark.parametrize("byte", range(0, 4096, 191))
def test_one_changed_byte_changes_no_result_unseen(book: Path, byte: int):
    expected, content = read(book), bytearray(book.read_bytes())
    page = len(content) // 4096 // 2 * 4096
    content[page + byte] ^= 0x15
    book.write_bytes(content)
    try:
        assert read(book) == expected
    except LedgerFailure:
        assert book.read_bytes() == content


def test_a_changed_result_is_seen(capsys, book: Path):
    book.write_bytes(book.read_bytes().replace(b"figure 7", b"figure 8", 1))
    assert "damaged" in refused(capsys, book)


@pytest.mark.parametrize("content", [b"Dear diary, " * 50, b"SQLite format 3\0" + bytes(200)])
def test_another_file_is_left(capsys, tmp_path: Path, content: bytes):
    path = tmp_path / "mine"
    path.write_bytes(content)
    refused(capsys, path)


def test_a_database_of_another_program_is_left(capsys, tmp_path: Path):
    path = tmp_path / "mine.db"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE units (unit TEXT)")
    database.close()
    assert "another program" in refused(capsys, path)


def test_a_ledger_to_be_is_not_yet_one(capsys, tmp_path: Path):
    code, _, said = undertow(capsys, "ledger", str(tmp_path / "none.db"))
    assert code == 2
    assert "No such file" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("at_work", [False, True])
def test_who_may_only_read_reads_a_ledger(book: Path, at_work):
    """Also while a campaign writes to it; and the folder stays as it is."""
    written = read(book)
    writer = Ledger(book) if at_work else None
    if writer is not None:
        writer.add(entry(len(written)))
        written.append(entry(len(written)))
    folders = [folder for folder in book.parents if folder.owner() == book.owner()]
    modes = [(path, path.stat().st_mode) for path in (*folders, book)]
    user = os.geteuid()
    for path, mode in modes:
        path.chmod(mode & 0o555 | 0o555 if path != book else 0o444)
    before = sorted(os.listdir(book.parent))
    try:
        if user == 0:
            os.seteuid(65534)
        with closing(Ledger(book, create=False)) as ledger:
            found = list(ledger)
    finally:
        if user == 0:
            os.seteuid(0)
        for path, mode in modes:
            path.chmod(mode)
    assert found == written
    assert sorted(os.listdir(book.parent)) == before
    if writer is not None:
        writer.close()


def test_a_full_disk_is_said_and_leaves_a_usable_ledger(book: Path):
    ledger = Ledger(book)
    (pages,) = ledger.database.execute("PRAGMA page_count").fetchone()
    ledger.database.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(LedgerFailure, match="the disk is full"):
        list(map(ledger.add, map(entry, range(200, 10_000))))
    ledger.close()
    written = len(read(book))
    assert 200 < written < 10_000
    assert read(book) == [entry(number) for number in range(written)]
    ledger = Ledger(book)
    ledger.add(entry(written))
    ledger.close()
    assert len(read(book)) == written + 1
