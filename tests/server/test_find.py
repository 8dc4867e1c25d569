"""Damage found over HTTP, with a stand-in for the network, so that nothing depends on its weights."""

import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

import partialconv
from partialconv import finding
from partialconv.filling import find_options
from partialconv.server.limits import Limits
from partialconv.server.process import PROGRAM
from tests.finding.standin import write_standin
from tests.finding.test_infrared import scan
from tests.server.serving import decoded, encoded, make_app, parts, picture, serving, with_finder
from tests.server.test_api import refused

ANSWERS = ("parts", "hole", "map")


def damaged(height: int = 70, width: int = 90) -> NDArray[np.uint8]:
    """Grey, with a light speck of 2 x 3 pixels, a dark line of 2 x 30, and a faint light speck."""
    photo = np.full((height, width, 3), 100, np.uint8)
    photo[20:22, 10:13] = 255
    photo[50:52, 40:70] = 0
    photo[35, 60] = 130
    return photo


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_standin(tmp_path_factory.mktemp("finder") / "find.onnx")


@pytest.fixture(scope="module")
def finder(model: Path) -> Iterator[httpx.Client]:
    with serving(make_app(program=with_finder(model))) as address, httpx.Client(base_url=address, timeout=60) as one:
        yield one


def find(client: httpx.Client, photo: bytes | NDArray[np.uint8], hole: bytes = b"", **options: str) -> httpx.Response:
    files = {"photo": photo if isinstance(photo, bytes) else encoded(photo)} | ({"hole": hole} if hole else {})
    return client.post("/api/find", files=files, data=options)


def test_parts_and_hole_are_those_of_the_library(finder: httpx.Client, model: Path) -> None:
    expected = partialconv.find(damaged(), model=model, sensitivity=0.7)
    assert len(expected.parts) == 3
    answer = find(finder, damaged(), sensitivity="0.7")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    told = answer.json()
    assert told["parts"] == [part.as_dict() for part in expected.parts] == json.loads(json.dumps(told["parts"]))
    assert (told["width"], told["height"], told["num_parts"]) == (90, 70, 3)
    assert told["share"] == pytest.approx(expected.share) and told["threshold"] < 0.5
    hole = find(finder, damaged(), sensitivity="0.7", answer="hole")
    assert hole.headers["content-type"] == "image/png"
    np.testing.assert_array_equal(np.asarray(decoded(hole.content)), expected.hole)
    report = json.loads(hole.headers["partialconv-report"])
    assert report == {key: value for key, value in told.items() if key != "parts"}
    steps = [step.partition(";")[0] for step in hole.headers["server-timing"].split(", ")]
    assert steps == ["in", "queue", "read", "find", "write"]


def test_the_hole_that_comes_back_can_be_filled(finder: httpx.Client) -> None:
    hole = find(finder, damaged(), answer="hole").content
    filled = finder.post("/api/fill", files={"photo": encoded(damaged()), "hole": hole})
    changed = (np.asarray(decoded(filled.content)) != damaged()).any(axis=-1)
    marked = np.asarray(decoded(hole))
    assert marked.sum() == 148 and changed.sum() >= 66 and not changed[~marked].any()


def test_kinds_and_size_choose(finder: httpx.Client) -> None:
    assert [part["kind"] for part in find(finder, damaged()).json()["parts"]] == ["dust", "stamp"]
    assert [part["kind"] for part in find(finder, damaged(), kinds="stamp, text").json()["parts"]] == ["stamp"]
    assert [part["kind"] for part in find(finder, damaged(), largest_px="31").json()["parts"]] == ["dust"]
    assert find(finder, damaged(), kinds="cracks").json()["parts"] == []
    assert not np.asarray(decoded(find(finder, damaged(), kinds="cracks", answer="hole").content)).any()


@pytest.mark.parametrize("sensitivity", [0.0, 0.3, 0.5, 0.55, 0.7, 0.985, 1.0])
def test_the_map_has_the_hole_of_every_sensitivity(finder: httpx.Client, model: Path, sensitivity: float) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (8, 10, 1), np.uint8).repeat(8, 0).repeat(8, 1).repeat(3, axis=2)
    drawn = np.asarray(decoded(find(finder, photo, answer="map").content))
    expected = partialconv.find(photo, model=model, sensitivity=sensitivity)
    assert 0 < expected.share < 1
    np.testing.assert_array_equal(drawn[..., 0] >= 201 - round(200 * sensitivity), expected.hole)
    assert set(np.unique(drawn[..., 1])) <= {0, 50, 200} and not drawn[..., 2].any()  # dust and stamp
    np.testing.assert_array_equal(drawn[..., 1] > 0, drawn[..., 0] > 0)
    assert (drawn[drawn[..., 0] > 0, 1] > 0).all()


def test_a_turned_photo_is_looked_at_as_it_is_shown(finder: httpx.Client) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for file_format in ("PNG", "TIFF"):
        photo = encoded(Image.fromarray(damaged()), file_format, exif=exif)
        hole = np.asarray(decoded(find(finder, photo, answer="hole").content))
        upright = np.asarray(decoded(find(finder, damaged(), answer="hole").content))
        np.testing.assert_array_equal(hole, np.rot90(upright, -1))


def test_depths_and_transparency(finder: httpx.Client) -> None:
    deep = encoded(Image.fromarray(damaged()[..., 0].astype(np.uint16) * 257))
    assert [part["area"] for part in find(finder, deep).json()["parts"]] == [20, 128]
    alpha = np.full((70, 90, 1), 255, np.uint8)
    alpha[:30] = 0
    assert [part["area"] for part in find(finder, np.dstack([damaged(), alpha])).json()["parts"]] == [128]


def test_infrared_of_a_film_scanner_is_used(finder: httpx.Client) -> None:
    rgb, infrared, dust = scan()
    with io.BytesIO() as buffer:
        samples = np.dstack([rgb, infrared])
        tifffile.imwrite(buffer, samples, photometric="rgb", extrasamples=["unspecified"], metadata=None)
        answer = find(finder, buffer.getvalue(), answer="hole")
    assert np.asarray(decoded(answer.content))[dust].mean() > 0.95
    assert json.loads(answer.headers["partialconv-report"])["infrared"]
    with io.BytesIO() as buffer:  # film that blocks infrared itself, as black and white film does
        samples = np.dstack([rgb, rgb[..., 0]])
        tifffile.imwrite(buffer, samples, photometric="rgb", extrasamples=["unspecified"], metadata=None)
        answer = find(finder, buffer.getvalue())
    assert answer.status_code == 200 and not answer.json()["infrared"]


def test_nothing_is_found_in_what_is_painted_already(finder: httpx.Client) -> None:
    painted = np.zeros((70, 90), bool)
    painted[45:60] = True
    for hole, color in ((painted, "white"), (painted, "auto"), (~painted, "black")):
        drawn = np.asarray(decoded(find(finder, damaged(), encoded(hole), hole_color=color, answer="map").content))
        assert not drawn[painted].any() and (drawn[20:22, 10:13, 0] >= 101).all()
    assert len(find(finder, damaged(), encoded(painted & False)).json()["parts"]) == 2
    assert find(finder, damaged(), encoded(painted | True), hole_color="white").json()["parts"] == []
    refused(find(finder, damaged(), encoded(np.zeros((90, 70), bool))), 422, "hole_shape")


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (17, 2)])
@pytest.mark.parametrize("answer", ANSWERS)
def test_smallest_photos(finder: httpx.Client, size: tuple[int, int], answer: str) -> None:
    told = find(finder, np.full((*size, 3), 90, np.uint8), answer=answer)
    assert told.status_code == 200
    if answer == "parts":
        assert told.json()["parts"] == []
    else:
        assert decoded(told.content).size == size[::-1]


def test_finds_beyond_number(finder: httpx.Client) -> None:
    """Each fourth pixel of each fourth row: more parts than fit in a header or in a line of the working process."""
    photo = np.full((600, 900, 3), 100, np.uint8)
    photo[::4, ::4] = 255
    told = find(finder, photo).json()
    assert told["num_parts"] == len(told["parts"]) == 150 * 225
    assert told["share"] == pytest.approx((3 * 150 - 1) * (3 * 225 - 1) / (600 * 900))  # with a pixel around each


def test_both_in_one_answer(finder: httpx.Client) -> None:
    headers = {"Accept": "multipart/form-data"}
    answer = finder.post("/api/find", files={"photo": encoded(damaged())}, data={"answer": "hole"}, headers=headers)
    found = parts(answer)
    assert json.loads(found["report"])["num_parts"] == 2
    assert np.asarray(decoded(found["file"])).sum() == 148


@pytest.mark.parametrize(
    ("fields", "status", "code", "message"),
    [
        ({"kinds": "dust,rust"}, 422, "option", "kinds is 'dust,rust', expected some of dust, scratches"),
        ({"kinds": " , "}, 422, "option", "expected some of"),
        ({"sensitivity": "1.5"}, 422, "option", "sensitivity is '1.5', expected a number from 0 to 1"),
        ({"sensitivity": "nan"}, 422, "option", "expected a number"),
        ({"sensitivity": "-0.1"}, 422, "option", "expected a number"),
        ({"sensitivity": "\u0663"}, 422, "option", "expected a number"),
        ({"largest_px": "0"}, 422, "option", "largest_px is '0', expected a whole number of pixels"),
        ({"largest_px": "2.5"}, 422, "option", "expected a whole number"),
        ({"answer": "picture"}, 422, "option", "answer is 'picture', expected one of parts, hole, map"),
        ({"hole_color": "red"}, 422, "option", "expected one of auto, white, black"),
        ({"ticket": "abc"}, 422, "option", "hexadecimal"),
        ({"model": "half"}, 422, "field", "a field 'model'"),
        ({"photo": b"no picture"}, 415, "format", "cannot read photo as an image"),
        ({"photo": encoded(picture())[:75]}, 422, "input", "photo.png is broken"),
        ({"hole": b"GIF"}, 415, "format", "cannot read hole as an image"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used_is_refused(
    finder: httpx.Client, fields: dict[str, bytes | str], status: int, code: str, message: str
) -> None:
    files = {"photo": encoded(damaged())} | {key: value for key, value in fields.items() if isinstance(value, bytes)}
    data = {key: value for key, value in fields.items() if isinstance(value, str)}
    assert message in refused(finder.post("/api/find", files=files, data=data), status, code)


def test_a_photo_is_needed(finder: httpx.Client) -> None:
    assert "no field photo" in refused(finder.post("/api/find", files={"hole": b"x"}), 422, "field")


def test_a_server_without_a_finder_says_so(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_text("no network")
    for name in ("missing.onnx", "broken.onnx"):
        app = make_app(program=with_finder(tmp_path / name))
        with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
            message = refused(find(client, damaged()), 501, "finder")
            assert message.startswith("this server has no network that finds damage")
            hole = np.zeros((70, 90), bool)
            hole[10:20, 10:20] = True
            files = {"photo": encoded(damaged()), "hole": encoded(hole)}
            assert client.post("/api/fill", files=files).status_code == 200


def test_limits(model: Path) -> None:
    limits = Limits(max_pixels=5_000)
    with (
        serving(make_app(limits, program=with_finder(model))) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        assert find(client, damaged(50, 90)).status_code == 200
        assert "90x70 pixels" in refused(find(client, damaged()), 413, "pixels")
    limits = Limits(max_memory=500_000_000)
    with (
        serving(make_app(limits, program=with_finder(model))) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        refused(find(client, encoded(Image.new("RGB", (5000, 4000)))), 413, "memory")


# put before the program: each tile is followed by a pause
SLOW_TILES = """
import time
from partialconv.finding import finder
finder.TILE_PX = 64
true_tile = finder.DamageFinder._tile
def tile(*arguments):
    time.sleep(0.3)
    return true_tile(*arguments)
finder.DamageFinder._tile = tile
"""


def test_progress_and_leaving(model: Path) -> None:
    files = {"photo": encoded(damaged(128, 384))}
    ticket, seen = "0123456789abcdef", []
    program = SLOW_TILES + with_finder(model, PROGRAM)
    with serving(make_app(program=program)) as at, httpx.Client(base_url=at, timeout=60) as client:
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(httpx.post, f"{at}/api/find", files=files, data={"ticket": ticket}, timeout=60)
            while not asked.done():
                seen.append(client.get("/api/progress", params={"ticket": ticket}).json())
                time.sleep(0.05)
        assert len(asked.result().json()["parts"]) == 2
        shares = [one["share"] for one in seen if one["state"] == "filling"]
        assert shares == sorted(shares) and any(0 < share < 1 for share in shares), seen
        with pytest.raises(httpx.ReadTimeout):
            client.post("/api/find", files={"photo": encoded(damaged(1280, 1280))}, timeout=1)  # 400 tiles
        assert len(find(client, damaged()).json()["parts"]) == 2  # and not after two minutes


def test_words_are_those_of_the_finder() -> None:
    assert find_options.KINDS == finding.KINDS


def test_a_find_with_the_shipped_network(client: httpx.Client) -> None:
    sample = client.get("/samples/scratches.jpg").content
    told = find(client, sample, answer="map")
    with Image.open(io.BytesIO(sample)) as photo:
        assert decoded(told.content).size == photo.size
    assert json.loads(told.headers["partialconv-report"])["num_parts"] > 0
