"""Turns released records into encoded scenes; runs in worker processes and imports no TensorFlow."""

import dataclasses

from tfobj.data import records
from tfobj.data.scenes import generation
from tfobj.data.wire_format import MalformedExample
from tfobj.errors import UserError


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Consecutive records of a file.

    Attributes:
        path: str. The file, for messages.
        family: `tfobj.data.records.RecordFamily`.
        start: int. Index of the first record.
        records: list of bytes, serialized.
        damaged: bool. Whether the file cannot be read behind these records.
    """

    path: str
    family: records.RecordFamily
    start: int
    records: list = dataclasses.field(default_factory=list)
    damaged: bool = False

    @property
    def end(self):
        """int, index of the record behind the last one."""
        return self.start + len(self.records)


def parsed(chunk):
    """Yields the decoded records of a `Chunk`, dicts as of `tfobj.data.records.parse_record`.

    Raises:
        UserError: when it comes to a record of another kind, or to the place where the file is damaged.
    """
    yield from _each(chunk, lambda record: record)


def encoded_scenes(chunk, objects_room_fix=False):
    """Converts a `Chunk`.

    Args:
        chunk: `Chunk`.
        objects_room_fix: bool, see `tfobj.data.records.canonical_scene`.

    Returns:
        list of dicts as of `tfobj.data.scenes.generation.encode_scene`.

    Raises:
        UserError: a record is of another kind, or the file is damaged behind the chunk.
    """
    return list(_each(chunk, lambda record: generation.encode_scene(
        records.canonical_scene(record, chunk.family, objects_room_fix))))


def _each(chunk, convert):
    """Yields `convert` of the parsed records."""
    for index, serialized in enumerate(chunk.records, chunk.start):
        try:
            yield convert(records.parse_record(serialized, chunk.family))
        except MalformedExample as error:
            raise UserError(f"{chunk.path}: record {index} is not of the kind {chunk.family.folder} ({error}); run "
                            f"`python -m tfobj.prepare --check --file={chunk.path}` to see what it holds") from error
    if chunk.damaged:
        raise UserError(f"{chunk.path}: record {chunk.end} is damaged or cut off, the {chunk.end} records before it "
                        f"are readable; fetch the file again from {chunk.family.url}")
