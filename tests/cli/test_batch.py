"""`partialconv batch`, `fill --dry-run` and `--confidence`, as a user meets them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

import partialconv
from partialconv.errors import InputError
from partialconv.filling.batch import Settings, work_on_ray
from partialconv.filling.listing import list_work
from tests.cli.test_main import changed_files
from tests.command import run

pillow_heif.register_heif_opener()


def picture(seed: int = 0) -> Image.Image:
    y, x = np.mgrid[:60, :80]
    return Image.fromarray(np.stack([x * 3, y * 4, x + y + seed], -1).astype(np.uint8))


def hole(left: int = 30) -> Image.Image:
    marks = np.zeros((60, 80), np.uint8)
    marks[20:30, left : left + 20] = 255
    return Image.fromarray(marks)


def report(folder: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "report.jsonl").read_text(encoding="utf-8").splitlines()]
    return {Path(line["photo"]).name: line for line in lines}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos of several formats in two folders, one of them broken, and their holes."""
    for place in ("photos/inner", "holes/inner"):
        (tmp_path / place).mkdir(parents=True)
    names = ("photos/a.jpg", "photos/b.png", "photos/inner/c.webp", "photos/inner/d.bmp")
    for seed, name in enumerate(names):
        picture(seed).save(tmp_path / name)
    for name in ("a.png", "b.png", "broken.png", "inner/c.holes.png", "inner/d.bmp"):
        hole().save(tmp_path / "holes" / name)
    (tmp_path / "photos" / "broken.jpg").write_bytes((tmp_path / "photos" / "a.jpg").read_bytes()[:300])
    picture().save(tmp_path / "photos" / "lonely.png")
    (tmp_path / "photos" / "notes.txt").write_text("no photo")
    return tmp_path


def test_a_folder_and_its_folders(folder: Path) -> None:
    done = run("batch", "photos", "holes", "-o", "out", cwd=folder)
    assert done.returncode == 1 and "4 filled, 0 skipped, 2 failed, 1 left" in done.stdout
    assert "\nno hole for photos/lonely.png: expected holes/lonely.png.\n" in done.stderr
    assert "Traceback" not in done.stderr
    out = folder / "out"
    assert changed_files(out) == {"a.jpg", "b.png", "inner", "inner/c.webp", "inner/d.bmp", "report.jsonl"}
    lines = report(out)
    assert {name: line["status"] for name, line in lines.items()} == {
        **dict.fromkeys(("a.jpg", "b.png", "c.webp", "d.bmp"), "filled"),
        **dict.fromkeys(("broken.jpg", "lonely.png"), "failed"),
        "notes.txt": "left",
    }
    assert lines["a.jpg"]["hole"] == "holes/a.png"
    assert "broken.jpg" in lines["broken.jpg"]["error"] and lines["b.png"]["seconds"] > 0
    with Image.open(out / "b.png") as given, Image.open(folder / "photos" / "b.png") as photo:
        wanted = partialconv.fill(photo, hole())
        np.testing.assert_array_equal(np.asarray(given), np.asarray(wanted))


def test_again_without_a_word_nothing_is_overwritten(folder: Path) -> None:
    run("batch", "photos/inner", "holes/inner", "-o", "out", cwd=folder)
    (folder / "out" / "c.webp").write_bytes(b"precious")
    again = run("batch", "photos/inner", "holes/inner", "-o", "out", cwd=folder)
    assert again.returncode == 1 and again.stderr.count("exists: name another file") == 2
    resumed = run("batch", "photos/inner", "holes/inner", "-o", "out", "--resume", cwd=folder)
    assert resumed.returncode == 0 and "0 filled, 2 skipped, 0 failed" in resumed.stdout
    assert (folder / "out" / "c.webp").read_bytes() == b"precious"
    replaced = run("batch", "photos/inner", "holes/inner", "-o", "out", "--overwrite", cwd=folder)
    assert replaced.returncode == 0 and "2 filled" in replaced.stdout
    assert (folder / "out" / "c.webp").read_bytes() != b"precious"


def test_one_hole_for_all(folder: Path) -> None:
    hole().save(folder / "stamp.png")
    done = run("batch", "photos/inner", "stamp.png", "-o", "out", "--workers", "1", cwd=folder)
    assert done.returncode == 0 and changed_files(folder / "out") == {"c.webp", "d.bmp", "report.jsonl"}


def test_a_folder_as_people_have_it(tmp_path: Path) -> None:
    """Formats of phones and browsers, and a linked album: all are filled, and nothing is exit code 0."""
    for name in ("photos", "album"):
        (tmp_path / name).mkdir()
    for name in ("photos/1.jpg", "photos/2.jfif", "photos/3.avif", "photos/4.gif", "photos/5.heic", "album/6.jpg"):
        kind = {"jpg": "JPEG", "jfif": "JPEG", "heic": "HEIF"}.get(name.split(".")[1])
        picture().save(tmp_path / name, kind)
    (tmp_path / "photos" / "linked").symlink_to(tmp_path / "album")
    hole().save(tmp_path / "stamp.png")
    done = run("batch", "photos", "stamp.png", "-o", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"6 filled, 0 skipped, 0 failed; {Path('out') / 'report.jsonl'}\n")
    assert {p.name for p in (tmp_path / "out").rglob("*.*")} == {
        "1.jpg", "2.jfif", "3.png", "4.png", "5.png", "6.jpg", "report.jsonl",
    }  # fmt: skip
    for name in ("3.avif", "4.gif"):
        with Image.open(tmp_path / "photos" / name) as photo, Image.open(tmp_path / "out" / f"{name[0]}.png") as filled:
            before, after = np.asarray(photo.convert("RGB")), np.asarray(filled.convert("RGB"))
        different = (before != after).any(axis=2)
        assert different[20:30, 30:50].any() and not different[~(np.asarray(hole()) > 0)].any()
    (tmp_path / "photos" / "7.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    (tmp_path / "photos" / "8.psd").touch()
    again = run("batch", "photos", "stamp.png", "-o", "out", "--resume", cwd=tmp_path)
    assert again.returncode == 1 and "0 filled, 6 skipped, 1 failed, 1 left" in again.stdout
    assert "7.heic" in again.stderr and "8.psd" in again.stderr


def test_what_is_transparent_is_filled_and_becomes_opaque(tmp_path: Path) -> None:
    marked = np.asarray(hole()) > 0
    alpha = np.where(marked, 0, 200).astype(np.uint8)
    (tmp_path / "photos").mkdir()
    cut = picture().copy()
    cut.putalpha(Image.fromarray(alpha))
    cut.save(tmp_path / "photos" / "cut.png")
    picture().save(tmp_path / "photos" / "whole.jpg")
    done = run("batch", "photos", "--holes-from-alpha", "-o", "out", cwd=tmp_path)
    assert done.returncode == 1 and "whole.jpg has no transparent pixels to fill: its mode is RGB" in done.stderr
    with Image.open(tmp_path / "out" / "cut.png") as image:
        filled = np.asarray(image)
    np.testing.assert_array_equal(filled[..., 3], np.where(marked, 255, 200))
    np.testing.assert_array_equal(filled[~marked][:, :3], np.asarray(picture())[~marked])
    assert np.abs(filled[marked][:, :3].astype(int) - np.asarray(picture())[marked]).mean() < 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing", "holes", "-o", "out"), "no folder missing"),
        (("photos", "missing", "-o", "out"), "no file or folder missing"),
        (("photos", "-o", "out"), "or --holes-from-alpha, or --find"),
        (("photos", "holes", "--holes-from-alpha", "-o", "out"), "only one of these"),
        (("photos", "holes"), "-o OUT"),
        (("photos", "holes", "-o", "photos"), "name another one for the results"),
        (("photos", "holes", "-o", "out", "--resume", "--overwrite"), "choose one"),
        (("empty", "holes", "-o", "out"), "empty holds no photos"),
    ],
)
def test_wrong_orders_are_one_line_and_leave_nothing(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    (folder / "empty").mkdir()
    before = changed_files(folder)
    done = run("batch", *arguments, cwd=folder)
    assert done.returncode == 2 and done.stderr.startswith("partialconv: ") and message in done.stderr
    assert done.stderr.count("\n") == 1 and changed_files(folder) == before


def test_results_and_holes_among_the_photos_are_not_photos(folder: Path) -> None:
    (folder / "photos" / "out").mkdir()
    picture().save(folder / "photos" / "out" / "old.png")
    hole().save(folder / "photos" / "a.holes.png")
    jobs = list_work(folder / "photos", folder / "photos", folder / "photos" / "out")
    wanted = ["a.jpg", "b.png", "broken.jpg", "c.webp", "d.bmp", "lonely.png", "notes.txt"]
    assert [job.photo.name for job in jobs] == wanted
    assert jobs[0].hole == folder / "photos" / "a.holes.png"


def test_an_interrupted_batch_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(12):  # large enough to be met at work
        picture(number).resize((1200, 900)).save(tmp_path / "photos" / f"{number:03}.png")
    marks = np.zeros((900, 1200), np.uint8)
    marks[300:312, 450:750] = 255
    Image.fromarray(marks).save(tmp_path / "hole.png")
    command = [sys.executable, "-m", "partialconv", "batch", "photos", "hole.png", "-o", "out"]
    # where tests run in the background of a shell, they and their children would ignore Ctrl-C
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        signal.signal(signal.SIGINT, before)
        until = time.monotonic() + 60
        while time.monotonic() < until and len(list((tmp_path / "out").glob("*.png"))) < 3:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    num_done = len(list((tmp_path / "out").glob("*.png")))
    assert 3 <= num_done < 12 and not list((tmp_path / "out").glob(".*"))
    done = run("batch", "photos", "hole.png", "-o", "out", "--resume", cwd=tmp_path)
    assert done.returncode == 0 and f"{12 - num_done} filled, {num_done} skipped, 0 failed" in done.stdout


@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::ResourceWarning")
def test_a_ray_cluster_of_two_does_the_same(folder: Path) -> None:
    import ray

    ray.init(num_cpus=2, include_dashboard=False, logging_level="error")  # type: ignore[arg-type]
    try:
        jobs = list_work(folder / "photos", folder / "holes", folder / "out")
        results = {Path(r.photo).name: r for r in work_on_ray(jobs, Settings(), "auto")}
    finally:
        ray.shutdown()
    assert {name for name, r in results.items() if r.status == "filled"} == {"a.jpg", "b.png", "c.webp", "d.bmp"}
    assert "no hole for" in results["lonely.png"].error
    run("batch", "photos", "holes", "-o", "here", cwd=folder)
    for name in ("a.jpg", "b.png", "inner/c.webp", "inner/d.bmp"):
        assert (folder / "out" / name).read_bytes() == (folder / "here" / name).read_bytes()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::ResourceWarning")
def test_no_cluster_is_one_line(folder: Path) -> None:
    jobs = list_work(folder / "photos", folder / "holes", folder / "out")
    with pytest.raises(InputError, match="no Ray cluster at auto: "):
        list(work_on_ray(jobs, Settings(), "auto"))


def test_a_dry_run_writes_nothing_and_tells_the_plan(tmp_path: Path) -> None:
    marks = np.zeros((600, 800), np.uint8)
    marks[100:105, 100:400] = marks[300:380, 500:580] = 255
    picture().resize((800, 600)).save(tmp_path / "photo.jpg")
    Image.fromarray(marks).save(tmp_path / "holes.png")
    before = changed_files(tmp_path)
    done = run("fill", "photo.jpg", "holes.png", "-o", "out.jpg", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0 and changed_files(tmp_path) == before
    assert len(done.stderr.splitlines()) == 1 and "up to 80 pixels wide" in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "hole: 1.65% of 800x600 pixels"
    assert [line.split(":")[0] for line in lines[1:-1]] == ["at 1/4 of the size", "at 1/2 of the size", "at full size"]
    assert "2 crops" in lines[3] and lines[-1].startswith("about ") and " MB on this machine" in lines[-1]


def test_confidence_is_written_as_the_photo_is_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture().save(tmp_path / "photo.jpg", exif=exif)
    marks = np.zeros((80, 60), np.uint8)
    marks[70:, :] = 255
    Image.fromarray(marks).save(tmp_path / "holes.png")
    done = run("fill", "photo.jpg", "holes.png", "-o", "out.jpg", "--confidence", "sure.png", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(tmp_path / "sure.png") as image:
        sure = np.asarray(image)
    assert image.mode == "L" and sure.shape == (80, 60)
    assert (sure[:70] == 255).all() and 0 < sure[-1].max() < sure[70].max() < 255
    again = run("fill", "photo.jpg", "holes.png", "-o", "new.jpg", "--confidence", "sure.png", cwd=tmp_path)
    assert again.returncode == 2 and "sure.png exists" in again.stderr and not (tmp_path / "new.jpg").exists()
