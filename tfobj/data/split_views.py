"""Which stored records make up a split: those of the stored split of that name, or those of a recipe."""

import dataclasses

from tfobj.data import recipes
from tfobj.errors import UserError


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


def stored_views(sizes):
    """Each stored split as a view of itself.

    Args:
        sizes: dict from stored split to its number of records, in the order of the release.

    Returns:
        dict from split to `SplitView`.
    """
    return {name: SplitView((name,), 0, size) for name, size in sizes.items()}


def recipe_views(sizes, recipe, dataset):
    """The splits of a recipe, cut out of the stored ones.

    Args:
        sizes: As for `stored_views`. The stored splits follow one another in the release, without gaps.
        recipe: str. A choice of `DataConfig.preprocessing`.
        dataset: str. Name of the data set.

    Returns:
        dict from split to `SplitView`; `stored_views` where the recipe has no splits of its own.

    Raises:
        UserError: fewer records are stored than the recipe needs.
    """
    ranges = recipes.SPLITS.get((recipe, dataset))
    if ranges is None:
        return stored_views(sizes)
    needed, found = max(end for _, end in ranges.values()), sum(sizes.values())
    if found < needed:
        described = ", ".join(f"{name} {first:,}-{end - 1:,}" for name, (first, end) in ranges.items())
        raise UserError(f"--preprocessing={recipe} splits {dataset} by record ({described}), but only {found:,} are "
                        "prepared; use --splits=stored, or prepare the whole release without --split_sizes")
    return {name: _view(sizes, first, end) for name, (first, end) in ranges.items()}


def _view(sizes, first, end):
    stored, offset, start = [], 0, 0
    for name, size in sizes.items():
        if max(first, start) < min(end, start + size):
            offset = offset if stored else first - start
            stored.append(name)
        start += size
    return SplitView(tuple(stored), offset, end - first)
