"""Which stored records make up a split: those of the stored split of that name, or those of a recipe."""

import dataclasses
import sys

from tfobj.data import recipes
from tfobj.errors import UserError

SPLITS = ("train", "validation", "test", "rest")
"""The names of splits, in the order in which they are listed; they are stored in that of the release."""
_REMEDY = "use --splits=stored, or prepare the whole release: --overwrite, without --split_sizes"


@dataclasses.dataclass(frozen=True)
class SplitView:
    """Consecutive records of a prepared set.

    Attributes:
        stored: Tuple of str. The stored splits that hold them, in the order of the release.
        offset: int. Records of the first of these that come before.
        count: int.
    """

    stored: tuple
    offset: int
    count: int


def listed(sizes):
    """The items of a dict from split to anything, list of pairs, in the order of `SPLITS`."""
    return sorted(sizes.items(), key=lambda item: (SPLITS + (item[0],)).index(item[0]))


def stored_views(sizes):
    """Each stored split as a view of itself.

    Args:
        sizes: dict from stored split to its number of records, in the order of the release.

    Returns:
        dict from split to `SplitView`.
    """
    return {name: SplitView((name,), 0, size) for name, size in sizes.items()}


def prepared_views(dataset, config, sizes, data_config):
    """The splits of a prepared set. Recipes cut releases alone: what is drawn has no order to respect.

    Where stored splits of a release are taken as they are but were prepared with other sizes than the release has, one
    line on standard error says so.

    Args:
        dataset: str. Name of the data set.
        config: str. Name of its configuration, e.g. "clevr10_official".
        sizes: As for `stored_views`.
        data_config: `DataConfig`; `preprocessing` and `splits` are used.

    Returns:
        dict from split to `SplitView`.

    Raises:
        UserError: as `recipe_views`.
    """
    stored = stored_views(sizes)
    if not config.endswith("official"):
        return stored
    views = recipe_views(sizes, data_config.preprocessing, dataset) if data_config.splits == "recipe" else stored
    if views == stored:
        _report_other_sizes(dataset, config, sizes)
    return views


def recipe_views(sizes, recipe, dataset):
    """The splits of a recipe, cut out of the stored ones.

    Args:
        sizes: As for `stored_views`. The stored splits of a release of one file follow one another without gaps.
        recipe: str. A choice of `DataConfig.preprocessing`.
        dataset: str. Name of the data set.

    Returns:
        dict from split to `SplitView`; `stored_views` where the recipe has no splits of its own.

    Raises:
        UserError: fewer records are stored than the recipe needs.
    """
    parts = recipes.PARTS_OF_SPLITS.get((recipe, dataset))
    if parts:
        return {name: _part_view(sizes, recipe, dataset, name, *part) for name, part in parts.items()}
    ranges = recipes.SPLITS.get((recipe, dataset))
    if ranges is None:
        return stored_views(sizes)
    needed, found = max(end for _, end in ranges.values()), sum(sizes.values())
    if found < needed:
        described = ", ".join(f"{name} {first:,}-{end - 1:,}" for name, (first, end) in ranges.items())
        raise UserError(f"--preprocessing={recipe} splits {dataset} by record ({described}), but only {found:,} are "
                        f"prepared; {_REMEDY}")
    return {name: _view(sizes, first, end) for name, (first, end) in ranges.items()}


def _part_view(sizes, recipe, dataset, name, stored, first, end):
    if sizes.get(stored, 0) < end:
        raise UserError(f"--preprocessing={recipe} takes {name} from records {first:,}-{end - 1:,} of the released "
                        f"split {stored} of {dataset}, but only {sizes.get(stored, 0):,} are prepared; {_REMEDY}")
    return SplitView((stored,), first, end - first)


def _view(sizes, first, end):
    stored, offset, start = [], 0, 0
    for name, size in sizes.items():
        if max(first, start) < min(end, start + size):
            offset = offset if stored else first - start
            stored.append(name)
        start += size
    return SplitView(tuple(stored), offset, end - first)


def _report_other_sizes(dataset, config, sizes):
    released = recipes.RELEASED_SIZES.get((dataset, config.removesuffix("official").rstrip("_")), {})
    other = [f"{name} {size:,} of {released[name]:,}" for name, size in sizes.items()
             if name in released and size != released[name]]
    if other:
        print(f"warning: {dataset}/{config} was prepared with other sizes than the release has ({', '.join(other)}): "
              "results will not be those of the release; prepare it again with --overwrite, without --split_sizes",
              file=sys.stderr, flush=True)
