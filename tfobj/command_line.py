"""What every `python -m tfobj.X` shares: quiet start, one-line errors, exit status."""

import contextlib
import errno
import importlib.util
import os
import re
import select
import signal
import sys
import tempfile
import textwrap

from absl import app
from absl import flags
from absl import logging

from tfobj.errors import UserError


_NO_TRACEBACK = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS}  # the user's disk, not a mistake in here
# How the message of a conversion starts -> what the value should have been.
_CONVERSIONS = (("invalid literal for int", "whole number"), ("could not convert string to float", "number"))


def prepare_environment():
    """Sets the defaults that must precede the import of TensorFlow; the user's own settings win."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    logging.set_verbosity(logging.WARNING)


def import_backend():
    """Imports what KERAS_BACKEND names; TensorFlow need not be installed for JAX.

    Raises:
        UserError: the backend is not installed, or it is none of the two.
    """
    backend = os.environ["KERAS_BACKEND"]
    if backend == "tensorflow":
        import_tensorflow()
    elif backend != "jax":
        raise UserError(f"KERAS_BACKEND={backend} is not supported; use tensorflow or jax")
    elif importlib.util.find_spec("jax") is None:
        raise UserError("KERAS_BACKEND=jax, but jax is not installed; install it with `pip install jax`, on machines "
                        "with an NVIDIA GPU `pip install 'jax[cuda12]'`")
    elif importlib.util.find_spec("tensorflow") is not None:
        with contextlib.suppress(ImportError):  # JAX does not need it
            import_tensorflow(with_devices=False)  # Keras will, and not quietly


def require_tensorflow():
    """Raises `UserError` if TensorFlow is not installed; does not import it, which takes seconds."""
    if importlib.util.find_spec("tensorflow") is None:
        raise UserError("TensorFlow is not installed; install it with `pip install .` in the repository (NVIDIA GPUs: "
                        "`pip install '.[gpu]'`); train, evaluate and benchmark also run with JAX alone: "
                        "KERAS_BACKEND=jax, see docs/jax.md")


def import_tensorflow(with_devices=True):
    """Imports TensorFlow without the notices that its libraries print whatever the log level.

    What they write to standard error during the import is held back; everything but those notices is then passed on,
    and all of it if the import fails.

    Args:
        with_devices: bool. Also look for devices, which takes hold of them. Defaults to `True`.

    Raises:
        UserError: as `require_tensorflow`.
    """
    require_tensorflow()
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        complete = True
        try:
            import tensorflow as tf
            if with_devices:
                tf.config.list_physical_devices()
            complete = False
        except KeyboardInterrupt:
            complete = False
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            lines = held.read().decode(errors="replace").splitlines()
            for line in lines:
                if complete or not _is_notice(line):
                    print(line, file=sys.stderr)


def _is_notice(line):
    """Whether a line tells nothing; on a machine with a GPU its warnings may say why TensorFlow does not see it."""
    if re.match(r"I\d{4} |WARNING: All log messages|To enable the following instructions", line) or not line.strip():
        return True
    return not os.path.exists("/dev/nvidia0") and bool(re.match(r"W\d{4} ", line) or "cuInit" in line)


def require(**values):
    """Raises `UserError` for the first flag that was not given.

    Args:
        **values: Flag name = its value.
    """
    for name, value in values.items():
        if value is None or value == "":
            raise UserError(f"--{name} is required; see --help")


def fail(message):
    """Prints one `error:` line to standard error and returns exit status 2.

    Args:
        message: str or exception. What was wrong and what to do; line breaks are folded.

    Returns:
        int, 2.
    """
    message = _as_raised(message)
    sys.stdout.flush()
    print("error: " + " ".join(str(message).split()), file=sys.stderr, flush=True)
    return 2


def _as_raised(error):
    """The error without what Keras adds to those that pass through a layer's call: colours and all arguments."""
    cause = getattr(error, "__context__", None)
    if isinstance(error, UserError) and isinstance(cause, UserError) and str(cause) in str(error):
        return _as_raised(cause)
    return error


def run(main):
    """Parses the flags, calls `main()`, and turns what can go wrong for the user into one line.

    The exit status is 2 after a `UserError` and where a file cannot be written or read (full disk, permissions), 130
    after Ctrl-C, 141 where the reader of the output has left, as `head` does; other errors are mistakes in the program
    and keep their traceback.

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
        except KeyboardInterrupt:
            fail("interrupted; the same command starts again")
            return 130
        except OSError as error:
            if error.errno not in _NO_TRACEBACK:
                raise
            return fail(f"{error.filename or 'a file'}: {error.strerror}; free space, or choose a place where you may "
                        "read and write")

    try:
        try:
            app.run(guarded, flags_parser=_parse_flags)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_is_gone():
            raise
        sys.exit(128 + signal.SIGPIPE)


def _reader_is_gone():
    """Whether standard output is a pipe that nobody reads; what is still to be written is then thrown away."""
    output = select.poll()
    output.register(sys.stdout, 0)
    if not output.poll(0):  # errors are reported unasked
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _parse_flags(argv):
    if _asks_for_help(argv):
        _print_help(argv)
        sys.exit(0)
    try:
        return flags.FLAGS(argv)
    except flags.CantOpenFlagFileError as error:
        sys.exit(fail(f"a flagfile cannot be read ({str(error).removeprefix('ERROR:: ')}); paths are relative to the "
                      "current directory, so run from the repository root: --flagfile=experiments/NAME.flags"))
    except flags.Error as error:
        sys.exit(fail(f"{_plain(str(error))}; see --help"))


def _plain(message):
    """What absl says about the value of a flag, without Python's words for numbers that are none."""
    for words, kind in _CONVERSIONS:
        match = re.match(rf"flag (--.*): {words}", message, re.DOTALL)
        if match:
            return f"{match[1]} is no {kind}"
    return message


def _asks_for_help(argv):
    return any(word.lstrip("-").split("=")[0] in ("help", "helpfull", "helpshort") for word in argv[1:]
               if word.startswith("-"))


def _print_help(argv):
    """Prints the command's docstring, its own flags, and the sections of configuration flags it uses, with `--model`
    those of that model alone."""
    print(sys.modules["__main__"].__doc__.strip())
    grouped = sys.modules.get("tfobj.flags")
    sections = dict(grouped.SECTIONS) if grouped else {}
    shown = {name for names in sections.values() for name in names}
    own = [flag.name for flag in flags.FLAGS.get_flags_for_module("__main__") if flag.name not in shown]
    model = next((word.split("=", 1)[1] for word in argv if word.lstrip("-").startswith("model=")), None)
    hidden = grouped.sections_of_other_models(model) if grouped else set()
    for title, names in {"This command": own, **sections}.items():
        if not names or title in hidden:
            continue
        print(f"\n{title.rstrip('.')}")
        for name in names:
            _print_flag(flags.FLAGS[name], grouped.HELP.get((title, name)) if grouped else None)
    print("\nFrom a file\n  --flagfile=PATH\n      Reads flags from a file, one per line; flags after it win.")


def _print_flag(flag, help_text=None):
    choices = getattr(flag.parser, "enum_values", None)
    value = "|".join(choices) if choices else "" if flag.boolean else flag.flag_type().upper().split()[-1]
    print(f"  --{'[no]' if flag.boolean else ''}{flag.name}{'=' + value if value else ''}")
    text = help_text or (flag.help.split(">: ", 1)[-1] if choices else flag.help)
    for line in textwrap.wrap(" ".join(text.split()), 112):
        print("      " + line)
