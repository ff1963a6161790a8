"""Finds, downloads, checks and unpacks the archives of a release."""

import bz2
import contextlib
import dataclasses
import gzip
import hashlib
import lzma
import os
import shutil
import sys
import tarfile
import zlib

from tfobj.data.builders import official_file
from tfobj.errors import UserError

_CHUNK_BYTES = 1 << 20
_STREAM_BYTES = 1 << 16  # `tarfile` copies what is left of so much at every small read
_OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError, OSError)


@dataclasses.dataclass(frozen=True)
class ReleasedFile:
    """An archive and its public address, as `tfobj.data.builders.official_file.locate` takes them.

    Attributes:
        url: str.
        folder: str. Folder of the manual directory in which it is looked for besides the directory itself.
    """

    url: str
    folder: str

    @property
    def file_name(self):
        """str, last part of the address."""
        return self.url.rsplit("/", maxsplit=1)[-1]


def check_md5(path):
    """Compares an archive with the `.md5` file beside it, if there is one (`x.tar.gz.md5` or `x.md5`).

    Raises:
        UserError: they differ.
    """
    lists = [f"{path}.md5", f"{path.removesuffix('.gz').removesuffix('.tar')}.md5"]
    for list_path in filter(os.path.isfile, lists):
        with open(list_path, encoding="utf-8", errors="replace") as file:
            expected = (file.read().split() or [""])[0].lower()
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
        if found != expected:
            raise UserError(f"{path}: its MD5 sum is {found}, {list_path} says {expected}; fetch the archive again, or "
                            "delete the .md5 file if it belongs to another one")


def unpack(archives, directory, place):
    """Unpacks what is needed of some archives, all or nothing; what an earlier call unpacked is used again.

    The archives are read as streams; none is held in memory. Each is read to its last byte, so the checksums of its
    compression and the mark at its end are verified; a plain tar archive has checksums of its headers only.

    Args:
        archives: List of str, paths of tar archives, plain or compressed with gzip, bzip2 or xz.
        directory: str. Where to unpack; a key of the archives is appended to the name.
        place: Callable from the name of a member to its path below the directory, or None to leave it out.

    Returns:
        str, the directory.

    Raises:
        UserError: an archive is damaged, holds nothing that is needed, names a file outside the directory, or two
            members have the same place.
    """
    directory = f"{directory}-{_key(archives)}"
    if os.path.isdir(directory):
        return directory
    staging = f"{directory}.incomplete"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        for archive in archives:
            check_md5(archive)
            print(f"unpacking {archive} ({os.path.getsize(archive) / 1e9:.1f} GB) to {directory}, which may be deleted "
                  "when the data set is ready", file=sys.stderr, flush=True)
            _unpack_one(archive, staging, place)
        os.replace(staging, directory)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return directory


def _key(archives):
    stats = [(os.path.basename(path), os.path.getsize(path), os.stat(path).st_mtime_ns) for path in archives]
    return hashlib.sha256(repr(stats).encode()).hexdigest()[:8]


class _Member(tarfile.TarInfo):
    """A header that is damaged or missing is an error; `tarfile` takes it for the end of the archive."""

    @classmethod
    def fromtarfile(cls, members):  # pylint: disable=arguments-renamed
        """See `tarfile.TarInfo`; a block of zeros is still the end."""
        try:
            return super().fromtarfile(members)
        except tarfile.EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"header at byte {members.offset:,} of its content: {error}") from error


def _unpack_one(archive, directory, place):
    written = 0
    try:
        with open(archive, "rb") as file, _decompressed(file) as stream, tarfile.open(
                fileobj=stream, mode="r|", bufsize=_STREAM_BYTES, tarinfo=_Member) as members:
            report = _progress(file, os.path.getsize(archive))
            for member in members:
                path = place(member.name) if member.isfile() else None
                if path is not None:
                    _check_inside(archive, member.name, path)
                    _write(members.extractfile(member), archive, member.name, os.path.join(directory, path))
                    written += 1
                report(written)
            _read_to_end(members.fileobj)
    except UserError:
        raise
    except _DAMAGE as error:
        if getattr(error, "errno", None) is not None and error.filename != archive:  # the disk, not the archive
            raise
        raise UserError(f"{archive}: damaged or cut off after {written:,} files ({error}); fetch it again") from error
    if not written:
        raise UserError(f"{archive}: holds none of the files that are needed; fetch the original archive again")


def _decompressed(file):
    """Context of the content of a file; in contrast to `tarfile` itself, the modules verify every checksum."""
    start = file.peek(8)
    return next((opener(file) for magic, opener in _OPENERS.items() if start.startswith(magic)),
                contextlib.nullcontext(file))


def _progress(file, size):
    """Callable that says, with the number of files written so far, after each tenth of `file` how much is read."""
    percent = 10

    def report(written):
        nonlocal percent
        done = 100 * file.tell() // size
        if done >= percent:
            percent = done // 10 * 10 + 10
            print(f"  {done} % read, {written:,} files", file=sys.stderr, flush=True)

    return report


def _check_inside(archive, *names):
    for name in names:
        if name.startswith("/") or ".." in name.split("/"):
            raise UserError(f"{archive}: its member {names[0]!r} would lie outside the directory it is unpacked to; "
                            "this is not the original archive, fetch that")


def _write(source, archive, name, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        target = open(path, "xb")
    except FileExistsError as error:
        raise UserError(f"{archive}: its member {name!r} would overwrite {os.path.basename(path)} of an earlier member "
                        "or archive; these are not the original archives, fetch those") from error
    with target:
        shutil.copyfileobj(source, target, _CHUNK_BYTES)


def _read_to_end(stream):
    """Reads what follows the first block of zeros: at least a second one, and nothing but zeros."""
    block = stream.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE:
        raise tarfile.ReadError("the mark at its end is cut off")
    while block:
        if block.count(0) < len(block):
            raise tarfile.ReadError("there are data after the mark of its end")
        block = stream.read(_CHUNK_BYTES)


def warn(text):
    """Says something about a release in one line on standard error."""
    print(f"warning: {text}", file=sys.stderr, flush=True)


def unpack_directory(dl_manager, name):
    """str, where archives are unpacked: `unpacked/NAME` in the download directory of a TFDS download manager."""
    return os.path.join(os.fspath(dl_manager.download_dir), "unpacked", name)


def locate_all(dl_manager, manual_dir, files, unpacked):
    """Paths of several archives, each found or downloaded as by `official_file.locate`.

    Args:
        dl_manager: `tfds.download.DownloadManager`.
        manual_dir: str.
        files: Sequence of `ReleasedFile`.
        unpacked: str. Path below the manual directory where the unpacked release was looked for in vain.

    Returns:
        List of str.

    Raises:
        UserError: one could not be downloaded; names all that are missing.
    """
    missing = [file.url for file in files
               if not any(map(os.path.isfile, official_file.candidate_paths(manual_dir, file)))]
    try:
        return [official_file.locate(dl_manager, manual_dir, file) for file in files]
    except UserError as error:
        others = ", ".join(url for url in missing if url not in str(error))
        also = f"; do the same with {others}" if others else ""
        raise UserError(f"{error}{also}; or unpack the release to {os.path.join(manual_dir, unpacked)}") from error
