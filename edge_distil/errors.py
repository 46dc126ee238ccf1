"""Every error that edge-distil raises on purpose.

Each says what was got, what was expected and what to do, in one line, and is also the
builtin that a caller would expect, so ``except FileNotFoundError`` works as usual::

    EdgeDistilError
    ├── BundleError
    │   ├── BundleNotFound      FileNotFoundError   no such directory
    │   ├── BundleFileMissing   FileNotFoundError   the manifest names a file that is not there
    │   ├── BundleCorrupt       ValueError          truncated, edited, half-written or foreign
    │   ├── SchemaUnsupported   ValueError          a manifest of another version of the format
    │   ├── VariantMissing      LookupError         the bundle has no such variant
    │   └── BundleExists        FileExistsError     the output is there already
    ├── StorageError            OSError             cannot write: permission, space
    │   └── PlaceBusy           BlockingIOError     another process is writing there
    ├── SessionError            RuntimeError        the runtime cannot load or run the graph
    │   ├── OutputError         ArithmeticError     its outputs are no numbers, or not the task's
    │   └── OutOfMemory         MemoryError         it has not the memory for it
    ├── TaskError               ValueError          the wrong task, or none to be found
    ├── InputError              ValueError          a text or a parameter that cannot be used
    │   └── InputTypeError      TypeError           ... for it is of another type
    ├── DataError               ValueError          an evaluation file that cannot be read
    ├── BenchmarkError          RuntimeError        a process that is timed cannot go on
    ├── ServeError              OSError             an address is taken, or the page is not built
    ├── EngineError         RuntimeError        no cluster, or its workers cannot go on
    ├── PushError               OSError             a bundle cannot be put on the hub
    ├── MissingExtra            ImportError         an optional dependency is not installed
    ├── ExportError             RuntimeError
    │   ├── CheckpointError     ValueError          the checkpoint cannot be found or read
    │   └── ParityError         ArithmeticError     ONNX and PyTorch disagree
    ├── QuantizeError           RuntimeError        a variant cannot be made
    └── DistilError             RuntimeError        a student cannot be made or trained
"""

from edge_distil._reading.printable import printable

# Characters of a message: what is quoted may have any length. The end, what to do, is kept.
_LONGEST, _END = 3000, 500


class EdgeDistilError(Exception):
    """The root: catch this to catch all of edge-distil's own errors.

    Messages quote file names, labels and texts of strangers, so they are shown escaped and, where
    they are very long, without their middle.
    """

    def __str__(self) -> str:
        message = printable(super().__str__())
        if len(message) <= _LONGEST:
            return message
        return f"{message[: _LONGEST - _END]}...{message[-_END:]}"


def reason(error: BaseException) -> str:
    """Return what an error says, of one of the system the words alone: no number, no name.

    >>> reason(OSError(2, "No such file or directory", "x"))
    'No such file or directory'
    """
    return getattr(error, "strerror", None) or str(error)


class BundleError(EdgeDistilError):
    """Something is wrong with a bundle directory."""


class BundleNotFound(BundleError, FileNotFoundError):
    """There is no directory at the given path."""


class BundleFileMissing(BundleError, FileNotFoundError):
    """A file that the bundle needs is absent."""


class BundleCorrupt(BundleError, ValueError):
    """A file differs from its record, or the directory is not a bundle at all."""


class SchemaUnsupported(BundleError, ValueError):
    """The manifest's schema version is not one that this release reads."""


class VariantMissing(BundleError, LookupError):
    """The bundle has no variant of that name."""


class BundleExists(BundleError, FileExistsError):
    """The output directory exists and must not be overwritten."""


class StorageError(EdgeDistilError, OSError):
    """A file or directory cannot be written; nothing half-written remains."""


class PlaceBusy(StorageError, BlockingIOError):
    """Another process is writing to the same place."""


class SessionError(EdgeDistilError, RuntimeError):
    """The inference runtime refused the graph or its inputs."""


class OutputError(SessionError, ArithmeticError):
    """A model's output is not finite, or not of the shape that its task reads."""


class OutOfMemory(SessionError, MemoryError):
    """The inference runtime did not get the memory that a model or a batch needs."""


class TaskError(EdgeDistilError, ValueError):
    """The task is unknown, or the bundle or checkpoint serves another one."""


class InputError(EdgeDistilError, ValueError):
    """A text or a parameter cannot be used."""


class InputTypeError(InputError, TypeError):
    """Something is not a text, is not a pair, or is an option of another type."""


class DataError(EdgeDistilError, ValueError):
    """An evaluation or calibration file cannot be read."""


class RowsError(InputError, DataError):
    """A file cannot be read as the rows that its name and its bytes promise."""


class BenchmarkError(EdgeDistilError, RuntimeError):
    """A process that is timed cannot start or go on; what was measured before is kept."""


class EngineError(EdgeDistilError, RuntimeError):
    """A cluster cannot be reached, or its workers cannot go on; what they finished is kept."""


class ServeError(EdgeDistilError, OSError):
    """A page cannot be served: its address is taken, or it was not built."""


class PushError(EdgeDistilError, OSError):
    """A bundle cannot be put on the hub: no connection, no token, or it is refused."""


class MissingExtra(EdgeDistilError, ImportError):
    """An optional dependency is not installed; the message names the command."""


class ExportError(EdgeDistilError, RuntimeError):
    """The checkpoint cannot be exported."""


class CheckpointError(ExportError, ValueError):
    """The checkpoint cannot be found, reached or read."""


class ParityError(ExportError, ArithmeticError):
    """The exported graph and PyTorch differ by more than the tolerance."""


class QuantizeError(EdgeDistilError, RuntimeError):
    """A variant cannot be made from this bundle."""


class DistilError(EdgeDistilError, RuntimeError):
    """A student cannot be made from this teacher, or its training cannot go on."""
