"""`partialconv.fill_video` and the command, on clips with sound."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import partialconv
from partialconv.errors import InputError
from partialconv.video import api
from partialconv.video.clip import open_clip
from tests.command import call
from tests.video.clips import (
    HEIGHT,
    WIDTH,
    hole,
    looks,
    make_clip,
    marked,
    panned,
    pictures,
    sound_of,
    texture,
    times_of,
)

UNEVEN_MS = [0, 40, 73, 140, 180, 250, 260, 300]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "walk.mp4", marked(panned(12)), options={"crf": "10"})


def test_the_mark_goes_and_the_rest_stays(clip: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    target = tmp_path / "out.mp4"
    done = partialconv.fill_video(clip, hole(), target, tell=lambda *step: told.append(step))
    assert (done.num_frames, done.num_kept, done.codec, done.remarks) == (12, 0, "H.264", ())
    assert told[0] == ("filling", 1, 12) and told[-1] == ("writing", 12, 12)
    truth, before, after = panned(12), pictures(clip), pictures(target)
    place = hole()
    for known, old, new in zip(truth, before, after, strict=True):
        assert np.abs(old[~place].astype(int) - new[~place]).mean() < 3  # coded anew
        assert np.abs(known[place].astype(int) - old[place]).mean() > 60
        assert np.abs(known[place].astype(int) - new[place]).mean() < 30
    assert sound_of(target) == sound_of(clip)
    assert times_of(target) == times_of(clip)
    assert looks(target) == looks(clip)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize(
    ("name", "codec", "format_", "sound"),
    [
        ("a.mkv", "libx264", "yuv420p10le", "aac"),
        ("b.webm", "libvpx-vp9", "yuv420p", "libopus"),
        ("c.avi", "mpeg4", "yuv420p", "mp3"),
        ("d.mov", "prores_ks", "yuv422p10le", "aac"),
    ],
)
def test_codec_pixels_and_uneven_times_stay(tmp_path: Path, name: str, codec: str, format_: str, sound: str) -> None:
    uneven = None if name == "c.avi" else UNEVEN_MS  # AVI has no time stamps
    clip = make_clip(tmp_path / name, marked(panned(8)), codec, format_, sound, uneven)
    target = tmp_path / f"out{clip.suffix}"
    done = partialconv.fill_video(clip, hole(), target)
    assert done.remarks == ()
    assert looks(target) == looks(clip)
    assert times_of(target) == times_of(clip)
    assert sound_of(target) == sound_of(clip)


def test_a_codec_that_cannot_be_written_becomes_another_one_and_is_named(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "old.avi", marked(panned(3)), "msmpeg4v3", sound=None)
    done = partialconv.fill_video(clip, hole(), tmp_path / "out.avi")
    assert done.codec == "H.264"
    assert "coded as H.264 instead of msmpeg4" in done.remarks[0]


def test_what_another_kind_of_file_cannot_hold_is_named(clip: Path, tmp_path: Path) -> None:
    done = partialconv.fill_video(clip, hole(), tmp_path / "out.webm", quality="small")
    assert done.codec == "VP9"
    assert "stream 1, audio, is left out" in done.remarks[1]
    assert times_of(tmp_path / "out.webm") == times_of(clip)


def test_the_hole_of_a_turned_clip_is_drawn_as_it_is_shown(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "turned.mp4", marked(panned(3)), rotation=90)
    frame = tmp_path / "frame.png"
    assert call("video", clip, "--frame", frame, cwd=tmp_path).returncode == 0
    shown = np.asarray(Image.open(frame).convert("L"))
    assert shown.shape == (WIDTH, HEIGHT)
    Image.fromarray(shown > 245).save(tmp_path / "holes.png")
    done = call("video", clip, tmp_path / "holes.png", "-o", tmp_path / "out.mp4", "--grow", 2, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert looks(tmp_path / "out.mp4")[-1] == 90
    assert pictures(tmp_path / "out.mp4")[1][hole()].mean() < 200


def test_a_frame_that_was_painted_on_is_a_hole(clip: Path, tmp_path: Path) -> None:
    api.save_frame(clip, tmp_path / "frame.png")
    painted = np.array(Image.open(tmp_path / "frame.png"))
    painted[open_clip(clip).size[0] - 30 :, :40] = (255, 0, 255)
    found = api.read_frame_hole(open_clip(clip), Image.fromarray(painted), partialconv.FillOptions()).accept()
    assert found[-30:, :40].mean() > 0.9 and not found[:-32].any() and not found[:, 44:].any()


def test_an_interrupted_run_goes_on_and_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "BLOCK", 4)
    clip = make_clip(tmp_path / "walk.mkv", marked(panned(10)), "ffv1", "yuv444p", sound=None)  # coded without loss
    partialconv.fill_video(clip, hole(), tmp_path / "whole.mkv")
    target = tmp_path / "out.mkv"

    def stop(step: str, done: int, total: int) -> None:
        if done > 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        partialconv.fill_video(clip, hole(), target, tell=stop)
    assert not target.exists() and (tmp_path / "out.mkv.unfinished").is_dir()
    again = partialconv.fill_video(clip, hole(), target)
    assert again.num_kept == 8
    for one, other in zip(pictures(target), pictures(tmp_path / "whole.mkv"), strict=True):
        np.testing.assert_array_equal(one, other)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mkv", "walk.mkv", "whole.mkv"]


def test_another_hole_begins_anew(clip: Path, tmp_path: Path) -> None:
    def stop(step: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    target = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        partialconv.fill_video(clip, hole(), target, tell=stop)
    other = np.roll(hole(), 10, axis=1)
    assert partialconv.fill_video(clip, other, target).num_kept == 0


def test_the_command(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(hole()).save(tmp_path / "holes.png")
    line = ("video", clip, tmp_path / "holes.png", "-o", tmp_path / "out.mp4", "--quality", "small")

    def interrupted(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(api, "write_clip", interrupted)
        stopped = call(*line, cwd=tmp_path)
    assert stopped.returncode == 130 and "The same command goes on" in stopped.stderr
    done = call(*line, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "in 12 frames (12 of them before), coded as H.264" in done.stdout


@pytest.mark.parametrize(
    ("file", "size", "ending", "says"),
    [
        ("walk.mp4", (HEIGHT, WIDTH + 2), ".mp4", "162x120 pixels, but the frames"),
        ("walk.mp4", (HEIGHT, WIDTH), ".png", "must end in one of .mp4"),
        ("text.mp4", (HEIGHT, WIDTH), ".mp4", "as a video"),
        ("photo.png", (HEIGHT, WIDTH), ".mp4", "is a picture, not a clip"),
        ("missing.mp4", (HEIGHT, WIDTH), ".mp4", "no file"),
    ],
)
def test_bad_input_is_one_line(
    clip: Path, tmp_path: Path, file: str, size: tuple[int, int], ending: str, says: str
) -> None:
    (tmp_path / "walk.mp4").write_bytes(clip.read_bytes())
    (tmp_path / "text.mp4").write_text("no video")
    Image.fromarray(texture()).save(tmp_path / "photo.png")
    place = np.zeros(size, bool)
    place[40:60, 60:80] = True
    Image.fromarray(place).save(tmp_path / "holes.png")
    before = sorted(tmp_path.iterdir())
    done = call("video", file, "holes.png", "-o", f"out{ending}", cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr and done.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_hole_that_is_everything_is_refused(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="every pixel"):
        partialconv.fill_video(clip, np.ones((HEIGHT, WIDTH), bool), tmp_path / "out.mp4")
    with pytest.raises(InputError, match="no pixel"):
        partialconv.fill_video(clip, np.zeros((HEIGHT, WIDTH), bool), tmp_path / "out.mp4")
    almost = np.ones((HEIGHT, WIDTH), bool)
    almost[0, 0] = False
    with pytest.raises(InputError, match="covers the whole frame"):
        partialconv.fill_video(clip, almost, tmp_path / "out.mp4", options=partialconv.FillOptions(hole_color="white"))
    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_is_broken_in_the_middle_is_refused(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "walk.avi", marked(panned(12)), "mjpeg", "yuvj420p", sound=None)
    content = bytearray(clip.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 60] = bytes(60)
    clip.write_bytes(content)
    with pytest.raises(InputError, match=r"walk\.avi is broken: frame \d+"):
        partialconv.fill_video(clip, hole(), tmp_path / "out.avi")
    assert not (tmp_path / "out.avi").exists()


def test_damage_that_a_decoder_conceals_is_named(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "walk.avi", marked(panned(8)), "ffv1", "yuv444p", sound=None)
    content = bytearray(clip.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(40)
    clip.write_bytes(content)
    (remark,) = partialconv.fill_video(clip, hole(), tmp_path / "out.avi").remarks
    assert "walk.avi (ffv1" in remark and "if it is damaged" in remark


@pytest.mark.parametrize(("module", "package"), [("cv2", "OpenCV"), ("av", "PyAV")])
def test_what_is_missing_is_named(module: str, package: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; import partialconv; partialconv.fill_video"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    line = done.stderr.strip().splitlines()[-1]
    assert line == (
        f'ImportError: partialconv.video needs {package}: install it with pip install "partialconv[video]".'
    )


def test_a_file_is_not_written_over_itself_or_others(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is the clip itself"):
        partialconv.fill_video(clip, hole(), clip, overwrite=True)
    (tmp_path / "out.mp4").write_bytes(b"")
    with pytest.raises(InputError, match="exists"):
        partialconv.fill_video(clip, hole(), tmp_path / "out.mp4")
