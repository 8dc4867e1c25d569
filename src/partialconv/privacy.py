"""Libraries that report to their makers, or leave files in the user's folders, are told not to before they can."""

import os
import sys
import warnings
from typing import Any

SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime writes a device id and calls its maker as soon as it is imported
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray, where it starts a cluster
}


class TelemetryWarning(UserWarning):
    """A library that reports about its users was imported before `partialconv` could tell it not to."""


def switch_off() -> None:
    """Switch reports off for this process and all that it starts, whatever they were set to.

    `import partialconv` calls this before anything else, so that no module of the package can be imported earlier.

    Warns:
        TelemetryWarning: ONNX Runtime is there already, and was not told.
    """
    told = os.environ.get("ORT_DISABLE_TELEMETRY", "").strip().lower() in ("1", "true", "yes", "on")
    os.environ.update(SWITCHES)
    if sys.modules.get("onnxruntime") is not None and not told:
        message = "onnxruntime was imported before partialconv, so its telemetry may be on: import partialconv first."
        warnings.warn(message, TelemetryWarning, stacklevel=3)


def import_openvino() -> Any:
    """The package openvino, which reports that it was imported unless its module for reports cannot be found.

    Raises:
        ImportError: OpenVINO is not installed.

    Warns:
        TelemetryWarning: it has been imported, and has reported, already.
    """
    if sys.modules.setdefault("openvino_telemetry", None) is not None:  # type: ignore[arg-type]
        message = "openvino was imported before its telemetry could be switched off: let partialconv import it first."
        warnings.warn(message, TelemetryWarning, stacklevel=2)
    import openvino

    return openvino


def keep_fonts_apart() -> None:
    """Have Matplotlib keep its list of fonts among the temporary files for as long as this process lives.

    For commands, whose process is ours: elsewhere it would hide the user's own settings of Matplotlib, too. The
    folder is made when a library imports Matplotlib, which then takes a second longer.
    """
    if "MPLCONFIGDIR" in os.environ:
        return
    import atexit
    import secrets
    import shutil
    import tempfile
    from pathlib import Path

    folder = Path(tempfile.gettempdir()) / f"partialconv-fonts-{secrets.token_hex(8)}"
    os.environ["MPLCONFIGDIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
