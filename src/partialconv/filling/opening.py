"""Opening the network that options name, beside what else is to be done first."""

from concurrent.futures import Future, ThreadPoolExecutor

from partialconv.filling.options import FillOptions
from partialconv.inference.runtime import Runtime, open_runtime
from partialconv.zoo import model_path


def open_named(options: FillOptions) -> Runtime:
    """The network that options name, in the runtime that they name.

    Raises:
        InputError: see `open_runtime`.
        ImportError: the runtime is not installed.
    """
    return open_runtime(options.runtime, model_path(options.model), options.device, options.precision)


class Opening:
    """A network that is being opened in a thread.

    Importing the rest of this package and reading a photo take about the same time, so a command begins with this.

    Args:
        options: Name the network.
    """

    def __init__(self, options: FillOptions) -> None:
        executor = ThreadPoolExecutor(1)
        self._opened: Future[Runtime] | None = executor.submit(open_named, options)
        executor.shutdown(wait=False)

    def take(self) -> Runtime:
        """The network, once: it is not kept here, for its memory is worth more to who writes a large photo.

        Raises:
            InputError: see `open_runtime`.
            ImportError: the runtime is not installed.
        """
        opened, self._opened = self._opened, None
        assert opened is not None, "the network was taken already"
        return opened.result()
