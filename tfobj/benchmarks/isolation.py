"""Runs a row in a process of its own: its memory is its own, and what kills it kills no other row."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import traceback

from tfobj import command_line
from tfobj.errors import UserError

_OUT_OF_MEMORY = ("MemoryError", "RESOURCE_EXHAUSTED", "ResourceExhausted", "out of memory")


def measure(experiment, options, say=lambda text: None):
    """`tfobj.benchmarks.row.measure` in a new process, on the backend that KERAS_BACKEND names.

    Arguments and result are those of `row.measure`.

    Raises:
        UserError: see `call`.
    """
    return call(_measure, (experiment, options), say)


def call(function, arguments, say):
    """Calls a function in a new process.

    Args:
        function: Function of a module, called as `function(*arguments, say)`, where it may give `say` a str.
        arguments: Tuple that can be pickled.
        say: Callable that gets these in this process.

    Returns:
        What `function` returned, which must be picklable.

    Raises:
        UserError: the function failed or its process was killed; the message says why in one line. The traceback of an
            error that is no fault of the user goes to standard error.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        return _receive(receiver, process, say)
    finally:
        process.kill()
        process.join()


def _receive(receiver, process, say):
    while True:
        try:
            kind, content = receiver.recv()
        except EOFError:
            process.join()
            raise UserError(_ending(process.exitcode)) from None
        if kind == "result":
            return content
        if kind == "error":
            raise UserError(content)
        say(content)


def _ending(code):
    if code == -signal.SIGKILL:
        return "the process was killed, most likely because the memory of the machine was used up"
    return f"the process ended with {signal.Signals(-code).name if code < 0 else f'status {code}'}"


# === In the new process ===


def _measure(experiment, options, say):
    command_line.prepare_environment()
    command_line.import_backend()
    from tfobj.benchmarks import row

    return row.measure(experiment, options, say)


def _work(sender, function, arguments):
    """Calls the function, and sends ("say", str), then ("result", value) or ("error", str)."""
    _end_with_parent()
    try:
        sender.send(("result", function(*arguments, lambda text: sender.send(("say", text)))))
    except KeyboardInterrupt:
        sys.exit(130)  # the parent process was interrupted as well, and tells
    except UserError as error:
        sender.send(("error", str(error)))
    except Exception as error:
        sender.send(("error", _described(error)))


def _described(error):
    """The error in one line."""
    text = f"{type(error).__name__}: {error}".strip()
    if any(sign in text for sign in _OUT_OF_MEMORY):
        return "out of memory"
    traceback.print_exception(error)
    return text.splitlines()[0][:200]


def _end_with_parent():
    """Ends this process when the one that started it is gone, which may have been killed."""
    def wait(parent):
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait, args=[multiprocessing.parent_process()], daemon=True).start()
