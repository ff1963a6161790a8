"""Files that are never seen half written."""

import os


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
