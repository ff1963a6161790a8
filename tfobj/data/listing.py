"""What data sets there are, in words."""

from tfobj import registry
from tfobj.data import prepared
from tfobj.data.split_views import listed


def lines(data):
    """Every data set with its configurations, their sizes, and whether they are prepared.

    Args:
        data: `DataConfig`, for the directory.

    Returns:
        List of str, one a line.
    """
    catalogue = prepared.catalogue(data)
    width = max(len(builder.builder_config.name) for builders in catalogue.values() for builder in builders)
    found = []
    for name, builders in catalogue.items():
        found += [f"{name}: {registry.DATASETS[name].summary}", *(_line(builder, width) for builder in builders)]
    return [*found, f"[x] is prepared in {data.data_dir}. Prepare one: python -m tfobj.prepare --dataset=NAME "
            "[--dataset_variant=VARIANT] --dataset_config=CONFIG"]


def _line(builder, width):
    sizes = {split: info.num_examples for split, info in builder.info.splits.items()} or builder.split_sizes
    text = ", ".join(f"{split} {size:,}" for split, size in listed(sizes)) or "as many as the files hold"
    return f"  {'[x]' if prepared.is_prepared(builder) else '[ ]'} {builder.builder_config.name:<{width}} {text}"
