"""One job gives one file, whichever door it comes in by: command line, batch, server or Python."""

import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

import partialconv
from partialconv import FillJob, FillOptions, Inpainter, fill_file
from partialconv.filling.options import Option, options
from partialconv.imageio.formats import FORMAT_OF_SUFFIX
from partialconv.server.order import MEDIA_TYPES
from tests.command import call
from tests.server.conftest import address  # noqa: F401
from tests.server.serving import MODELS

WIDTH, HEIGHT = 96, 64
SUFFIXES = sorted(FORMAT_OF_SUFFIX.keys() & MEDIA_TYPES)


def values(option: Option) -> st.SearchStrategy[Any]:
    """Values of an option that all doors take and this machine can follow."""
    if option.name == "model":
        return st.sampled_from([None, *MODELS])
    if option.about.local:
        return st.just(option.default)
    if option.kind is bool:
        return st.booleans()
    if option.kind is int:
        return st.integers(0, 12)
    return st.sampled_from(option.choices)


ALL_OPTIONS = st.fixed_dictionaries({option.name: values(option) for option in options()})


@st.composite
def jobs(draw: st.DrawFn) -> dict[str, Any]:
    """A photo as it lies on a disk, a picture of its hole, and options."""
    seed, orientation = draw(st.integers(0, 99)), draw(st.integers(1, 8))
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    noise = rng.integers(0, 30, (HEIGHT, WIDTH, 3))
    photo = (np.stack([x * 2, y * 3, x + y], -1) + noise).clip(0, 255).astype(np.uint8)
    size = (HEIGHT, WIDTH) if orientation < 5 else (WIDTH, HEIGHT)
    chosen = draw(ALL_OPTIONS)
    if chosen["anchor"] != "none":
        size = draw(st.tuples(st.integers(40, 100), st.integers(40, 100)))
    hole = np.zeros(size, np.uint8)
    top, left = draw(st.integers(0, 30)), draw(st.integers(0, 30))
    hole[top : top + draw(st.integers(1, 9)), left : left + draw(st.integers(1, 9))] = 255
    hole[20:24, 25:31] = 255  # lies on every photo, wherever it is laid
    if chosen["hole_color"] == "black":
        hole = 255 - hole
    return {
        "photo": photo,
        "suffix": draw(st.sampled_from(SUFFIXES)),
        "orientation": orientation,
        "hole": hole,
        "options": chosen,
    }


def write(job: dict[str, Any], folder: Path) -> tuple[Path, Path]:
    exif = Image.Exif()
    exif[0x0112] = job["orientation"]
    (folder / "photos").mkdir()
    photo, hole = folder / "photos" / f"photo{job['suffix']}", folder / "hole.png"
    kept: dict[str, Any] = {} if job["suffix"] == ".bmp" else {"exif": exif}
    Image.fromarray(job["photo"]).save(photo, **kept)
    if job["suffix"] == ".bmp" and job["orientation"] >= 5 and job["options"]["anchor"] == "none":
        job["hole"] = job["hole"].T  # nothing says that it is turned
    Image.fromarray(job["hole"]).save(hole)
    return photo, hole


def flags(chosen: dict[str, Any]) -> list[str]:
    told = []
    for option in options():
        value = chosen[option.name]
        if option.kind is bool:
            told += [option.flag] if value else [f"--no-{option.flag[2:]}"] if option.default else []
        elif value is not None:
            told += [option.flag, str(value)]
    return told


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    return Inpainter()


@settings(max_examples=15, deadline=None)  # each opens the network twice
@given(job=jobs())
def test_all_doors_give_the_same_bytes(
    job: dict[str, Any],
    address: str,  # noqa: F811
    inpainter: Inpainter,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("job")
    photo, hole = write(job, folder)
    chosen = FillOptions(**job["options"])
    out = {door: folder / f"{door}{photo.suffix}" for door in ("python", "fill")}

    try:
        fill_file(FillJob(photo, out["python"], hole, chosen), inpainter)
    except partialconv.InputError as error:  # all doors refuse what one refuses, in the same words
        refusal = str(error)
    else:
        refusal = ""
    by_command = call("fill", photo, hole, "-o", out["fill"], *flags(job["options"]), cwd=folder)
    by_batch = call("batch", photo.parent, hole, "-o", folder / "out", *flags(job["options"]), cwd=folder)
    form = {
        option.name: str(job["options"][option.name]).lower()
        for option in options()
        if not option.about.local and job["options"][option.name] is not None
    }
    files = {"photo": photo.read_bytes(), "hole": hole.read_bytes()}
    answer = httpx.post(f"{address}/api/fill", data=form, files=files, timeout=60)
    if refusal:
        assert (by_command.returncode, by_command.stderr) == (2, f"partialconv: {refusal}\n")
        assert by_batch.returncode == 1 and refusal in " ".join(by_batch.stderr.split("\n"))
        told = refusal.replace(str(hole), "hole.png").replace(str(photo), photo.name)
        assert answer.json()["error"]["message"].replace("photo" + photo.suffix, photo.name) == told
        with pytest.raises(partialconv.InputError) as caught:
            partialconv.fill(photo, hole, **by_keyword(job["options"]))
        assert str(caught.value) == refusal
        return
    expected = out["python"].read_bytes()
    assert by_command.returncode == 0 and out["fill"].read_bytes() == expected, by_command.stderr
    assert by_batch.returncode == 0 and (folder / "out" / photo.name).read_bytes() == expected, by_batch.stderr
    assert answer.status_code == 200 and answer.content == expected, answer.text[:300]
    # the fourth gives no file, but the pixels, as they are shown
    shown = partialconv.fill(photo, hole, **by_keyword(job["options"]))
    if photo.suffix != ".jpg":
        with Image.open(io.BytesIO(expected)) as image:
            np.testing.assert_array_equal(np.asarray(shown), np.asarray(ImageOps.exif_transpose(image)))
    assert shown.getexif().get(0x0112, 1) == 1


def by_keyword(chosen: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in chosen.items() if name not in ("ringing", "runtime", "device", "precision")}
