"""From videos to raw masks: small videos made here."""

import importlib.util
import struct
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from partialconv.errors import InputError
from partialconv.masks import video
from partialconv.masks.video import BORDER_PX, extract_raw, read_frames

NUM_FRAMES, HEIGHT, WIDTH = 7, 120, 160


def frame(number: int) -> NDArray[np.uint8]:
    """A textured square that moves by 5 pixels a frame over a texture."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    grey = 128 + 60 * np.sin(x / 3.1) * np.cos(y / 4.3)
    left = 30 + 5 * number
    inner = 128 + 80 * np.cos(x / 2.3 - left / 2.3) * np.sin(y / 3.7)
    inside = (y >= 40) & (y < 80) & (x >= left) & (x < left + 40)
    return np.repeat(np.where(inside, inner, grey).astype(np.uint8)[..., None], 3, axis=2)


def make_video(path: Path, num_frames: int = NUM_FRAMES) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 4_000_000
        for number in range(num_frames):
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame(number), format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def raw_masks(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / "raw").iterdir())}


def test_frames_are_decoded_one_by_one(tmp_path: Path) -> None:
    frames = read_frames(make_video(tmp_path / "v.mp4"))
    first = next(frames)
    assert first.shape == (HEIGHT, WIDTH) and first.dtype == np.uint8
    assert np.abs(first.astype(float) - frame(0)[..., 0]).mean() < 8
    assert len(list(frames)) == NUM_FRAMES - 1


def test_large_frames_are_scaled_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "SHORT_SIDE_PX", 60)
    assert next(read_frames(make_video(tmp_path / "v.mp4"))).shape == (60, 80)


def test_each_pair_gives_a_mask_of_what_moves(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    source = make_video(tmp_path / "v.mp4")
    result = extract_raw([source], tmp_path / "out", report=lambda _, done, total: seen.append((done, total)))
    assert (result.num_new, result.num_kept) == (NUM_FRAMES - 1, 0)
    assert seen == [(n, NUM_FRAMES - 1) for n in range(1, NUM_FRAMES)]
    files = sorted((tmp_path / "out" / "raw").iterdir())
    assert len(files) == NUM_FRAMES - 1
    for number, path in enumerate(files):
        with Image.open(path) as picture:
            assert picture.mode == "1"
            mask = np.asarray(picture)
        assert mask.shape == (HEIGHT - 2 * BORDER_PX, WIDTH - 2 * BORDER_PX)
        covered = mask[40 - BORDER_PX : 80 - BORDER_PX, 70 + 5 * number - BORDER_PX :][:, :5]
        assert covered.mean() > 0.7
        assert mask[:20].mean() < 0.1


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    source, out = make_video(tmp_path / "v.mp4"), tmp_path / "out"
    extract_raw([source], out)
    before = raw_masks(out)
    files = sorted((out / "raw").iterdir())
    for path in files[2:4]:
        path.unlink()
    times = [path.stat().st_mtime_ns for path in files[4:]]
    again = extract_raw([source], out)
    assert (again.num_new, again.num_kept) == (2, NUM_FRAMES - 3)
    assert raw_masks(out) == before
    assert [path.stat().st_mtime_ns for path in files[4:]] == times
    # another video of the same name adds its own
    other = make_video(tmp_path / "other.mp4", 3).rename(tmp_path / "v.mp4")
    assert extract_raw([other], out).num_new == 2
    assert len(raw_masks(out)) == NUM_FRAMES + 1


def test_some_pairs_only(tmp_path: Path) -> None:
    result = extract_raw([make_video(tmp_path / "v.mp4")], tmp_path / "out", every=3)
    assert result.num_new == 2
    assert [name[-10:] for name in raw_masks(tmp_path / "out")] == ["000000.png", "000003.png"]
    with pytest.raises(InputError, match="name another folder"):
        extract_raw([tmp_path / "v.mp4"], tmp_path / "out", every=2)


def flo(path: Path, flow: NDArray[np.float32]) -> Path:
    path.write_bytes(b"PIEH" + struct.pack("<ii", flow.shape[1], flow.shape[0]) + flow.astype("<f4").tobytes())
    return path


def test_flows_that_are_there_already(tmp_path: Path) -> None:
    forward, backward = np.zeros((30, 40, 2), np.float32), np.zeros((30, 40, 2), np.float32)
    backward[10:20, 10:20] = 9
    files = [flo(tmp_path / "a.flo", forward), flo(tmp_path / "b.flo", backward)]
    assert extract_raw(files, tmp_path / "out").num_new == 1
    (path,) = (tmp_path / "out" / "raw").iterdir()
    expected = np.zeros((30, 40), bool)
    expected[10:20, 10:20] = True
    with Image.open(path) as picture:
        difference = np.asarray(picture) != expected[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
    assert difference.sum() <= 4  # corners, by smoothing
    with pytest.raises(InputError, match="in pairs"):
        extract_raw(files[:1], tmp_path / "other")
    flo(tmp_path / "c.flo", backward[:-1])
    with pytest.raises(InputError, match="of another size"):
        extract_raw([files[0], tmp_path / "c.flo"], tmp_path / "other")
    flo(tmp_path / "d.flo", backward[:9])
    with pytest.raises(InputError, match=r"d.flo is 40x9 pixels, expected at least 24"):
        extract_raw([tmp_path / "d.flo", tmp_path / "d.flo"], tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_what_is_no_video_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(InputError, match="cannot be decoded as a video"):
        extract_raw([make_video(tmp_path / "v.mp4"), tmp_path / "text.mp4"], tmp_path / "out")
    with pytest.raises(InputError, match="no file"):
        extract_raw([tmp_path / "missing.mp4"], tmp_path / "out")
    with pytest.raises(InputError, match="expected at least 1"):
        extract_raw([tmp_path / "v.mp4"], tmp_path / "out", every=0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"PyAV: install it with pip install \"partialconv\[flow\]\""):
        extract_raw([tmp_path / "v.mp4"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
