"""Photos that stay decoded between the fills of a visit: same bytes, only what changed, and nobody else's."""

import json
import logging
import secrets
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps
from playwright.sync_api import Page

import partialconv
from partialconv.filling import FillOptions
from partialconv.server.engine import Engine
from partialconv.server.kept import Kept
from partialconv.server.limits import Limits
from partialconv.server.problem import Problem
from tests.server.browser import NEEDS_CHROMIUM, Visit, download, drag, fill, open_photo
from tests.server.serving import decoded, encoded, make_app, picture, serving
from tests.server.test_api import refused

HEIGHT, WIDTH = 150, 210
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


PHOTOS: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: encoded(textured(), "JPEG", quality=30, icc_profile=PROFILE),
    "turned jpeg": lambda: encoded(textured(WIDTH, HEIGHT), "JPEG", exif=turned()),
    "grey jpeg": lambda: encoded(textured().convert("L"), "JPEG"),
    "png": lambda: encoded(textured(), "PNG", dpi=(300, 300)),
    "grey png": lambda: encoded(textured().convert("L"), "PNG"),
    "turned png": lambda: encoded(textured(WIDTH, HEIGHT), "PNG", exif=turned()),
    "webp": lambda: encoded(textured(), "WEBP", lossless=True),
    "bmp": lambda: encoded(textured(), "BMP"),
}


def textured(height: int = HEIGHT, width: int = WIDTH) -> Image.Image:
    noise = np.random.default_rng(0).integers(-20, 21, (height, width, 3))
    return Image.fromarray((np.asarray(picture(height, width)) // 2 + 60 + noise).astype(np.uint8))


def holes() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two of them, which overlap; the first has parts in two corners."""
    first, second = np.zeros((2, HEIGHT, WIDTH), bool)
    first[20:30, 5:90] = first[140:, 200:] = True
    second[25:60, 80:90] = True
    return first, second


def name() -> str:
    return secrets.token_hex(16)


def keep(client: httpx.Client, photo: bytes) -> tuple[str, bool]:
    """The name of a photo, and whether it is kept."""
    given = name()
    answer = client.post("/api/look", files={"photo": photo}, data={"keep": given})
    assert answer.status_code == 200, answer.text
    return given, answer.json()["kept"]


def change(client: httpx.Client, kept: str, hole: NDArray[np.bool_], result: str) -> httpx.Response:
    return client.post("/api/change", files={"hole": encoded(hole)}, data={"kept": kept, "keep": result})


def result_of(client: httpx.Client, kept: str) -> httpx.Response:
    return client.post("/api/result", files={"kept": (None, kept)})


def post(client: httpx.Client, photo: bytes, hole: NDArray[np.bool_]) -> httpx.Response:
    return client.post("/api/fill", files={"photo": photo, "hole": encoded(hole)})


def composed(shown: Image.Image, answer: httpx.Response) -> NDArray[np.uint8]:
    """A photo as it is shown, RGB, with the tiles of an answer over it."""
    tiles = json.loads(answer.headers["partialconv-report"])["tiles"]
    sheet, side, over = decoded(answer.content).convert("RGBA"), tiles["side_px"], shown.convert("RGBA")
    for number, place in enumerate(tiles["places"]):
        left, top = number % (sheet.width // side) * side, number // (sheet.width // side) * side
        tile = sheet.crop((left, top, left + side, top + side))
        over.paste(tile, tuple(place), tile)
    return np.asarray(over.convert("RGB"))


@pytest.mark.parametrize("kind", PHOTOS)
def test_fills_of_a_visit_give_the_bytes_of_fills_of_files(client: httpx.Client, kind: str) -> None:
    photo = PHOTOS[kind]()
    first, second = holes()
    kept, is_kept = keep(client, photo)
    assert is_kept
    once, twice = name(), name()
    changed = change(client, kept, first, once)
    assert changed.status_code == 200, changed.text
    again = change(client, once, second, twice)
    filled = post(client, photo, first)
    told, expected = (json.loads(one.headers["partialconv-report"]) for one in (changed, filled))
    del told["tiles"]
    assert told == expected
    shown = ImageOps.exif_transpose(decoded(photo))
    over = composed(shown, changed)
    if "jpeg" not in kind:  # of which some pixels beside the hole are filled, too
        np.testing.assert_array_equal(over[~first], np.asarray(shown.convert("RGB"))[~first])
    assert (over[first] != np.asarray(shown.convert("RGB"))[first]).mean() > 0.5
    wanted = np.asarray(ImageOps.exif_transpose(decoded(filled.content)).convert("RGB")).astype(int)
    differences = np.abs(over - wanted)[first]
    if "jpeg" in kind:  # whose coefficients may be rounded otherwise; but it is quantised
        bare = partialconv.fill(np.asarray(shown.convert("RGB")), first).astype(int)
        assert 3 * differences.mean() < np.abs(bare - wanted)[first].mean()
    else:
        assert not differences.any()
    assert changed.headers["content-type"] == "image/png"
    assert decoded(changed.content).info.get("icc_profile") == decoded(photo).info.get("icc_profile")
    # the second one was kept first, and asked for first
    answer = result_of(client, twice)
    assert answer.content == post(client, filled.content, second).content
    assert answer.headers["content-type"] == filled.headers["content-type"]
    assert again.status_code == 200
    assert result_of(client, once).content == filled.content
    assert result_of(client, kept).content == photo


@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiles_lie_where_the_photo_shows_them(client: httpx.Client, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = encoded(textured(100, 150), exif=exif)
    shown = ImageOps.exif_transpose(decoded(photo))
    hole = np.zeros(shown.size[::-1], bool)
    hole[-35:-20, 3:20] = hole[60:62, 70:97] = True
    changed = change(client, keep(client, photo)[0], hole, name())
    wanted = ImageOps.exif_transpose(decoded(post(client, photo, hole).content))
    np.testing.assert_array_equal(composed(shown, changed), np.asarray(wanted.convert("RGB")))


def with_gamma() -> bytes:
    """A PNG with a gamma of its own."""
    data = encoded(textured())
    body = b"gAMA" + struct.pack(">I", 100_000)
    return data[:33] + struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body)) + data[33:]


OTHERS: dict[str, Callable[[], bytes]] = {
    "transparent": lambda: encoded(textured().convert("RGBA")),
    "palette": lambda: encoded(textured().quantize(64)),
    "16 bits": lambda: encoded(np.asarray(textured().convert("L")).astype(np.uint16) * 257),
    "gamma": with_gamma,
    "cmyk": lambda: encoded(textured().convert("CMYK"), "JPEG"),
    "tiff": lambda: encoded(textured(), "TIFF"),
    "gif": lambda: encoded(textured(), "GIF"),
    "broken jpeg": lambda: encoded(textured(), "JPEG")[:-2],
}


@pytest.mark.parametrize("kind", OTHERS)
def test_photos_whose_changes_a_page_might_show_wrongly_are_not_kept(client: httpx.Client, kind: str) -> None:
    kept, is_kept = keep(client, OTHERS[kind]())
    assert not is_kept
    refused(change(client, kept, holes()[0], name()), 410, "forgotten")


def test_what_is_not_kept_is_told_and_names_must_be_long(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    kept, _ = keep(client, PHOTOS["png"]())
    refused(change(client, name(), holes()[0], name()), 410, "forgotten")
    refused(result_of(client, name()), 410, "forgotten")
    for wrong in ("", "a" * 31, "A" * 32, "g" * 32, "a" * 65, f"{kept}\n"):
        assert "32 to 64" in refused(result_of(client, wrong), 422, "option")
    assert "field keep" in refused(
        client.post("/api/change", files={"hole": encoded(holes()[0])}, data={"kept": kept}), 422, "field"
    )
    refused(change(client, kept, np.zeros((HEIGHT, WIDTH), bool), name()), 422, "hole_empty")
    with caplog.at_level(logging.DEBUG):
        assert change(client, kept, holes()[0], name()).status_code == 200
    assert "/api/change" in caplog.text and kept not in caplog.text


def test_a_photo_that_is_not_asked_for_makes_room_and_is_forgotten() -> None:
    kept: Kept[str] = Kept(100, 600)
    assert kept.put("a", "A", 40) and kept.put("b", "B", 40)
    assert kept.get("a") == "A"
    assert kept.put("c", "C", 40)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == ("A", None, "C")
    assert kept.put("a", "new", 60)
    assert (kept.get("a"), kept.get("c")) == ("new", "C")
    assert not kept.put("a", "large", 101)
    assert (kept.get("a"), kept.get("c")) == (None, "C")
    kept.drop("c")
    assert kept.put("d", "D", 7) and kept.clear() == 7 and kept.get("d") is None
    short: Kept[str] = Kept(100, 0.05)
    for letter in "ab":
        assert short.put(letter, letter, 1)
        while short.get(letter):
            time.sleep(0.2)


def test_kept_photos_make_room_for_other_work(tmp_path: Path) -> None:
    engine, options = Engine({"half": None}, Limits()), FillOptions()

    def do(work: str, most_bytes: int, kept: str = "", keep: str = "") -> Any:
        folder = tmp_path / name()
        folder.mkdir()
        files = {} if work == "result" else {"photo": folder / "photo"}
        for file in files.values():
            file.write_bytes(PHOTOS["png"]())
        return engine.do(work, folder, files, options, most_bytes, names=(kept, keep))

    kept = name()
    assert do("look", 10**9, keep=kept).report["kept"]
    assert do("result", 10**9, kept=kept).file.read_bytes() == PHOTOS["png"]()
    with pytest.raises(Problem, match="too little memory"):
        do("look", 1000)
    with pytest.raises(Problem) as forgotten:
        do("result", 10**9, kept=kept)
    assert forgotten.value.status == 410


@pytest.fixture(scope="module")
def forgetful() -> Iterator[str]:
    """The address of a server that forgets photos at once."""
    with serving(make_app(Limits(kept_s=0.01))) as at:
        yield at


def pixels_on(page: Page) -> NDArray[np.uint8]:
    """What the page shows as its photo, pixel for pixel."""
    text = page.evaluate("""async () => {
        const {whole} = window.partialconv.view.photo, canvas = new OffscreenCanvas(whole.width, whole.height);
        canvas.getContext("2d").drawImage(whole, 0, 0);
        const bytes = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
        return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    }""")
    return np.asarray(decoded(text.encode("latin-1")).convert("RGB"))


def painted_twice(page: Page, photo: Path) -> tuple[list[str], list[bytes]]:
    """Fill twice; the addresses that were asked, and the file after each fill."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/api/")[2].partition("?")[0]))
    open_photo(page, photo)
    for stroke in (((40, 30), (120, 60)), ((100, 50), (140, 120))):
        drag(page, *stroke)
        fill(page)
    shown = pixels_on(page)
    twice = download(page, "#download")[1]
    np.testing.assert_array_equal(shown, np.asarray(decoded(twice).convert("RGB")))
    page.click("#history li:nth-child(2) button")
    return asked, [download(page, "#download")[1], twice]


@NEEDS_CHROMIUM
def test_the_page_sends_the_hole_alone_and_shows_what_the_file_has(
    visit: Visit, forgetful: str, address: str, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(PHOTOS["png"]())
    asked, files = painted_twice(visit(), photo)
    assert [one for one in asked if one not in ("progress", "models")] == [
        "look",
        "change",
        "change",
        "result",
        "result",
    ]
    # the same where each photo has to be sent again
    asked, again = painted_twice(visit(at=forgetful + "/"), photo)
    assert again == files
    assert "fill" in asked


@NEEDS_CHROMIUM
def test_older_states_are_put_together_again(visit: Visit, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(PHOTOS["png"]())
    page = visit()
    open_photo(page, photo)
    for number in range(6):  # more than are kept as pixels
        drag(page, (20 + 30 * number, 20), (25 + 30 * number, 120))
        fill(page)
    for number in (3, 2, 7):
        page.click(f"#history li:nth-child({number}) button")
        page.wait_for_selector(f"#history li:nth-child({number}) button[aria-current=true]")
        data = download(page, "#download")[1]
        np.testing.assert_array_equal(pixels_on(page), np.asarray(decoded(data).convert("RGB")))
