"""The HTTP interface as a program meets it."""

import io
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

import partialconv
from partialconv.inference import confidence, plan
from partialconv.server.guard import Access
from partialconv.server.limits import Limits
from partialconv.server.process import PROGRAM
from partialconv.server.schema import CODES
from partialconv.server.static import load_page
from tests.server.serving import SLOW, decoded, encoded, hole_array, make_app, parts, picture, serving

PHOTO, HOLE = encoded(picture()), encoded(hole_array())
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "PNG": ("image/png", {}),
    "JPEG": ("image/jpeg", {"quality": 90}),
    "WEBP": ("image/webp", {"lossless": True}),
    "TIFF": ("image/tiff", {}),
    "BMP": ("image/bmp", {}),
}


def post(client: httpx.Client, photo: bytes = PHOTO, hole: bytes = HOLE, **options: str) -> httpx.Response:
    return client.post("/api/fill", files={"photo": photo, "hole": hole}, data=options)


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """The message of a problem that is as the document says."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert code in CODES[status]
    assert not re.search(r"Traceback|/tmp|\.py\b", answer.text)
    return str(error["message"])


@pytest.mark.parametrize("file_format", FORMATS)
def test_photos_come_back_in_their_format_and_changed_in_the_hole_alone(client: httpx.Client, file_format: str) -> None:
    media_type, options = FORMATS[file_format]
    photo = encoded(picture(), file_format, **options)
    answer = post(client, photo)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    filled = decoded(answer.content)
    assert filled.format == file_format
    changed = (np.asarray(filled) != np.asarray(decoded(photo))).any(axis=-1)
    hole = hole_array()
    assert changed[hole].mean() > 0.5
    if file_format == "JPEG":  # blocks of 16 pixels, and 2 over which a decoder smooths
        hole = np.zeros_like(hole)
        hole[16 - 2 : 32 + 2, 16 - 2 : 48 + 2] = True
    assert not changed[~hole].any()


def test_a_fill_is_what_the_library_gives(client: httpx.Client) -> None:
    expected = partialconv.fill(np.asarray(picture()), hole_array())
    answer = post(client)
    np.testing.assert_array_equal(np.asarray(decoded(answer.content)), expected)
    report = json.loads(answer.headers["partialconv-report"])
    assert report["usable"] and report["findings"] == []
    assert (report["width"], report["height"]) == (80, 60)
    assert report["hole_ratio"] == pytest.approx(hole_array().mean(), abs=1e-6)
    steps = re.findall(r"(\w+);dur=([\d.]+)", answer.headers["server-timing"])
    assert [step for step, _ in steps] == ["in", "queue", "read", "fill", "write"]


def test_metadata_and_orientation_are_kept(client: httpx.Client) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    photo = encoded(picture(), "JPEG", exif=exif, dpi=(300, 300))
    shown = hole_array(80, 60)  # turned by a quarter, as people see it
    filled = decoded(post(client, photo, encoded(shown)).content)
    assert dict(filled.getexif()) == dict(decoded(photo).getexif())
    assert filled.info["dpi"] == (300, 300)
    changed = np.rot90((np.asarray(filled) != np.asarray(decoded(photo))).any(axis=-1), -1)
    assert changed[shown].mean() > 0.5
    assert not changed[:12].any() and not changed[64:].any()


def test_report_and_photo_in_one_answer(client: httpx.Client) -> None:
    grey = encoded(np.where(hole_array(), 200, 150).astype(np.uint8))
    headers = {"Accept": "multipart/form-data"}
    answer = client.post("/api/fill", files={"photo": PHOTO, "hole": grey}, headers=headers)
    found = parts(answer)
    assert [finding["code"] for finding in json.loads(found["report"])["findings"]] == ["contrast"]
    np.testing.assert_array_equal(np.asarray(decoded(found["file"])), np.asarray(decoded(post(client).content)))


def test_options(client: httpx.Client) -> None:
    black = encoded(~hole_array())
    same = post(client, hole=black, hole_color="black")
    assert decoded(same.content).tobytes() == decoded(post(client).content).tobytes()
    grown = json.loads(post(client, grow_px="3", model="half").headers["partialconv-report"])
    assert grown["hole_ratio"] == pytest.approx((10 + 6) * (14 + 6) / 4800, abs=1e-6)
    wide = encoded(np.kron(hole_array(), np.ones((2, 2), bool)))
    assert post(client, hole=wide).status_code == 200
    assert "160x120" in refused(post(client, hole=wide, strict="true"), 422, "hole_size")
    noise = np.random.default_rng(0).integers(90, 160, (60, 80, 1), np.uint8).repeat(3, axis=2)
    with_grain, bare = (decoded(post(client, encoded(noise), grain=grain).content) for grain in ("true", "false"))
    np.testing.assert_array_equal(np.asarray(with_grain), partialconv.fill(noise, hole_array()))
    np.testing.assert_array_equal(np.asarray(bare), partialconv.fill(noise, hole_array(), grain=False))
    assert with_grain.tobytes() != bare.tobytes()


@pytest.mark.parametrize(
    ("yes", "no"), [("true", "false"), ("True", "False"), ("1", "0"), ("on", "off"), ("ON", "OFF")]
)
def test_truth_is_taken_as_forms_write_it(client: httpx.Client, yes: str, no: str) -> None:
    wide = encoded(hole_array(120, 160))  # resized, which strict refuses
    assert post(client, hole=wide, strict=no).status_code == 200
    refused(post(client, hole=wide, strict=yes), 422, "hole_size")


def test_bytes_are_called_bytes_for_those_who_ask(client: httpx.Client) -> None:
    files = {"photo": PHOTO, "hole": HOLE}
    plain = client.post("/api/fill", files=files, headers={"Accept": "application/octet-stream"})
    assert (plain.status_code, plain.headers["content-type"]) == (200, "application/octet-stream")
    assert plain.content == client.post("/api/fill", files=files).content


@pytest.mark.parametrize(
    ("fields", "status", "code", "message"),
    [
        ({"hole": encoded(hole_array() & False)}, 422, "hole_empty", "marks no pixel"),
        ({"hole": encoded(hole_array() | True)}, 422, "hole_full", "marks every pixel"),
        ({"hole": encoded(hole_array(60, 70))}, 422, "hole_shape", "hole.png is 70x60 pixels, but photo.png is 80x60"),
        ({"photo": b"no picture"}, 415, "format", "cannot read photo as an image"),
        ({"hole": b""}, 415, "format", "cannot read hole as an image"),
        ({"photo": encoded(picture(), "PPM")}, 415, "format", "send a JPEG"),
        ({"photo": PHOTO[: len(PHOTO) // 2]}, 422, "input", "photo.png is broken"),
        ({"photo": encoded(Image.new("F", (80, 60)), "TIFF")}, 422, "input", "in mode F"),
        ({"grow_px": "-1"}, 422, "option", "grow_px is '-1'"),
        ({"grow_px": "٣"}, 422, "option", "grow_px"),
        ({"hole_color": "red"}, 422, "option", "expected one of auto, white, black"),
        ({"model": "../half.onnx"}, 422, "option", "expected one of half"),
        ({"strict": "perhaps"}, 422, "option", "true or false"),
        ({"grain": "2"}, 422, "option", "grain is '2'"),
        ({"model": "x" * 2000}, 422, "option", "longer than 1000 bytes"),
        ({"path": "/etc/passwd"}, 422, "field", "a field 'path', expected photo, hole"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used_is_refused(
    client: httpx.Client, fields: dict[str, bytes | str], status: int, code: str, message: str
) -> None:
    files = {"photo": PHOTO, "hole": HOLE} | {key: value for key, value in fields.items() if isinstance(value, bytes)}
    data = {key: value for key, value in fields.items() if isinstance(value, str)}
    assert message in refused(client.post("/api/fill", files=files, data=data), status, code)


def test_forms_that_are_none(client: httpx.Client) -> None:
    refused(client.post("/api/fill", json={"photo": "x"}), 415, "content_type")
    refused(client.post("/api/fill"), 415, "content_type")
    headers = {"Content-Type": "multipart/form-data"}
    refused(client.post("/api/fill", content=b"--x--", headers=headers), 400, "form")
    refused(client.post("/api/fill", files={"photo": PHOTO}), 422, "field")
    twice = [("photo", PHOTO), ("photo", PHOTO), ("hole", HOLE)]
    refused(client.post("/api/fill", files=twice), 422, "field")
    whole = client.build_request("POST", "/api/fill", files={"photo": PHOTO, "hole": HOLE})
    headers = {"Content-Type": whole.headers["content-type"]}
    body = whole.read()
    for length in (0, 3, 60, 200, len(body) // 2, len(body) - 8):
        assert "ends in the middle" in refused(
            client.post("/api/fill", content=body[:length], headers=headers), 400, "form"
        )
    headers["Content-Type"] = "multipart/form-data; boundary=other"
    refused(client.post("/api/fill", content=body, headers=headers), 400, "form")


def test_names_of_files_are_never_used(client: httpx.Client, tmp_path: Path) -> None:
    target = tmp_path / "written.png"
    files = {"photo": (f"../../../../{target}", PHOTO), "hole": (str(target), HOLE)}
    assert client.post("/api/fill", files=files).status_code == 200
    assert not target.exists()
    for path in ("/../pyproject.toml", "/samples/../index.html", "/%2e%2e/app.py", "//etc/passwd", "/main.js/"):
        refused(client.get(path), 404, "address")


def test_limits_on_bytes_and_pixels() -> None:
    limits = Limits(max_bytes=20_000, max_pixels=5_000)
    with serving(make_app(limits)) as address, httpx.Client(base_url=address) as client:
        assert post(client).status_code == 200
        large = encoded(np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8))
        assert "0.02 MB" in refused(post(client, large), 413, "bytes")
        whole = client.build_request("POST", "/api/fill", files={"photo": large, "hole": HOLE})

        def pieces() -> object:  # sent in chunks, so that no length is declared
            yield from (whole.content[at : at + 999] for at in range(0, len(whole.content), 999))

        whole.read()
        headers = {"Content-Type": whole.headers["content-type"]}
        answer = client.post("/api/fill", content=pieces(), headers=headers)  # type: ignore[arg-type]
        refused(answer, 413, "bytes")
        flat = encoded(Image.new("L", (80, 63)))
        assert "80x63 pixels" in refused(post(client, flat), 413, "pixels")
        assert "hole has 80x63" in refused(post(client, hole=flat), 413, "pixels")
        bomb = encoded(Image.new("1", (30_000, 20_000)))  # 600 megapixels
        assert len(bomb) < 80_000
    with serving(make_app()) as address, httpx.Client(base_url=address) as client:
        refused(post(client, bomb), 413, "pixels")
        refused(client.post("/api/show", files={"photo": bomb}), 413, "pixels")


def test_doctor(client: httpx.Client) -> None:
    jpeg = encoded(Image.fromarray(hole_array()).convert("L").rotate(20), "JPEG")
    report = client.post("/api/doctor", files={"hole": jpeg}).json()
    assert [finding["code"] for finding in report["findings"]] == ["jpeg"]
    assert report["findings"][0]["message"].startswith("hole.jpg is a JPEG")
    empty = client.post("/api/doctor", files={"hole": encoded(hole_array() & False), "photo": PHOTO}).json()
    assert not empty["usable"] and empty["findings"][0]["code"] == "empty"
    exif = Image.Exif()
    exif[0x0112] = 8
    turned = encoded(picture(), "JPEG", exif=exif)
    hole = np.kron(hole_array(80, 60), np.ones((2, 2), bool))
    headers = {"Accept": "multipart/form-data"}
    answer = client.post("/api/doctor", files={"hole": encoded(hole), "photo": turned}, headers=headers)
    np.testing.assert_array_equal(np.asarray(decoded(parts(answer)["file"])), hole_array(80, 60))


def test_show_turns_a_photo_into_what_browsers_show(client: httpx.Client) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    answer = client.post("/api/show", files={"photo": encoded(picture(), "TIFF", exif=exif)})
    assert answer.headers["content-type"] == "image/png"
    np.testing.assert_array_equal(np.asarray(decoded(answer.content)), np.rot90(np.asarray(picture()), -1))
    refused(client.post("/api/show", files={"photo": PHOTO}, data={"model": "half"}), 422, "field")


def test_plan(client: httpx.Client) -> None:
    hole = np.zeros((1500, 2600), bool)
    hole[700:1000, 1500:1610] = hole[50:60, 2000:2090] = True
    answer = client.post("/api/plan", files={"hole": encoded(hole)}, headers={"Accept": "multipart/form-data"})
    found = parts(answer)
    report = json.loads(found["report"])["plan"]
    steps = plan(hole)
    assert (report["num_crops"], report["num_pixels"]) == (steps.num_crops, steps.num_pixels)
    assert report["coarsest_scale"] == max(stage.scale for stage in steps.stages) > 1
    box = report["box"]
    assert box == {"top": 0, "left": 512, "bottom": 1500, "right": 2600}
    whole = np.full(hole.shape, 255, np.uint8)
    whole[box["top"] : box["bottom"], box["left"] : box["right"]] = np.asarray(decoded(found["file"]))
    expected = confidence(hole)
    np.testing.assert_array_equal(whole, np.rint(expected * 255).astype(np.uint8))
    assert report["confidence"] == pytest.approx(expected[hole].mean(), abs=1e-3)
    assert client.post("/api/plan", files={"hole": encoded(hole)}).json()["plan"] == report
    refused(client.post("/api/plan", files={"hole": encoded(hole & False)}), 422, "hole_empty")
    filled = post(client, encoded(picture(1500, 2600)), encoded(hole))
    assert json.loads(filled.headers["partialconv-report"])["plan"]["num_crops"] == steps.num_crops


def test_get(client: httpx.Client) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    answer = client.get("/api/models").json()
    assert [(model["name"], model["default"]) for model in answer["models"]] == [("half", True)]
    assert answer["limits"] == {"max_bytes": 100_000_000, "max_pixels": 100_000_000}
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "access-control-allow-origin" not in page.headers
    again = client.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.head("/").content == b""
    refused(client.get("/nothing"), 404, "address")
    refused(client.get("/api/fill"), 405, "method")
    refused(client.delete("/api/models"), 405, "method")


def test_only_this_machine_and_this_page(client: httpx.Client, address: str) -> None:
    for host in ("evil.example", "evil.example:8000", "localhost.evil.example", "", "[", "127.0.0.1@evil.example:x"):
        refused(client.get("/", headers={"Host": host}), 403, "host")
    for host in ("localhost", "LOCALHOST:8000", "[::1]:1"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 200
    for origin in (
        "http://evil.example",
        "null",
        "file://",
        "http://127.0.0.1.evil.example",
        "http://localhost:1",
        "http://[",
    ):
        refused(client.post("/api/fill", headers={"Origin": origin}), 403, "origin")
    assert client.get("/api/models", headers={"Origin": address}).status_code == 200


def test_what_a_browser_says_of_other_sites_is_believed(client: httpx.Client) -> None:
    link = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for site in ("cross-site", "same-site"):
        there = {"Sec-Fetch-Site": site}
        for path in ("/api/models", "/healthz", "/", "/main.js"):
            refused(client.get(path, headers=there), 403, "origin")
        refused(client.post("/api/fill", headers=there | link), 403, "origin")
        refused(client.get("/api/models", headers=there | link), 403, "origin")
        refused(client.get("/", headers=there | link | {"Sec-Fetch-Dest": "iframe"}), 403, "origin")
        assert client.get("/", headers=there | link).status_code == 200  # somebody follows a link to the page
    for site in ("same-origin", "none"):
        assert client.get("/api/models", headers={"Sec-Fetch-Site": site}).status_code == 200


def test_token_and_rate() -> None:
    access = Access(hosts=("photos.example",), token="secret", rate=5)
    with serving(make_app(access=access)) as address:
        headers = {"Host": "photos.example"}
        with httpx.Client(base_url=address, headers=headers) as client:
            assert client.get("/").status_code == 200  # the page itself holds nothing
            own = {"Origin": "https://photos.example"}  # of a proxy in front
            assert client.get("/healthz", headers=own).status_code == 200
            for given in ("", "Bearer", "Bearer wrong", "Basic secret", "Bearer sécret"):
                answer = client.get("/api/models", headers=[(b"Authorization", given.encode())])
                refused(answer, 401, "token")
                assert answer.headers["www-authenticate"] == "Bearer"
            answer = client.get("/api/models", headers={"Authorization": "Bearer secret"})
            refused(answer, 429, "rate")
            assert 1 <= int(answer.headers["retry-after"]) <= 60
    with serving(make_app(access=Access(token="secret"))) as address:
        answer = httpx.get(f"{address}/api/models", headers={"Authorization": "bearer secret"})
        assert answer.status_code == 200


def test_faults_show_nothing_of_their_inside(caplog: pytest.LogCaptureFixture) -> None:
    fault = (
        "import partialconv.server.engine as engine\n"
        "def fail(*_):\n    raise RuntimeError('a secret of the server')\nengine.fill_file = fail\n"
    )
    with serving(make_app(program=fault + PROGRAM)) as address, httpx.Client(base_url=address, timeout=60) as client:
        message = refused(post(client), 500, "internal")
        assert "secret" not in message
        assert client.get("/healthz").status_code == 200
    assert "a secret of the server" in caplog.text


def test_log_has_timings_and_one_line_for_each_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "partialconv.server")
    with serving(make_app()) as address, httpx.Client(base_url=address) as client:
        post(client)
        client.get("/a%0ab")
    fill, odd = [record.getMessage() for record in caplog.records if record.name == "partialconv.server"]
    assert re.match(r"POST '/api/fill' 200 \d+\.\d{3} s, in .*, queue .*, read .*, fill .*, write .*MB out$", fill)
    assert odd.startswith("GET '/a\\nb' 404")


def test_a_photo_of_each_mode(client: httpx.Client) -> None:
    for mode in ("L", "LA", "RGB", "RGBA", "P", "CMYK"):
        photo, file_format = picture().convert(mode), "JPEG" if mode == "CMYK" else "PNG"
        answer = post(client, encoded(photo, file_format))
        filled = decoded(answer.content)
        assert (filled.size, filled.mode, filled.format) == (photo.size, mode, file_format)
    deep = np.asarray(picture().convert("L")).astype(np.uint16) * 257 + 3
    data = encoded(Image.fromarray(deep))
    filled = decoded(post(client, data).content)
    assert filled.mode.startswith("I;16")
    assert (np.asarray(filled) != deep)[~hole_array()].sum() == 0
    shown = decoded(client.post("/api/show", files={"photo": data}).content)
    np.testing.assert_array_equal(np.asarray(shown), deep >> 8)
    assert io.BytesIO(post(client).content).read(8) == b"\x89PNG\r\n\x1a\n"


def test_the_page_is_light_and_asks_nobody_else() -> None:
    files = {address: file.data for address, file in load_page().items()}
    weight = sum(len(data) for address, data in files.items() if not address.startswith("/samples/"))
    assert weight <= 150_000
    for address, data in files.items():
        if address.endswith((".js", ".css")) or address == "/":
            links = re.findall(rb"https?://[^\s\"')]+", data)
            assert links == []


def test_a_photo_is_looked_at_before_it_is_filled(client: httpx.Client) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    answer = client.post("/api/look", files={"photo": encoded(picture(60, 80), "JPEG", exif=exif)})
    assert (answer.status_code, answer.json()) == (200, {"width": 60, "height": 80, "kept": False})
    moving = encoded(picture(), "GIF", save_all=True, append_images=[picture().rotate(90)])
    assert "more than one frame" in refused(client.post("/api/look", files={"photo": moving}), 422, "broken")


@pytest.mark.parametrize("file_format", ["AVIF", "GIF"])
def test_formats_that_are_only_read_come_back_as_png(client: httpx.Client, file_format: str) -> None:
    answer = post(client, encoded(picture(), file_format))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert decoded(answer.content).size == (80, 60)


def test_progress_by_ticket() -> None:
    """A fill that waits in its middle until it was asked about."""
    hole = np.zeros((300, 900), bool)
    hole[100:140, 20:60] = hole[100:110, 300:450] = hole[200:203, 600:900] = True
    files = {"photo": encoded(picture(300, 900)), "hole": encoded(hole)}
    ticket, seen = "0123456789abcdef", []
    with serving(make_app(program=SLOW + PROGRAM)) as at, httpx.Client(base_url=at, timeout=60) as client:
        with ThreadPoolExecutor(1) as pool:
            fill = pool.submit(httpx.post, f"{at}/api/fill", files=files, data={"ticket": ticket}, timeout=60)
            while not fill.done():
                seen.append(client.get("/api/progress", params={"ticket": ticket}).json())
                time.sleep(0.05)
        assert fill.result().status_code == 200
        unknown = {"state": "unknown", "share": 0}
        assert client.get("/api/progress", params={"ticket": ticket}).json() == unknown
        assert client.get("/api/progress").json() == unknown
        shares = [one["share"] for one in seen if one["state"] == "filling"]
        assert shares == sorted(shares) and any(0 < share < 1 for share in shares), seen
        for wrong in ("", "abc", "G" * 20, "0" * 65):
            answer = client.post("/api/fill", files=files, data={"ticket": wrong})
            assert "hexadecimal" in refused(answer, 422, "option")
