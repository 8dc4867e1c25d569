"""Methods of the user's: a command line, a Python function, or an ONNX file."""

import hashlib
import runpy
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from partialconv.benchmark.baselines import Method, Pixels, network
from partialconv.conventions import Hole, valid_from_hole
from partialconv.errors import InputError
from partialconv.imageio import encode_png, read_photo
from partialconv.zoo.networks import SUFFIX

PLACES = ("{photo}", "{hole}", "{out}")
DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


def open_source(name: str, source: str) -> Method:
    """Open "cmd:...", "py:FILE.py:FUNCTION", "valid:FILE.onnx", "bare:FILE" or "FILE", an exported or converted one.

    See `CommandLine`, `python_function` and `OnnxMethod`.

    Raises:
        InputError: it is none of these, or the file cannot be used.
    """
    kind, colon, rest = source.partition(":")
    if kind == "cmd" and colon:
        return Method(source, CommandLine(rest))
    if kind == "py" and colon:
        return python_function(rest)
    path = Path(rest if kind in ("valid", "bare") and colon else source)
    if path.suffix not in (".onnx", SUFFIX):
        raise InputError(
            f"--method {name}={source}: expected FILE.onnx, FILE.safetensors, valid:FILE.onnx, bare:FILE.onnx, "
            "py:FILE.py:FUNCTION or cmd:COMMAND."
        )
    if not path.is_file():
        raise InputError(f"no model file {path}: check the name.")
    if path.suffix == SUFFIX:
        return network(path, grain=kind != "bare")
    session = _session(path)
    if [value.name for value in session.get_inputs()] == ["image", "valid"]:
        return network(path, grain=kind != "bare")
    if kind == "bare":
        raise InputError(f"{path} is not a file of `partialconv export`: to such files alone grain is added.")
    polarity = "valid" if kind == "valid" else "hole"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    identity = f"{path.name} sha256 {digest}, mask of the {polarity}, ONNX Runtime {onnxruntime.__version__}"
    return Method(identity, OnnxMethod(session, path, polarity == "hole"))


def python_function(source: str) -> Method:
    """Open "FILE.py:FUNCTION": a function of a photo and its hole that is defined in a file, as in `Method`.

    Raises:
        InputError: the file or the function is missing, or the file cannot be run.
    """
    file, _, name = source.rpartition(":")
    path = Path(file)
    if path.suffix != ".py" or not path.is_file():
        raise InputError(f"no Python file in py:{source}: expected py:FILE.py:FUNCTION.")
    sys.path.insert(0, str(path.parent.absolute()))
    try:
        found = runpy.run_path(str(path)).get(name)
    except Exception as error:  # whatever the file does
        raise InputError(f"cannot run {path}: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise InputError(f"{path} defines no function {name!r}.")
    return Method(f"{name} of {path.name} sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}", found)


class CommandLine:
    """A program that reads two files and writes a third.

    Args:
        template: With {photo} (PNG, RGB, black in the hole), {hole} (PNG, white = hole) and {out} (to write, PNG of the
            size of the photo) in it. Run without a shell.

    Raises:
        InputError: a place is missing.
    """

    def __init__(self, template: str) -> None:
        missing = [place for place in PLACES if place not in template]
        if missing:
            raise InputError(f"cmd:{template} has no {missing[0]}, expected {', '.join(PLACES)} in it.")
        self.arguments = shlex.split(template)

    def __call__(self, photo: Pixels, hole: Hole) -> Pixels:
        """Run it."""
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, name) for name in ("photo.png", "hole.png", "out.png")]
            Image.fromarray(photo).save(files[0], compress_level=1)
            files[1].write_bytes(encode_png(hole))
            command = list(self.arguments)
            for place, file in zip(PLACES, files, strict=True):
                command = [part.replace(place, str(file)) for part in command]
            try:
                result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
            except OSError as error:
                raise InputError(f"cannot run {command[0]}: {error.strerror}.") from error
            if result.returncode:
                last = (result.stderr.strip() or result.stdout.strip() or "no message").splitlines()[-1]
                raise InputError(f"{command[0]} ended with code {result.returncode}: {last}")
            if not files[2].is_file():
                raise InputError(f"{command[0]} wrote no {{out}}.")
            return np.array(read_photo(files[2]).image.convert("RGB"))


class OnnxMethod:
    """Any network that takes an image and a mask, channels first, and gives an image.

    The image is RGB, black in the hole, [0, 1], or 0..255 where the input is uint8; the mask 1 (255) = hole, or known.
    What comes out is taken as 0..255 where it is uint8 or exceeds 2, else as [0, 1].

    Args:
        session: Of ONNX Runtime.
        path: For messages.
        marks_hole: Whether the mask is 1 in the hole.

    Raises:
        InputError: the network has other inputs.
    """

    def __init__(self, session: onnxruntime.InferenceSession, path: Path, marks_hole: bool) -> None:
        inputs = session.get_inputs()
        if len(inputs) != 2 or any(len(i.shape) != 4 or i.type not in DTYPES for i in inputs):
            taken = ", ".join(f"{value.name} {value.type} {value.shape}" for value in inputs)
            raise InputError(f"{path} takes {taken}; expected an image (1, 3, H, W) and a mask (1, 1, H, W).")
        self.image, self.mask = sorted(inputs, key=lambda value: value.shape[1] == 1)
        self.session, self.path, self.marks_hole = session, path, marks_hole

    def __call__(self, photo: Pixels, hole: Hole) -> Pixels:
        """Run it."""
        marked = hole if self.marks_hole else valid_from_hole(hole)
        pictures = ((self.image, photo.transpose(2, 0, 1)), (self.mask, marked[None] * np.uint8(255)))
        feed = {}
        for value, picture in pictures:
            for expected, came in zip(value.shape[2:], picture.shape[1:], strict=True):
                if isinstance(expected, int) and expected != came:
                    raise InputError(
                        f"{self.path} takes {value.shape[3]}x{value.shape[2]} pixels, the masks have "
                        f"{picture.shape[2]}x{picture.shape[1]}: make masks of that --size."
                    )
            dtype = DTYPES[value.type]
            scaled = picture if dtype == np.uint8 else (picture / np.float32(255)).astype(dtype)
            feed[value.name] = np.ascontiguousarray(scaled[None])
        output = np.asarray(self.session.run(None, feed)[0])[0]
        values = output.astype(np.float32).transpose(1, 2, 0)
        if not np.isfinite(values).all():
            raise ArithmeticError(f"{self.path} gave values that are not finite.")
        if output.dtype != np.uint8 and values.max() <= 2:
            values = values * 255
        return np.asarray(np.rint(values.clip(0, 255)), np.uint8)


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's exceptions share no public base
        raise InputError(f"{path} is not an ONNX model that can be run: {str(error).splitlines()[0]}") from error
