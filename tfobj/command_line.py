"""What every `python -m tfobj.X` shares: quiet start, one-line errors, exit status."""

import os
import sys

from absl import app
from absl import flags

from tfobj.errors import UserError


def prepare_environment():
    """Sets the defaults that must precede the import of TensorFlow; the user's own settings win."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def fail(message):
    """Prints one `error:` line to standard error and returns exit status 2.

    Args:
        message: str or exception. What was wrong and what to do; line breaks are folded.

    Returns:
        int, 2.
    """
    sys.stdout.flush()
    print("error: " + " ".join(str(message).split()), file=sys.stderr, flush=True)
    return 2


def run(main):
    """Parses the flags, calls `main()`, and turns a `UserError` into one line and exit status 2.

    Args:
        main: Callable without arguments. Returns None or an exit status.
    """
    prepare_environment()

    def guarded(argv):
        try:
            if len(argv) > 1:
                raise UserError(f"unexpected argument {argv[1]!r}: every option is a flag, --name=value; see --help")
            return main()
        except UserError as error:
            return fail(error)

    app.run(guarded, flags_parser=_parse_flags)


def _parse_flags(argv):
    try:
        return app.parse_flags_with_usage(argv) if _asks_for_help(argv) else flags.FLAGS(argv)
    except flags.Error as error:
        sys.exit(fail(error))
    except OSError as error:  # a flagfile that cannot be read
        sys.exit(fail(f"{error.filename or 'flagfile'}: {error.strerror or error}; give --flagfile the path of a "
                      "readable file (paths inside a flagfile are relative to the current directory)"))


def _asks_for_help(argv):
    return any(word.lstrip("-").split("=")[0] in ("help", "helpfull", "helpshort", "helpxml", "?") for word in argv[1:])
