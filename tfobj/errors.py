"""Errors that are meant for the person at the keyboard."""


class UserError(ValueError):
    """Something the user can mend: a flag, a file, an image, a checkpoint.

    The message is one line that names the flag or file, what was found, what was expected and what to do. The
    command lines print it without a traceback and exit with status 2 (see `tfobj.command_line`).
    """
