"""Files and folders that appear whole or not at all, and what killed runs leave."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from partialconv.errors import InputError
from partialconv.imageio import unfinished, unfinished_folder

OLD, NEW = ".0123456789abcdef.unfinished", ".fedcba9876543210.unfinished"


def aged(path: Path, seconds: float) -> Path:
    found = path.lstat()
    os.utime(path, (found.st_atime - seconds, found.st_mtime - seconds), follow_symlinks=False)
    return path


def test_the_next_run_removes_what_killed_ones_left_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / OLD).write_bytes(b"half")
    (tmp_path / NEW).write_bytes(b"being written by another process")
    kept = [".other.unfinished", ".0123456789abcdef.unfinished.png", "0123456789abcdef.unfinished"]
    for name in kept:
        aged_file = tmp_path / name
        aged_file.write_bytes(b"of the user")
        aged(aged_file, 10**6)
    folder = tmp_path / ".00000000000000ff.unfinished"
    folder.mkdir()
    (folder / "mask.png").write_bytes(b"")
    for path in (tmp_path / OLD, folder):
        aged(path, 4000)
    with unfinished(tmp_path / "out.png", overwrite=False) as temporary:
        temporary.write_bytes(b"whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([NEW, *kept, "out.png"])


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give a file away")
def test_files_of_other_users_stay(tmp_path: Path) -> None:
    (tmp_path / OLD).write_bytes(b"half")
    os.chown(tmp_path / OLD, 12345, -1)
    aged(tmp_path / OLD, 10**6)
    with unfinished(tmp_path / "out.png", overwrite=False):
        pass
    assert (tmp_path / OLD).exists()


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with unfinished_folder(tmp_path / "new" / "set") as folder:
        (folder / "a").write_bytes(b"1")
        assert not (tmp_path / "new" / "set").exists()
    assert [p.name for p in (tmp_path / "new").rglob("*")] == ["set", "a"]
    with pytest.raises(ZeroDivisionError), unfinished_folder(tmp_path / "other") as folder:
        (folder / "a").write_bytes(b"1")
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.iterdir()] == ["new"]
    with pytest.raises(InputError, match="not empty: name a new folder"), unfinished_folder(tmp_path / "new"):
        pass
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot write"), unfinished_folder(tmp_path / "file" / "below"):
        pass


LATE = """
import threading, time
from pathlib import Path
from partialconv.imageio import discard_unfinished, unfinished

def write(name, wait_s):
    time.sleep(wait_s)
    with unfinished(Path(name), False) as temporary:
        temporary.write_bytes(b"")
        time.sleep(60)

for name, wait_s in (("early", 0), ("late", 0.6)):
    threading.Thread(target=write, args=(name, wait_s), daemon=True).start()
while not list(Path().glob(".*")):
    time.sleep(0.01)
time.sleep(0.1)
discard_unfinished()
time.sleep(1)
print(list(Path().glob(".*")))
"""


def test_nothing_is_begun_after_what_is_unfinished_was_discarded(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LATE], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
