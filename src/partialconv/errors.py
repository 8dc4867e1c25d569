"""What can go wrong, said in one line."""

import importlib.util


class InputError(ValueError):
    """Something the user gave cannot be used; the message says what came, what was expected and the fix.

    Args:
        message: Becomes one line: what cannot be printed, as a line break in the name of a file, is escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message))


def reason_of(error: BaseException) -> str:
    """What an exception of a library says, in one line; its kind, if it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


class TooLargeError(InputError):
    """A picture of more pixels or longer sides than are taken, or that needs more memory than there is."""


class FormatError(InputError):
    """A file that is no picture of a format that is read."""


def require_torch(room: str) -> None:
    """Fail with one sentence where PyTorch is missing.

    Args:
        room: The module that needs it, for the message.

    Raises:
        ImportError: PyTorch is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise ImportError(f'{room} needs PyTorch: install it with pip install "partialconv[torch]".')


def require_video(room: str) -> None:
    """Fail with one sentence where something that clips need is missing.

    Args:
        room: What needs it, for the message.

    Raises:
        ImportError: a package is not installed.
    """
    for module, package in (("av", "PyAV"), ("cv2", "OpenCV")):
        if importlib.util.find_spec(module) is None:
            raise ImportError(f'{room} needs {package}: install it with pip install "partialconv[video]".')


def require_training(room: str) -> None:
    """Fail with one sentence where something that training needs is missing.

    Args:
        room: What needs it, for the message.

    Raises:
        ImportError: a package is not installed.
    """
    for package in ("torch", "pydantic", "safetensors", "tensorboard", "matplotlib", "torchmetrics"):
        if importlib.util.find_spec(package) is None:
            raise ImportError(f'{room} needs {package}: install all it needs with pip install "partialconv[train]".')


def require_benchmark(room: str) -> None:
    """Fail with one sentence where something that every benchmark needs is missing; methods say what they need.

    Args:
        room: What needs it, for the message.

    Raises:
        ImportError: a package is not installed.
    """
    for package in ("torch", "safetensors", "fsspec", "matplotlib", "torchmetrics", "jinja2", "scipy"):
        if importlib.util.find_spec(package) is None:
            raise ImportError(f'{room} needs {package}: install all it needs with pip install "partialconv[bench]".')
