"""Methods to compare, by name: those of `baselines`, and any that the user brings."""

from partialconv.benchmark.baselines import BUILT_IN, Method
from partialconv.errors import InputError


def open_method(name: str, source: str = "") -> Method:
    """Open a method of `BUILT_IN` by its name, or one of the user's.

    Args:
        name: What the report calls it.
        source: Empty for the built-in ones; else "cmd:..." (see `CommandLine`), or a .onnx file of `partialconv export`
            or of any network of an image and a mask (see `OnnxMethod`).

    Raises:
        InputError: there is no such method, or no such file.
        ImportError: a library is missing.
    """
    if source:
        # here, for the process of a method loads nothing that the method does not need
        from partialconv.benchmark.custom import open_source

        return open_source(name, source)
    if name not in BUILT_IN:
        raise InputError(f"no method {name!r}: choose of {', '.join(BUILT_IN)}, or bring your own by --method.")
    return BUILT_IN[name]()
