"""Descriptions of objects on the command line. Imports nothing heavy: flags are checked before TensorFlow loads."""

from tfobj.errors import UserError

FLAGS = ("exclude_objects", "require_objects")
"""Fields of `DataConfig` that hold descriptions of objects."""


def parse_descriptions(data_config, flag):
    """Reads `shape:sphere,color:green;size:large`: green spheres, and everything large.

    Args:
        data_config: `DataConfig`.
        flag: str, of `FLAGS`. Its value holds descriptions of objects between semicolons, each a comma-separated list
            of factor:class.

    Returns:
        list of dict from factor to class name, empty for the empty string.

    Raises:
        UserError: anything else.
    """
    text, descriptions = getattr(data_config, flag), []
    for part in text.split(";") if text.strip() else ():
        pairs = [[word.strip() for word in pair.split(":")] for pair in part.split(",")]
        if not all(len(pair) == 2 and all(pair) for pair in pairs) or len(dict(pairs)) < len(pairs):
            raise UserError(f"--{flag}={text!r} is no list of descriptions factor:class,factor:class "
                            "separated by semicolons, such as 'shape:sphere,color:green;size:large'")
        descriptions.append(dict(pairs))
    return descriptions
