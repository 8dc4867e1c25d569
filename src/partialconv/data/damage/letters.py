"""Date stamps, subtitles, captions and watermarks."""

from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from partialconv.data.damage.cutouts import Alpha

# the segments of a digit: top, upper right, lower right, bottom, lower left, upper left, middle
SEGMENTS = ("012345", "12", "01346", "01236", "1256", "02356", "023456", "012", "0123456", "012356")
CORNERS = ((0, 0), (1, 0), (1, 1), (1, 2), (0, 2), (0, 1))
ENDS = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0), (5, 2))
LETTERS = "eeeeettttaaaooiinnsshhrrddlluucmwfgypbvk"
FINE = 4


def date_stamp(size: tuple[int, int], rng: np.random.Generator) -> Alpha:
    """A date in digits of seven segments, a little blurred, as cameras burn it into the film, (H, W)."""
    day, month, year = int(rng.integers(1, 32)), int(rng.integers(1, 13)), int(rng.integers(70, 112))
    short = f"{year % 100:02d}"
    forms: tuple[str, ...] = (
        f"'{short} {month} {day}",
        f"{day:02d}.{month:02d}.{1900 + year}",
        f"{month} {day} '{short}",
    )
    forms = (*forms, f"{day:2d} {month:2d} {short}", f"{1900 + year} {month} {day}", f"{day}:{month:02d} {short}")
    text = forms[int(rng.integers(len(forms)))]
    tall = rng.uniform(9, 30)
    if rng.random() < 0.75:
        picture = _segments(text, tall, rng)
    else:
        picture = _line(text, max(8, round(tall * 1.2)), 0, rng.random() < 0.5)[0]
    blur = rng.uniform(0.3, 1.0)
    picture = np.asarray(cv2.GaussianBlur(np.pad(picture, 6), (0, 0), blur), np.float32)
    if rng.random() < 0.4:  # light that spreads in the film
        picture = np.maximum(picture, 0.5 * cv2.GaussianBlur(picture, (0, 0), tall / 8))
    alpha = np.zeros(size, np.float32)
    _place(alpha, picture, rng)
    return alpha


def lettering(size: tuple[int, int], rng: np.random.Generator) -> tuple[Alpha, Alpha]:
    """Lines of text: opacity of the outline, which may be empty, and of the letters, (H, W) each."""
    px = round(float(np.exp(rng.uniform(np.log(9), np.log(48)))))
    outline = int(rng.integers(1, 3)) if rng.random() < 0.5 else 0
    plain, turn = bool(rng.random() < 0.7), float(rng.choice([0, 0, 0, rng.uniform(-45, 45)]))
    lines = [_line(_words(rng, size[1] / px), px, outline, plain) for _ in range(int(rng.integers(1, 4)))]
    width, height = max(line[0].shape[1] for line in lines), sum(line[0].shape[0] for line in lines)
    block = np.zeros((2, height, width), np.float32)
    y = 0
    for pair in lines:
        left = (width - pair[0].shape[1]) // 2
        for layer, picture in zip(block, pair, strict=True):
            layer[y : y + picture.shape[0], left : left + picture.shape[1]] = picture
        y += pair[0].shape[0]
    if turn:
        block = np.stack([_turned(layer, turn) for layer in block])
    letters, rim = np.zeros(size, np.float32), np.zeros(size, np.float32)
    seed = int(rng.integers(1 << 30))
    _place(letters, block[0], np.random.default_rng(seed))
    _place(rim, block[1], np.random.default_rng(seed))
    return rim, letters


def _segments(text: str, tall: float, rng: np.random.Generator) -> Alpha:
    """Digits of seven segments; dots, apostrophes and colons as short strokes."""
    wide, slant, pen = tall * rng.uniform(0.45, 0.65), rng.uniform(0, 0.15), max(1.0, tall * rng.uniform(0.09, 0.17))
    advance, gap = wide * rng.uniform(1.4, 1.8), pen * rng.uniform(0.1, 0.6)
    canvas = Image.new("L", (round((advance * (len(text) + 1) + tall) * FINE), round((tall + 4 * pen) * FINE)))
    draw = ImageDraw.Draw(canvas)

    def point(x: float, y: float) -> tuple[float, float]:
        return (x + slant * (tall - y) + 2 * pen) * FINE, (y + 2 * pen) * FINE

    def line(x: float, a: tuple[float, float], b: tuple[float, float]) -> None:
        draw.line([point(x + a[0], a[1]), point(x + b[0], b[1])], 255, max(1, round(pen * FINE)))

    x = 0.0
    for letter in text:
        if letter.isdigit():
            for segment in SEGMENTS[int(letter)]:
                a, b = (np.array(CORNERS[end]) * [wide, tall / 2] for end in ENDS[int(segment)])
                short = (b - a) / np.linalg.norm(b - a) * (gap + pen / 2)
                line(x, tuple(a + short), tuple(b - short))
        elif letter != " ":
            for y in {"'": (0.1,), ".": (0.95,), ":": (0.3, 0.7)}[letter]:
                line(x + wide / 3, (0, y * tall - pen / 2), (0, y * tall + pen / 2 + pen * (letter == "'")))
            x -= advance * 0.45
        x += advance * (0.7 if letter == " " else 1)
    small = (max(1, canvas.width // FINE), max(1, canvas.height // FINE))
    return np.asarray(canvas.resize(small, Image.Resampling.BOX), np.float32) / np.float32(255)


@lru_cache(64)
def _font(px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(px)


def _line(text: str, px: int, outline: int, plain: bool) -> tuple[Alpha, Alpha]:
    """One line of text: letters, and letters with their outline; `plain` is Pillow's font, else OpenCV's strokes."""
    pictures: list[Alpha] = []
    if plain:
        font = _font(px)
        left, top, right, bottom = font.getbbox(text, stroke_width=outline)
        shape = (max(1, int(right - left) + 2), max(1, int(bottom - top) + 2))
        for stroke_width in (0, outline):
            paper = Image.new("L", shape)
            ImageDraw.Draw(paper).text((1 - left, 1 - top), text, 255, font, stroke_width=stroke_width)
            pictures.append(np.asarray(paper, np.float32) / np.float32(255))
    else:
        face, scale, pen = cv2.FONT_HERSHEY_COMPLEX, px / 24, max(1, round(px / 12))
        (width, height), base = cv2.getTextSize(text, face, scale, pen)
        for thick in (pen, pen + 2 * outline):
            canvas = np.zeros((height + base + 8, width + 8), np.uint8)
            cv2.putText(canvas, text, (4, height + 4), face, scale, 255, thick, cv2.LINE_AA)
            pictures.append(canvas.astype(np.float32) / np.float32(255))
    return pictures[0], pictures[1] if outline else np.zeros_like(pictures[0])


def _words(rng: np.random.Generator, room: float) -> str:
    """Made-up words of about `room` letters' widths, at times capitals or digits."""
    words: list[str] = []
    length = rng.uniform(0.5, 2.0) * room
    while len("".join(words)) < length:
        words.append("".join(rng.choice(list(LETTERS), int(rng.integers(2, 9)))))
    text = " ".join(words)
    style = rng.random()
    return text.upper() if style < 0.3 else text.capitalize() if style < 0.8 else f"{text} {rng.integers(10, 2030)}"


def _turned(picture: Alpha, degrees: float) -> Alpha:
    height, width = picture.shape
    side = int(np.hypot(height, width)) + 1
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    matrix[:, 2] = matrix[:, 2] + np.array([side - width, side - height]) / 2
    return np.asarray(cv2.warpAffine(picture, matrix, (side, side)), np.float32)


def _place(alpha: Alpha, picture: Alpha, rng: np.random.Generator) -> None:
    """Lay a picture somewhere, most of it inside."""
    (height, width), (tall, wide) = alpha.shape, picture.shape
    left, top = (int(_offset(rng, room, px)) for room, px in ((width, wide), (height, tall)))
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + wide), min(height, top + tall)
    if x0 < x1 and y0 < y1:
        alpha[y0:y1, x0:x1] = picture[y0 - top : y1 - top, x0 - left : x1 - left]


def _offset(rng: np.random.Generator, room: int, px: int) -> float:
    slack = 0.3 * min(px, room)
    low, high = sorted((-slack, room - px + slack))
    return float(rng.uniform(low, high))
