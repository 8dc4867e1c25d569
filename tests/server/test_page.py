"""The page in a headless Chromium: every way in, every tool, and what comes out."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageOps
from playwright.sync_api import Dialog, Page
from starlette.types import Receive, Scope, Send

from partialconv.server.guard import Access
from partialconv.server.process import PROGRAM
from tests.server.browser import (
    DESKTOP,
    NEEDS_CHROMIUM,
    PHONE,
    Visit,
    download,
    download_hole,
    drag,
    fill,
    line,
    open_photo,
    to_screen,
    touch,
)
from tests.server.serving import SLOW, make_app, picture, serving

pytestmark = NEEDS_CHROMIUM
HEIGHT, WIDTH = 300, 420


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "my photo.png"
    noise = np.random.default_rng(0).integers(-20, 21, (HEIGHT, WIDTH, 3))
    Image.fromarray((np.asarray(picture(HEIGHT, WIDTH)) // 2 + 60 + noise).astype(np.uint8)).save(path, dpi=(300, 300))
    return path


def different(data: bytes, photo: Path) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Where a downloaded picture is not the photo, both as they are shown."""
    with Image.open(photo) as before, Image.open(io.BytesIO(data)) as after:
        shown = [np.asarray(ImageOps.exif_transpose(one)).astype(int) for one in (before, after)]
    return np.asarray((shown[0] != shown[1]).any(axis=-1))


def test_paint_fill_undo_redo_compare_download(visit: Visit, photo: Path) -> None:
    page = visit()
    open_photo(page, photo)
    assert page.is_disabled("#fill") and page.is_disabled("#download") and page.is_disabled("#undo")
    drag(page, (100, 80), (200, 90), (220, 200))
    hole = download_hole(page)
    assert 0.01 < hole.mean() < 0.3
    drag(page, (300, 80), (320, 200))
    both = download_hole(page)
    assert (both & hole == hole).all() and both.sum() > hole.sum()
    page.keyboard.press("Control+z")
    np.testing.assert_array_equal(download_hole(page), hole)
    page.keyboard.press("Control+Shift+z")
    np.testing.assert_array_equal(download_hole(page), both)
    page.click("#undo")
    fill(page)
    name, data = download(page, "#download")
    assert name == "my photo-filled.png"
    changed = different(data, photo)
    assert not changed[~hole].any()
    assert changed[hole].mean() > 0.5
    with Image.open(io.BytesIO(data)) as filled:
        assert filled.info["dpi"] == pytest.approx((300, 300), abs=0.1)

    page.click("#compare")
    assert page.get_attribute("#compare", "aria-pressed") == "true"
    box = page.locator("#divider").bounding_box()
    assert box
    page.mouse.move(box["x"] + 22, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 100, steps=5)
    page.mouse.up()
    moved = int(page.get_attribute("#divider", "aria-valuenow") or 0)
    assert 60 < moved < 80
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("was => +document.querySelector('#divider').ariaValueNow === was - 5", arg=moved)
    page.keyboard.press("c")

    page.click("#undo")  # the fill
    np.testing.assert_array_equal(download_hole(page), hole)
    assert page.is_disabled("#download")
    page.click("#redo")
    assert download(page, "#download")[1] == data
    drag(page, (50, 250), (80, 260))
    second_hole = download_hole(page)
    fill(page)
    twice = download(page, "#download")[1]
    changed = different(twice, photo)
    assert not changed[~(hole | second_hole)].any() and changed[second_hole].any()
    page.click("#history li:nth-child(2) button")
    assert download(page, "#download")[1] == data


def test_jpeg_from_a_turned_camera(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.JPG"
    exif = Image.Exif()
    exif[0x0112], exif[0x0110] = 6, "camera"
    with_noise = np.asarray(picture(240, 320)) // 2 + 60
    Image.fromarray(with_noise.astype(np.uint8)).save(path, "JPEG", exif=exif, quality=90, subsampling="4:4:4")
    page = visit()
    open_photo(page, path)
    assert "240 \u00d7 320" in (page.text_content("#name") or "")
    drag(page, (60, 40), (150, 60))
    hole = download_hole(page)
    assert hole.shape == (320, 240)
    fill(page)
    name, data = download(page, "#download")
    assert name == "IMG_0001-filled.JPG"
    near = np.kron(hole.reshape(40, 8, 30, 8).any(axis=(1, 3)), np.ones((8, 8), bool))  # the touched blocks
    changed = different(data, path)
    assert not changed[~near].any() and changed[hole].any()
    with Image.open(io.BytesIO(data)) as filled:
        assert dict(filled.getexif()) == dict(exif)


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_photos_are_shown_as_they_are_filled(visit: Visit, tmp_path: Path, kind: str, orientation: int) -> None:
    """Browsers turn JPEGs by their EXIF orientation, and other formats or not; the server turns all."""
    path = tmp_path / f"turned.{kind.lower()}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.zeros((240, 320, 3), np.uint8)
    pixels[:60, :80] = 255  # one corner
    Image.fromarray(pixels).save(path, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    page = visit()
    open_photo(page, path)
    shown = np.rot90(pixels, {3: 2, 6: 3}[orientation])
    assert f"{shown.shape[1]} \u00d7 {shown.shape[0]}" in (page.text_content("#name") or "")
    drag(page, (30, 40), (90, 60))
    hole = download_hole(page)
    assert hole.shape == shown.shape[:2]
    fill(page)
    _, data = download(page, "#download")
    with Image.open(io.BytesIO(data)) as filled:
        assert filled.getexif()[0x0112] == orientation
        after = np.rot90(np.asarray(filled.convert("RGB")), {3: 2, 6: 3}[orientation])
    np.testing.assert_array_equal(after[~hole], shown[~hole])


def test_touch_and_pinch_on_a_phone(visit: Visit, photo: Path) -> None:
    page = visit(PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    open_photo(page, photo)
    for control in page.query_selector_all("#tools button:visible, header button"):
        box = control.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
    touch(page, line(to_screen(page, 100, 100), to_screen(page, 300, 150)))
    hole = download_hole(page)
    assert 0.01 < hole.mean() < 0.4
    before = page.evaluate("window.partialconv.view.scale")
    touch(page, line((180, 400), (100, 400)), line((200, 400), (300, 400)))
    assert page.evaluate("window.partialconv.view.scale") > 2 * before
    np.testing.assert_array_equal(download_hole(page), hole)  # two fingers do not paint
    page.tap("#fill")
    page.wait_for_selector("#history li:nth-child(2)")
    page.wait_for_selector("[data-state=ready]")
    changed = different(download(page, "#download")[1], photo)
    assert not changed[~hole].any() and changed[hole].mean() > 0.5


def test_tools(visit: Visit, photo: Path) -> None:
    page = visit()
    open_photo(page, photo)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5

    page.keyboard.press("r")
    drag(page, (100, 50), (200, 120))
    hole = download_hole(page)
    expected = (x > 100) & (x < 200) & (y > 50) & (y < 120)
    assert (hole ^ expected).sum() <= 2 * (100 + 70)  # half a screen pixel at the borders

    page.keyboard.press("x")
    page.keyboard.press("l")
    drag(page, (50, 50), (150, 50), (150, 150))
    hole = download_hole(page)
    expected = (x > y) & (x < 150) & (y > 50)
    assert (hole ^ expected).sum() <= 400

    before = hole
    page.keyboard.press("i")
    np.testing.assert_array_equal(download_hole(page), ~before)
    page.keyboard.press("i")
    page.keyboard.press("g")
    np.testing.assert_array_equal(download_hole(page), neighbours(before, np.maximum))
    page.keyboard.press("x")
    page.keyboard.press("r")
    drag(page, (100, 50), (200, 120))
    before = download_hole(page)
    page.keyboard.press("Shift+G")
    np.testing.assert_array_equal(download_hole(page), neighbours(before, np.minimum))

    page.keyboard.press("x")
    assert page.is_disabled("#fill")
    page.keyboard.press("b")
    drag(page, (100, 200), (300, 200))
    thick = download_hole(page)
    page.keyboard.down("Alt")
    drag(page, (100, 200), (200, 200))
    page.keyboard.up("Alt")
    thinner = download_hole(page)
    assert thinner.sum() < thick.sum() and (thinner & ~thick).sum() == 0
    page.keyboard.press("e")
    drag(page, (80, 200), (320, 200))
    assert page.is_disabled("#fill")


def neighbours(hole: np.ndarray[Any, Any], choose: Any) -> np.ndarray[Any, Any]:
    """Each pixel with its four neighbours."""
    padded = np.pad(hole, 1, mode="edge")
    inner = padded[1:-1, 1:-1]
    for shifted in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
        inner = choose(inner, shifted)
    return np.asarray(inner)


def test_brush_is_round_at_the_resolution_of_the_photo(visit: Visit) -> None:
    """The strokes of the page's own modules, against distances computed with NumPy."""
    page = visit()
    script = """async () => {
      const {Hole} = await import("/hole.js"), {encodeHole} = await import("/png.js");
      const hole = new Hole(301, 203);
      hole.stroke({x: 40.3, y: 50.8}, {x: 250.1, y: 150.2}, 17.4, 1, false);
      hole.stroke({x: 10, y: 10}, {x: 10, y: 10}, 6.5, 1, false);
      hole.stroke({x: 130, y: 100}, {x: 160, y: 100}, 5.25, 1, true);
      hole.commit();
      const bytes = new Uint8Array(await (await encodeHole(hole)).arrayBuffer());
      return {total: hole.total, depth: hole.depth(), bytes: Array.from(bytes)};
    }"""
    result = page.evaluate(script)
    with Image.open(io.BytesIO(bytes(result["bytes"]))) as image:
        assert image.mode == "1"
        hole = np.asarray(image)
    y, x = np.mgrid[:203, :301] + 0.5

    def within(a: tuple[float, float], b: tuple[float, float], radius: float) -> np.ndarray[Any, Any]:
        length = max(np.hypot(b[0] - a[0], b[1] - a[1]), 1e-9)
        ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
        along = np.clip((x - a[0]) * ux + (y - a[1]) * uy, 0, length)
        return np.asarray(np.hypot(x - a[0] - along * ux, y - a[1] - along * uy) <= radius)

    expected = within((40.3, 50.8), (250.1, 150.2), 17.4) | within((10, 10), (10, 10), 6.5)
    expected &= ~within((130, 100), (160, 100), 5.25)
    np.testing.assert_array_equal(hole, expected)
    assert result["total"] == expected.sum()
    assert result["depth"] == pytest.approx(17.4, abs=2)


def test_a_soft_brush_grows_where_it_goes_again(visit: Visit, photo: Path) -> None:
    page = visit()
    open_photo(page, photo)
    for _ in range(7):
        page.keyboard.press("Shift+{")
    page.keyboard.press("]")
    drag(page, (100, 100), (103, 100))
    once = download_hole(page)
    for _ in range(4):
        drag(page, (100, 100), (103, 100))
    often = download_hole(page)
    assert 0 < once.sum() < often.sum() and (once & ~often).sum() == 0


def test_holes_of_others_are_read_by_the_server(visit: Visit, photo: Path, tmp_path: Path) -> None:
    page = visit()
    open_photo(page, photo)
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[40:60, 30:200] = True
    Image.fromarray(np.where(hole, 220, 60).astype(np.uint8)).resize((WIDTH * 2, HEIGHT * 2), 0).save(
        tmp_path / "h.png"
    )
    page.set_input_files("#hole-file", str(tmp_path / "h.png"))
    page.wait_for_selector("#message.bad.shown")
    assert "another size" in page.inner_text("#message")
    np.testing.assert_array_equal(download_hole(page), hole)
    Image.new("L", (50, 500)).save(tmp_path / "narrow.png")
    page.set_input_files("#hole-file", str(tmp_path / "narrow.png"))
    page.wait_for_function("() => document.querySelector('#message').textContent.includes('another shape')")
    np.testing.assert_array_equal(download_hole(page), hole)


def test_keyboard_alone(visit: Visit, photo: Path) -> None:
    page = visit()
    open_photo(page, photo)
    page.focus("#stage")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowRight")
    page.wait_for_selector("#fill:not([disabled])")
    page.keyboard.press("Enter")
    page.wait_for_selector("#history li:nth-child(2)")
    page.keyboard.press("?")
    assert page.is_visible("#help")
    page.keyboard.press("Escape")
    assert not page.is_visible("#help")
    page.focus("button[data-tool=brush]")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("button[data-tool=eraser]", "aria-checked") == "true"
    scale = page.evaluate("window.partialconv.view.scale")
    page.focus("#stage")
    page.keyboard.press("+")
    assert page.evaluate("window.partialconv.view.scale") > scale
    page.keyboard.press("0")
    assert page.evaluate("window.partialconv.view.scale") == scale


def test_fill_on_release_wheel_and_space(visit: Visit, photo: Path) -> None:
    page = visit()
    open_photo(page, photo)
    place = to_screen(page, 200, 100)
    page.mouse.move(*place)
    page.mouse.wheel(0, -400)
    page.wait_for_function("() => window.partialconv.view.scale > 4")
    assert to_screen(page, 200, 100) == pytest.approx(place, abs=2)
    page.keyboard.down("Space")
    page.mouse.down()
    page.mouse.move(place[0] + 50, place[1] + 30, steps=3)
    page.mouse.up()
    page.keyboard.up("Space")
    assert to_screen(page, 200, 100) == pytest.approx((place[0] + 50, place[1] + 30), abs=2)
    assert page.is_disabled("#fill")
    page.click("#more")
    page.check("#eager")
    page.keyboard.press("Escape")
    drag(page, (190, 100), (210, 110))
    page.wait_for_selector("#history li:nth-child(2)")


def test_drop_paste_camera_and_samples(visit: Visit, photo: Path) -> None:
    page = visit()
    bytes_ = list(photo.read_bytes())
    send = """([kind, bytes]) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(bytes)], kind + ".png", {type: "image/png"}));
      dispatchEvent(kind === "drop" ? new DragEvent("drop", {dataTransfer: data, cancelable: true})
        : new ClipboardEvent("paste", {clipboardData: data}));
    }"""
    for kind in ("drop", "paste"):
        page.evaluate(send, [kind, bytes_])
        page.wait_for_function("name => document.querySelector('#name').textContent.startsWith(name)", arg=kind)
    page = visit(permissions=["camera"])
    page.click("#shoot")
    page.wait_for_function("() => document.querySelector('video').videoWidth > 0")
    page.click("#snap")
    page.wait_for_function("() => document.querySelector('#name').textContent.startsWith('camera.png')")
    for number in (2, 3):  # the first one is in test_page_find
        page = visit()
        page.click(f"#samples li:nth-child({number}) button")
        page.wait_for_selector("#fill:not([disabled])")
    fill(page)
    assert "Filled in" in page.inner_text("#message")


def test_a_tiff_is_shown_and_comes_back_as_one(visit: Visit, photo: Path, tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    with Image.open(photo) as image:
        image.save(path, compression="tiff_lzw")
    page = visit()
    open_photo(page, path)
    drag(page, (100, 80), (150, 90))
    hole = download_hole(page)
    fill(page)
    name, data = download(page, "#download")
    assert name == "scan-filled.tif" and data[:2] in (b"II", b"MM")
    assert not different(data, path)[~hole].any()


def test_honest_words(visit: Visit, photo: Path) -> None:
    page = visit()
    open_photo(page, photo)
    page.keyboard.press("r")
    drag(page, (100, 50), (300, 250))
    page.wait_for_function("() => document.querySelector('#message').textContent.includes('made up from the rest')")
    drag(page, (5, 5), (415, 295))
    page.wait_for_function("() => document.querySelector('#message').textContent.includes('More than half')")


def test_distance_is_shown_over_the_hole(visit: Visit, photo: Path) -> None:
    page = visit()
    open_photo(page, photo)
    page.keyboard.press("r")
    drag(page, (100, 50), (300, 250))
    page.keyboard.press("v")
    page.wait_for_function("() => window.partialconv.view.layer")
    assert "farther from known pixels" in page.inner_text("#message")
    assert "onfidence" not in page.content()
    script = """() => {
      const {layer} = window.partialconv.view, canvas = new OffscreenCanvas(layer.bitmap.width, layer.bitmap.height);
      const context = canvas.getContext("2d", {willReadFrequently: true});
      context.drawImage(layer.bitmap, 0, 0);
      const at = (x, y) => context.getImageData(x - layer.left, y - layer.top, 1, 1).data[3];
      return [at(50, 50), at(102, 150), at(200, 150)];
    }"""
    known, rim, middle = page.evaluate(script)
    assert known == 0 < rim < middle
    drag(page, (20, 20), (40, 40))  # what is painted is seen while it is painted, then the map is drawn anew
    page.wait_for_function("() => window.partialconv.view.layer")
    page.keyboard.press("v")
    page.wait_for_function("() => !window.partialconv.view.layer")


def test_token_in_the_address(visit: Visit, photo: Path) -> None:
    with serving(make_app(access=Access(token="a-secret"))) as address:
        page = visit(at=f"{address}/#token=a-secret")
        assert "secret" not in page.url
        open_photo(page, photo)
        drag(page, (100, 80), (150, 90))
        fill(page)


def test_dark_light_and_names(visit: Visit, photo: Path) -> None:
    page = visit(color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.click("#theme")
    light = page.evaluate(ground)
    assert dark != light
    page.reload()
    page.wait_for_selector("body[data-loaded]")
    assert page.evaluate(ground) == light
    open_photo(page, photo)
    nameless = page.evaluate("""() => [...document.querySelectorAll("button, input:not([hidden]), select, [role]")]
      .filter((one) => one.checkVisibility() && one.getAttribute("role") !== "status")
      .filter((one) => !(one.ariaLabel || one.innerText?.trim() || one.labels?.length)).map((one) => one.outerHTML)""")
    assert nameless == []
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.dataset.tool || ''"))
    for control in ("open", "theme", "ask", "stage", "size", "more"):
        assert control in seen


def answers(page: Page, accept: bool) -> list[str]:
    """Answer what the page asks; what it asked."""
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        if accept:
            dialog.accept()
        else:
            dialog.dismiss()

    page.on("dialog", answer)
    return asked


def test_paint_is_not_lost_unasked(visit: Visit, photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    picture().save(other)
    page = visit()
    asked = answers(page, accept=False)
    open_photo(page, photo)
    open_photo(page, other)
    open_photo(page, photo)
    assert asked == []  # nothing was painted
    drag(page, (100, 80), (200, 90))
    page.set_input_files("#file", str(other))
    page.wait_for_timeout(300)
    assert asked == ["confirm"] and photo.name in page.inner_text("#name")
    page.keyboard.press("Control+z")
    open_photo(page, other)
    assert asked == ["confirm"]  # it was taken back
    open_photo(page, photo)
    drag(page, (100, 80), (200, 90))
    page.close(run_before_unload=True)
    page.context.pages[0].wait_for_event("dialog") if len(asked) == 1 else None
    assert asked == ["confirm", "beforeunload"]


def test_what_cannot_be_filled_is_refused_when_it_is_opened(visit: Visit, photo: Path, tmp_path: Path) -> None:
    page = visit()
    moving = tmp_path / "moving.gif"
    picture().save(moving, save_all=True, append_images=[picture().rotate(90)])
    page.set_input_files("#file", str(moving))
    page.wait_for_selector("#message.bad.shown")
    assert "more than one frame" in page.inner_text("#message")
    assert page.get_attribute("body", "data-state") == "empty"


def test_a_fill_tells_per_cent(visit: Visit, tmp_path: Path) -> None:
    """A slow fill: the program of the process tells its progress, and waits in between."""
    path = tmp_path / "large.png"
    picture(800, 1200).save(path)
    with serving(make_app(program=SLOW + PROGRAM)) as address:
        page = visit(at=f"{address}/")
        open_photo(page, path)
        for left in range(100, 1100, 200):
            drag(page, (left, 100 + left // 2), (left + 60, 130 + left // 2))
        page.evaluate("""() => {
          const button = document.querySelector("#fill");
          window.seen = [];
          new MutationObserver(() => window.seen.push(button.textContent)).observe(button, {childList: true});
        }""")
        fill(page)
        seen = page.evaluate("window.seen")
        shares = [int(text.partition(" %")[0]) for text in seen if "%" in text]
        assert shares == sorted(shares) and any(0 < share < 100 for share in shares), seen
        assert page.inner_text("#fill") == "Fill"


def test_keys_copy_and_save(visit: Visit, photo: Path) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    open_photo(page, photo)
    drag(page, (100, 80), (200, 90))
    fill(page)
    with page.expect_download() as found:
        page.keyboard.press("Control+s")
    assert found.value.suggested_filename == "my photo-filled.png"
    page.keyboard.press("Control+c")
    page.wait_for_function("() => document.querySelector('#message').textContent === 'Copied.'")
    copied = page.evaluate("""async () => {
      const [item] = await navigator.clipboard.read();
      return Array.from(new Uint8Array(await (await item.getType("image/png")).arrayBuffer()));
    }""")
    with Image.open(io.BytesIO(bytes(copied))) as image, Image.open(found.value.path()) as saved:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), np.asarray(saved))


def test_small_pictures_show_what_changed(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "dark.png"
    dark = np.zeros((900, 1200, 3), np.uint8)
    dark[660:800, 860:1000] = 255  # all that is bright, around what is filled
    Image.fromarray(dark).save(path)
    page = visit()
    open_photo(page, path)
    drag(page, (925, 730), (935, 730))
    fill(page)
    mean = """at => { const canvas = document.querySelectorAll("#history canvas")[at];
      const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.reduce((sum, value, at) => sum + (at % 4 === 3 ? 0 : value), 0) / data.length * 4 / 3 }"""
    whole, changed = page.evaluate(mean, 0), page.evaluate(mean, 1)
    assert whole < 10 < 100 < changed


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_tools_have_labels_and_the_header_a_ground(visit: Visit, photo: Path, viewport: dict[str, int]) -> None:
    page = visit(viewport)
    open_photo(page, photo)
    for name in ("Brush", "Eraser", "Lasso", "Box", "Move", "Undo", "Redo", "More"):
        assert page.locator("#tools button:visible", has_text=name).count() == 1
    ground = page.evaluate("getComputedStyle(document.querySelector('header')).backgroundColor")
    alpha = float(found[1]) if (found := re.search(r"rgba\(.*, ([\d.]+)\)", ground)) else 1.0
    assert alpha > 0.9


def test_help_is_about_fingers_on_a_phone_and_about_keys_elsewhere(visit: Visit) -> None:
    page = visit(PHONE, has_touch=True, is_mobile=True)
    page.tap("#ask")
    assert page.is_visible("#help .touch") and not page.is_visible("#help .keys")
    page = visit()
    page.click("#ask")
    assert page.is_visible("#help .keys") and not page.is_visible("#help .touch")


def test_behind_the_path_of_a_proxy(visit: Visit, photo: Path) -> None:
    app = make_app()

    async def proxied(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            assert scope["path"].startswith("/tools/inpaint/"), scope["path"]
            scope = {**scope, "path": scope["path"].removeprefix("/tools/inpaint")}
        await app(scope, receive, send)

    with serving(proxied) as address:
        page = visit(at=f"{address}/tools/inpaint/")
        page.click("#samples li:nth-child(2) button")
        page.wait_for_selector("#fill:not([disabled])")
        fill(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(visit: Visit, photo: Path, scheme: str, viewport: dict[str, int]) -> None:
    page = visit(viewport, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")

    def check(where: str) -> None:
        found = Axe().run(page).response["violations"]
        told = [(one["id"], [node["html"][:150] for node in one["nodes"]]) for one in found]
        assert told == [], where

    check("start")
    open_photo(page, photo)
    drag(page, (100, 80), (200, 90))
    check("painted")
    fill(page)
    page.click("#compare")
    check("filled")
    page.click("#more")
    check("more")
    page.keyboard.press("Escape")
    page.click("#ask")
    check("help")
