"""Names of data sets and where they lie. Nothing here imports TensorFlow."""

import os

from tfobj import registry

ARRAYS = "arrays"
"""Directory in --data_dir of what `tfobj.data.memory` keeps."""


def config_name(data_config):
    """Name of a configuration: the source, preceded by the variant where the data set has variants.

    Args:
        data_config: `tfobj.config.DataConfig`.

    Returns:
        str, e.g. "generated" or "binarized_tiny".

    Raises:
        UserError: the data set or the variant is unknown.
    """
    variant = registry.dataset_variant(data_config.dataset, data_config.dataset_variant)
    return f"{variant}_{data_config.dataset_config}" if variant else data_config.dataset_config


def data_dir(data_config):
    """str, --data_dir with `~` replaced."""
    return os.path.expanduser(data_config.data_dir)


def manual_dir(data_config):
    """str, the directory of files fetched by hand: --manual_dir, or `manual` in the data directory."""
    return os.path.expanduser(data_config.manual_dir) or os.path.join(data_dir(data_config), "manual")


def prepared_directory(data_config):
    """str, where `tfobj.prepare` puts a data set; raises `UserError` as `config_name`."""
    version = registry.dataset_entry(data_config.dataset).version
    return os.path.join(data_dir(data_config), data_config.dataset, config_name(data_config), version)


def prepare_command(data_config):
    """str, the command that prepares a set."""
    variant = f" --dataset_variant={data_config.dataset_variant}" if data_config.dataset_variant else ""
    return (f"python -m tfobj.prepare --dataset={data_config.dataset}{variant} "
            f"--dataset_config={data_config.dataset_config} --data_dir={data_config.data_dir}")
