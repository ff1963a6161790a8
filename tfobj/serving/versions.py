"""Version directories below a base path, as TensorFlow Serving reads them: integers are versions, no other name is."""

import os

from tfobj.errors import UserError


def check_export_dir(export_dir):
    """Raises `UserError` if versions cannot be written below `export_dir`; creates nothing."""
    if os.path.exists(export_dir) and not os.path.isdir(export_dir):
        raise UserError(f"--export_dir={export_dir} is a file; give a directory, versions are written below it")
    if os.path.isdir(export_dir) and not os.access(export_dir, os.W_OK | os.X_OK):
        raise UserError(f"--export_dir={export_dir} is not writable; choose a directory you may write to")


def unpublished(export_dir):
    """Creates `export_dir` and returns a path below it for a directory that no server sees yet.

    Raises:
        UserError: the directory cannot be created or written.
    """
    check_export_dir(export_dir)
    try:
        os.makedirs(export_dir, exist_ok=True)
    except OSError as error:
        raise UserError(f"--export_dir={export_dir} cannot be created: {error.strerror}; choose a directory you may "
                        "write to") from None
    return os.path.join(export_dir, f"incomplete-{os.getpid()}")


def next_version(export_dir):
    """Returns the smallest integer above every version below `export_dir`, at least 1."""
    return 1 + max((int(name) for name in os.listdir(export_dir) if name.isdecimal()), default=0)


def publish(directory, export_dir):
    """Renames a finished directory to the next free version; another export may take a number meanwhile.

    Args:
        directory: str. What `unpublished` returned, filled.
        export_dir: str.

    Returns:
        (version, path): int and str.

    Raises:
        OSError: the directory cannot be renamed.
    """
    while True:
        version = next_version(export_dir)
        target = os.path.join(export_dir, str(version))
        try:
            os.rename(directory, target)
            return version, target
        except OSError:
            if not os.path.exists(target):
                raise
