"""Files appear whole or not at all; what is not ours stays as it is."""

import os
from pathlib import Path

import pytest

from derive.language.bad_input import BadInput
from verify.running.files import MARKER, UNFINISHED, read_text, write_folder, write_whole


def test_what_is_there_is_replaced_only_when_forced(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("mine")
    with pytest.raises(BadInput, match="exists already"):
        write_whole(path, "yours")
    assert path.read_text() == "mine"
    write_whole(path, "yours", force=True)
    assert path.read_text() == "yours"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_nothing_is_written_through_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "a.txt"
    target.write_text("mine")
    link, folder = tmp_path / "a.txt", tmp_path / "site"
    link.symlink_to(target)
    with pytest.raises(BadInput, match="exists already"):
        write_whole(link, "yours")
    write_whole(link, "yours", force=True)
    folder.mkdir()
    (folder / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="link"):
        write_folder(folder, {"sub/b.txt": "b"}, force=False)
    write_folder(folder, {"sub/b.txt": "b"}, force=True)
    assert target.read_text() == "mine"
    assert [p.name for p in (tmp_path / "elsewhere").iterdir()] == ["a.txt"]


def test_the_same_command_repairs_what_a_killed_one_left(tmp_path, monkeypatch):
    files = {f"{i}.txt": str(i) for i in range(5)}
    replaced, real = [], os.replace

    def dies(source, target):
        if len(replaced) == 3:
            raise KeyboardInterrupt
        replaced.append(target)
        real(source, target)

    monkeypatch.setattr(os, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path, files, force=False)
    monkeypatch.setattr(os, "replace", real)
    assert (tmp_path / UNFINISHED).exists()
    assert not (tmp_path / MARKER).exists()
    write_folder(tmp_path, files, force=False)
    assert {p.name for p in tmp_path.iterdir()} == {*files, MARKER}
    with pytest.raises(BadInput, match="exists already"):
        write_folder(tmp_path, files, force=False)


def test_a_foreign_file_is_not_overwritten(tmp_path):
    (tmp_path / "style.css").write_text("mine")
    with pytest.raises(BadInput, match="exists already"):
        write_folder(tmp_path, {"index.html": "", "style.css": ""}, force=False)
    assert [p.name for p in tmp_path.iterdir()] == ["style.css"]


def test_a_pipe_is_not_replaced_by_a_file(tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(BadInput, match="stays as it is"):
            write_whole(path, "yours", force=True)
    assert pipe.is_fifo()
    assert link.is_symlink()


def test_only_regular_files_of_ordinary_size_are_read(tmp_path):
    pipe, sparse, latin = (tmp_path / name for name in ("pipe", "sparse", "latin"))
    os.mkfifo(pipe)
    sparse.touch()
    os.truncate(sparse, 10**10)
    latin.write_bytes(b"\xff\xfe")
    for path in (pipe, sparse, latin, tmp_path, tmp_path / ("x" * 300), Path("/dev/zero")):
        with pytest.raises(BadInput):
            read_text(path)
