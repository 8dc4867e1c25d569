"""Find in the page: a proposal that a slider, kinds and taps change, until it is kept, filled or thrown away."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page

import partialconv
from partialconv.finding.parts import components_of
from partialconv.server.process import PROGRAM
from tests.finding.standin import write_standin
from tests.server.browser import (
    DESKTOP,
    NEEDS_CHROMIUM,
    PHONE,
    Visit,
    download,
    download_hole,
    drag,
    fill,
    hole_on_page,
    line,
    open_photo,
    to_screen,
    touch,
)
from tests.server.serving import make_app, serving, with_finder
from tests.server.test_find import SLOW_TILES

pytestmark = NEEDS_CHROMIUM
NARROW = {"width": 360, "height": 740}
HEIGHT, WIDTH = 300, 420
SPECKS = ((60, 50), (60, 150), (150, 350), (220, 90))  # y, x of the upper left corners


def damaged() -> NDArray[np.uint8]:
    """Grey, with four light specks of 4 x 4, a dark line of 3 x 80, and faint light specks."""
    photo = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    for y, x in SPECKS:
        photo[y : y + 4, x : x + 4] = 255
    photo[250:253, 200:280] = 0
    photo[100:280:40, 300:310:4] = 130
    return photo


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_standin(tmp_path_factory.mktemp("finder") / "find.onnx")


@pytest.fixture(scope="module")
def finder(model: Path) -> Iterator[str]:
    with serving(make_app(program=with_finder(model))) as address:
        yield f"{address}/"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "old photo.png"
    Image.fromarray(damaged()).save(path)
    return path


def find(page: Page) -> None:
    """Press the button, and wait for the proposal."""
    page.click("#find")
    page.wait_for_selector("body[data-finding]")


def slide(page: Page, per_cent: int) -> None:
    page.evaluate(
        """value => { const slider = document.querySelector("#sensitivity");
          slider.value = value; slider.dispatchEvent(new Event("input", {bubbles: true})); }""",
        per_cent,
    )
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def click_speck(page: Page, number: int) -> None:
    y, x = SPECKS[number]
    page.mouse.click(*to_screen(page, x + 2, y + 2))


def found(page: Page) -> str:
    return page.inner_text("#found")


def test_the_slider_acts_without_the_server_and_leaves_strokes(
    visit: Visit, finder: str, photo: Path, model: Path
) -> None:
    page = visit(at=finder)
    open_photo(page, photo)
    drag(page, (30, 200), (60, 280))
    stroke = hole_on_page(page)
    assert stroke.any()
    find(page)
    page.context.set_offline(True)
    for per_cent in (50, 70, 20, 98, 0, 70):
        slide(page, per_cent)
        expected = partialconv.find(damaged(), hole=stroke, sensitivity=per_cent / 100, model=model)
        np.testing.assert_array_equal(hole_on_page(page), expected.hole | stroke)
        if expected.parts:
            assert found(page).startswith(f"{len(expected.parts)} finds, ")
            assert f"{100 * expected.share:.1f} %" in found(page)
    page.context.set_offline(False)
    both = hole_on_page(page)
    assert (both & ~stroke).any()
    page.click("#keep-finds")
    assert page.is_visible("#more") and not page.is_visible("#sensitivity")
    np.testing.assert_array_equal(download_hole(page), both)
    page.keyboard.press("Control+z")
    np.testing.assert_array_equal(hole_on_page(page), stroke)
    page.keyboard.press("Control+Shift+z")
    np.testing.assert_array_equal(hole_on_page(page), both)
    drag(page, (380, 30), (400, 40))  # by hand again
    assert (hole_on_page(page) & both == both).all() and hole_on_page(page)[30, 385]


def test_a_click_drops_a_find_and_another_one_takes_it_in_again(visit: Visit, finder: str, photo: Path) -> None:
    page = visit(at=finder)
    open_photo(page, photo)
    find(page)
    whole = hole_on_page(page)
    assert whole.sum() == 4 * 6**2 + 5 * 82 and found(page).startswith("5 finds")
    click_speck(page, 0)
    click_speck(page, 2)
    dropped = whole.copy()
    for y, x in (SPECKS[0], SPECKS[2]):
        dropped[y - 1 : y + 5, x - 1 : x + 5] = False
    np.testing.assert_array_equal(hole_on_page(page), dropped)
    assert found(page).startswith("3 finds")
    page.keyboard.press("Control+z")
    assert found(page).startswith("4 finds")
    page.keyboard.press("Control+Shift+z")
    np.testing.assert_array_equal(hole_on_page(page), dropped)
    for per_cent in (30, 80, 50):  # what was dropped stays so
        slide(page, per_cent)
        assert not hole_on_page(page)[60:64, 50:54].any()
    np.testing.assert_array_equal(hole_on_page(page), dropped)
    click_speck(page, 2)
    assert found(page).startswith("4 finds")
    page.mouse.click(*to_screen(page, 210, 150))  # nothing is there
    drag(page, (210, 150), (230, 160))  # moves the photo, and paints nothing
    assert found(page).startswith("4 finds") and hole_on_page(page).sum() == whole.sum() - 36
    page.keyboard.press("0")
    page.click("#keep-finds")
    assert not download_hole(page)[60:64, 50:54].any()


def test_kinds_are_switched_off(visit: Visit, finder: str, photo: Path) -> None:
    page = visit(at=finder)
    open_photo(page, photo)
    find(page)
    shown = [" ".join(label.split()) for label in page.locator("#kinds label:visible").all_inner_texts()]
    assert shown == ["Dust 4", "Date stamp 1"]
    page.uncheck("#kinds >> text=Date stamp")
    assert found(page).startswith("4 finds") and not hole_on_page(page)[249:254].any()
    page.uncheck("#kinds >> text=Dust")
    assert not hole_on_page(page).any() and found(page).startswith("Nothing is marked")
    assert page.is_disabled("#fill")
    page.check("#kinds >> text=Date stamp")
    assert hole_on_page(page).sum() == 5 * 82


def test_fill_and_the_way_back(visit: Visit, finder: str, photo: Path) -> None:
    page = visit(at=finder)
    open_photo(page, photo)
    find(page)
    click_speck(page, 1)
    hole = hole_on_page(page)
    fill(page)
    assert page.is_visible("#more") and not hole_on_page(page).any()
    _, data = download(page, "#download")
    changed = (np.asarray(Image.open(io.BytesIO(data))) != damaged()).any(axis=-1)
    assert not changed[~hole].any() and changed[hole].mean() > 0.5  # a pixel around each find hardly changes
    page.click("#undo")
    np.testing.assert_array_equal(hole_on_page(page), hole)
    page.click("#undo")
    assert not hole_on_page(page).any() and page.is_disabled("#undo")
    page.click("#redo")
    page.click("#redo")
    find(page)  # in what was filled: the speck that was left out is still there
    assert hole_on_page(page).sum() == 36 and hole_on_page(page)[60:64, 150:154].all()


def test_a_proposal_that_is_cancelled_leaves_no_trace(visit: Visit, finder: str, photo: Path, tmp_path: Path) -> None:
    page = visit(at=finder)
    open_photo(page, photo)
    drag(page, (30, 200), (60, 280))
    stroke = hole_on_page(page)
    for leave in ("#leave-finds", "Escape", "Control+z"):
        find(page)
        assert (hole_on_page(page) ^ stroke).any()
        if leave.startswith("#"):
            page.click(leave)
        else:
            page.keyboard.press(leave)
        assert page.get_attribute("body", "data-finding") is None
        np.testing.assert_array_equal(hole_on_page(page), stroke)
    page.click("#undo")
    assert not hole_on_page(page).any() and page.is_disabled("#undo")
    find(page)
    other = tmp_path / "other.png"
    Image.fromarray(damaged()[:200]).save(other)
    open_photo(page, other)  # unasked, for nothing was painted
    assert page.is_visible("#more") and not hole_on_page(page).any()


def test_keys_alone(visit: Visit, finder: str, photo: Path) -> None:
    page = visit(at=finder)
    open_photo(page, photo)
    page.keyboard.press("f")
    page.wait_for_selector("body[data-finding]")
    assert "from find to find" in (page.get_attribute("#stage", "aria-label") or "")
    page.keyboard.press("x")  # clears the hole elsewhere
    assert found(page).startswith("5 finds")
    page.focus("#stage")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert "Dust, find 2 of 5" in page.inner_text("#message")
    page.keyboard.press("Delete")
    assert "left out" in page.inner_text("#message") and not hole_on_page(page)[60:64, 150:154].any()
    page.keyboard.press("Backspace")
    assert hole_on_page(page)[60:64, 150:154].all()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert "Date stamp, find 5 of 5" in page.inner_text("#message")
    page.keyboard.press("Delete")
    page.focus("#sensitivity")
    page.keyboard.press("ArrowLeft")
    assert page.input_value("#sensitivity") == "49"
    assert "finds" in (page.get_attribute("#sensitivity", "aria-valuetext") or "")
    page.focus("#stage")
    page.keyboard.press("Enter")
    page.wait_for_selector("#history li:nth-child(2)")


@pytest.mark.parametrize("viewport", [NARROW, PHONE], ids=["360", "390"])
def test_on_a_phone(visit: Visit, finder: str, photo: Path, viewport: dict[str, int]) -> None:
    page = visit(viewport, at=finder, has_touch=True, is_mobile=True, device_scale_factor=2)
    open_photo(page, photo)
    rows = set()
    for control in page.query_selector_all("#tools button:visible, #tools input:visible"):
        box = control.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= viewport["width"]
        rows.add(round((box["y"] + box["height"] / 2) / 20))
    assert len(rows) == 2
    page.tap("#find")
    page.wait_for_selector("body[data-finding]")
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    for control in page.query_selector_all("#tools button:visible, #tools label:visible"):
        box = control.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= viewport["width"] and box["height"] >= 34
        assert box["y"] + box["height"] <= viewport["height"]
    top = page.locator("#tools").bounding_box()
    assert top and to_screen(page, 0, HEIGHT)[1] <= top["y"]  # nothing of the photo lies under the panel
    assert "Tap what is no damage" in found(page)
    x, y = to_screen(page, SPECKS[0][1] + 2, SPECKS[0][0] + 2)
    page.touchscreen.tap(x + 10, y - 6)  # a finger is not exact
    assert found(page).startswith("4 finds") and not hole_on_page(page)[60:64, 50:54].any()
    before = page.evaluate("window.partialconv.view.scale")
    touch(page, line((180, 300), (120, 300)), line((200, 300), (280, 300)))
    assert page.evaluate("window.partialconv.view.scale") > 1.5 * before
    assert found(page).startswith("4 finds")
    page.tap("#fill")
    page.wait_for_selector("#history li:nth-child(2)")


def test_too_much_is_said_in_plain_words(visit: Visit, finder: str, tmp_path: Path) -> None:
    pixels = damaged()
    pixels[::6, ::6] = 155
    path = tmp_path / "noise.png"
    Image.fromarray(pixels).save(path)
    page = visit(at=finder)
    open_photo(page, path)
    find(page)
    assert "25 % of the photo" in found(page) and "rarely damage" in found(page)
    assert page.evaluate("document.querySelector('#found').classList.contains('much')")
    slide(page, 0)
    assert "rarely" not in found(page)


def test_nothing_to_find(visit: Visit, finder: str, tmp_path: Path) -> None:
    path = tmp_path / "flat.png"
    Image.new("RGB", (WIDTH, HEIGHT), (90, 90, 90)).save(path)
    page = visit(at=finder)
    open_photo(page, path)
    page.click("#find")
    page.wait_for_function("() => document.querySelector('#message').textContent.startsWith('No damage was found')")
    assert page.get_attribute("body", "data-state") == "ready" and page.is_visible("#more")


def test_stop(visit: Visit, photo: Path, model: Path) -> None:
    """Each tile takes 0.3 s, and there are 35."""
    with serving(make_app(program=SLOW_TILES + with_finder(model, PROGRAM))) as address:
        page = visit(at=f"{address}/")
        open_photo(page, photo)
        page.click("#find")
        page.wait_for_function("() => parseInt(document.querySelector('#fill').textContent) > 0")  # per cent
        assert page.is_disabled("#find")
        page.click("#fill")
        page.wait_for_function("() => document.querySelector('#message').textContent === 'Stopped.'")
        assert page.get_attribute("body", "data-finding") is None
        drag(page, (100, 80), (150, 90))
        fill(page)


def test_without_a_finder_the_page_says_so_and_the_sample_is_painted(visit: Visit, tmp_path: Path) -> None:
    with serving(make_app(program=with_finder(tmp_path / "missing.onnx"))) as address:
        page = visit(at=f"{address}/")
        page.click("#samples li:nth-child(1) button")
        page.wait_for_selector("#fill:not([disabled])")
        page.wait_for_selector("[data-state=ready]")
        page.wait_for_function("() => window.partialconv.view.hole.total > 0")
        page.click("#find")
        page.wait_for_selector("#message.bad.shown")
        assert "no network that finds damage" in page.inner_text("#message")


def test_the_sample_begins_with_find(visit: Visit, finder: str) -> None:
    page = visit(at=finder)
    page.click("#samples li:nth-child(1) button")
    page.wait_for_selector("body[data-finding]")
    assert hole_on_page(page).any()
    fill(page)
    assert "Filled in" in page.inner_text("#message")


@pytest.mark.parametrize("seed", range(3))
def test_parts_are_those_of_the_library(visit: Visit, seed: int) -> None:
    """Components of the page's own module, beside those of NumPy, on maps of noise."""
    rng = np.random.default_rng(seed)
    levels = np.where(rng.random((41, 57)) < 0.5, 0, rng.integers(1, 202, (41, 57))).astype(np.uint8)
    levels[:, [0, -1]] = 201  # runs at the end of a row go on in the next one's beginning, in places alone
    kinds = rng.integers(0, 5, levels.shape).astype(np.uint8)
    page = visit()
    told = page.evaluate(
        """async ([levels, kinds]) => {
          const {Finds} = await import("/finds.js");
          const finds = new Finds(57, 41, Uint8Array.from(levels), Uint8Array.from(kinds));
          return [0, 0.1, 0.5, 1].map((one) => finds.parts(one).map(({box, area, kind}) => [...box, area, kind]));
        }""",
        [levels.reshape(-1).tolist(), kinds.reshape(-1).tolist()],
    )
    names = ("dust", "scratches", "cracks", "stamp", "text")
    for sensitivity, parts in zip((0, 0.1, 0.5, 1), told, strict=True):
        hole = levels >= 201 - round(200 * sensitivity)
        components = components_of(hole)
        votes = np.zeros((components.count, 5), int)
        np.add.at(votes, (components.of_pixels(), kinds[hole]), 1)
        expected = [
            [left, top, right, bottom, area, names[vote.argmax()]]
            for (top, left, bottom, right), area, vote in zip(
                components.boxes.tolist(), components.areas.tolist(), votes, strict=True
            )
        ]
        assert parts == expected


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, NARROW], ids=["desktop", "phone"])
def test_axe_finds_nothing(visit: Visit, finder: str, photo: Path, scheme: str, viewport: dict[str, int]) -> None:
    page = visit(viewport, at=finder, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    open_photo(page, photo)
    find(page)
    for per_cent in (50, 100):
        slide(page, per_cent)
        violations = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"][:150] for node in one["nodes"]]) for one in violations] == []
