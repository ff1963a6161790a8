"""Files that are never seen half written, directories that cannot be written to, and how sizes read."""

import os
import tempfile

from tfobj.errors import UserError


def readable_size(num_bytes):
    """Formats a number of bytes: `768 B`, `50.2 kB`, `1.0 MB`, `2.6 GB`."""
    if num_bytes < 1000:
        return f"{num_bytes} B"
    power = 1 if num_bytes < 1e6 else 2 if num_bytes < 1e9 else 3
    return f"{num_bytes / 1000 ** power:,.1f} {'kMG'[power - 1]}B"


def replace(path, write_to):
    """Writes a file under a temporary name and renames it.

    Args:
        path: str.
        write_to: Callable of a binary stream.
    """
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as stream:
            write_to(stream)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def prepare_out(out):
    """Creates the output directory and makes sure that files can be written there.

    Raises:
        UserError: they cannot.
    """
    try:
        os.makedirs(out, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise UserError(f"--out={out} cannot be written ({error.strerror}); choose another directory") from None


def guarded(out, action, *arguments):
    """Runs `action(*arguments)`; a full disk or a lost permission under the directory `out` becomes a `UserError`."""
    try:
        return action(*arguments)
    except OSError as error:
        raise UserError(f"--out={out}: {error.filename or 'a file'} cannot be written ({error.strerror or error}); "
                        "make room or choose another directory, and start again") from None
