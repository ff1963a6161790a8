"""Turns what TensorFlow raises about records that cannot be read or decoded into one line for the user."""

import contextlib
import re
import sys

from tfobj.errors import UserError

_MARKER = "Error in user-defined function passed to"


@contextlib.contextmanager
def named(data_config):
    """Raises `UserError` instead of TensorFlow's report when the input fails inside; other errors pass.

    Args:
        data_config: `tfobj.config.DataConfig` of the data that is read inside.
    """
    try:
        yield
    except Exception as error:
        text, tf = str(error), sys.modules.get("tensorflow")
        if tf is None or not isinstance(error, tf.errors.OpError):
            raise
        if _MARKER not in text and not isinstance(error, tf.errors.DataLossError):
            raise
        found = re.search(r"ParallelMapV2: (?:\w*Error: )?(.*)", text) or re.search(r"(.+)", text)
        raise UserError(
            f"a record of --dataset={data_config.dataset} in {data_config.data_dir} cannot be read ({found[1][:200]}); "
            f"examine it with python -m tfobj.prepare --check --dataset={data_config.dataset}, and build it again with "
            "--overwrite") from None
