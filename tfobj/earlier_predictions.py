"""Removes what an earlier `tfobj.predict` or `tfobj.sample` wrote into a directory, and nothing else."""

import contextlib
import json
import os

from tfobj.errors import UserError

INDEX = "predictions.json"
_FILES = ("arrays", "segmentation", "overlay", "picture")


def remove(out, paths=(), index=INDEX):
    """Removes the results that the index in a directory lists, then the index.

    Args:
        out: str. Directory.
        paths: Sequence of str. Files that are still needed.
        index: str. Name of the index.

    Returns:
        int, images whose results were removed; 0 where there is no index of ours.

    Raises:
        UserError: one of the results is still needed; nothing was removed.
        OSError: a file cannot be removed.
    """
    files, count = _listed(out, index)
    needed = set(map(os.path.realpath, files)) & set(map(os.path.realpath, paths))
    if needed:
        raise UserError(f"--out={out} would be cleared of {min(needed)}, which --images names: it is a result of an "
                        "earlier call; choose another directory")
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            os.remove(file)
    for folder in {os.path.dirname(file) for file in files} - {os.path.dirname(os.path.join(out, index))}:
        with contextlib.suppress(OSError):  # something else lies there
            os.rmdir(folder)
    return count


def _listed(out, name):
    """Paths of the results and, last, of the index, and the number of images; none if there is no index of ours."""
    path = os.path.join(out, name)
    try:
        with open(path, encoding="utf-8") as file:
            index = json.load(file)
        names = [index["overview"], *index.get("pictures", ())]
        for entry in index["images"]:
            names += [entry[kind] for kind in _FILES if kind in entry]
            names += [slot["cut_out"] for slot in entry.get("slots", ())]
        return [os.path.join(out, name) for name in names if _is_below(name)] + [path], len(index["images"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [], 0


def _is_below(name):
    """Whether a listed name stays in the directory, whoever wrote it."""
    return not os.path.isabs(name) and ".." not in name.split("/")
