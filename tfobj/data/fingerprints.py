"""What tells two data sets apart. It goes into the run directory and is compared on resume, on any machine.

A fingerprint is a dict: `dataset`, `config`, `version` str; `splits`, dict from split to number of examples; `sha256`.
"""

import hashlib
import json
import os


def of_drawn(dataset, config, version, seed, sizes):
    """The fingerprint of drawn examples, which these arguments determine.

    The bytes of stored pictures do not count: they depend on the version of zlib. Masks and factors do not, and images
    differ from machine to machine by at most one gray level.

    Args:
        dataset: str.
        config: str, with the variant.
        version: str.
        seed: int.
        sizes: dict from split to number of examples.

    Returns:
        dict, see the module.
    """
    described = _description(dataset, config, version, sizes)
    text = json.dumps({**described, "seed": seed}, sort_keys=True)
    return {**described, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def of_files(directory, dataset, config, version, sizes):
    """The fingerprint of a prepared release: its features, and names and sizes of its shards.

    The shards are not read: a changed byte is not seen.

    Args:
        directory: str, of the prepared files.
        dataset, config, version, sizes: As of `of_drawn`.

    Returns:
        dict, see the module.
    """
    digest = hashlib.sha256()
    with open(os.path.join(directory, "features.json"), "rb") as file:
        digest.update(file.read())
    for name in sorted(name for name in os.listdir(directory) if ".tfrecord" in name):
        digest.update(f"{name} {os.path.getsize(os.path.join(directory, name))}\n".encode())
    return {**_description(dataset, config, version, sizes), "sha256": digest.hexdigest()}


def _description(dataset, config, version, sizes):
    return {"dataset": dataset, "config": config, "version": version, "splits": dict(sorted(sizes.items()))}
