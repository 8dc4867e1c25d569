"""Black and white PNG files, judged by Pillow, OpenCV and zlib."""

import hashlib
import io
import zlib

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image

from partialconv.imageio import encode_png
from partialconv.masks import stroke_hole


def decode(content: bytes) -> NDArray[np.bool_]:
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.mode == "1"
        return np.array(picture)


@settings(max_examples=300, deadline=None)
@given(hole=arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=70)))
def test_what_is_written_is_read_again(hole: NDArray[np.bool_]) -> None:
    np.testing.assert_array_equal(decode(encode_png(hole)), hole)


@settings(max_examples=100, deadline=None)
@given(
    run=st.integers(1, 1200), value=st.booleans(), width=st.sampled_from([1, 8, 9, 512]), seed=st.integers(0, 2**32 - 1)
)
def test_long_runs_are_read_again(run: int, value: bool, width: int, seed: int) -> None:
    """Equal rows of zero differences, with something before and after: runs around 3, 258 and multiples of it."""
    noise = np.random.default_rng(seed).random((2, 3, width)) < 0.5
    hole = np.vstack([noise[0], np.full((run, width), value), noise[1]])
    np.testing.assert_array_equal(decode(encode_png(hole)), hole)


def test_other_decoders_agree_and_the_stream_is_whole() -> None:
    hole = stroke_hole((200, 333), 5, (0.2, 0.4))
    content = encode_png(hole)
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    np.testing.assert_array_equal(picture > 0, hole)
    start = content.index(b"IDAT") + 4
    data = zlib.decompress(content[start : start + int.from_bytes(content[start - 8 : start - 4])])
    assert len(data) == 200 * (1 + -(-333 // 8))


def test_files_are_small_and_their_bytes_fixed() -> None:
    hole = stroke_hole((512, 512), 0, (0.2, 0.3))
    content = encode_png(hole)
    assert len(content) < 512 * 512 / 8 / 3
    # 64 by 64 pixels that no version of a drawing library could change
    y, x = np.mgrid[:64, :64]
    fixed = encode_png((x // 5 + y // 7) % 2 == 0)
    assert hashlib.sha256(fixed).hexdigest() == FIXED


# no truth, but what readers of a manifest rely on: bytes that never change
FIXED = "fb3f9a6360420b44bcfa4e9bd3b9007a0241677ff172502183b8a3ddf038758c"
