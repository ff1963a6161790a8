"""Finds, downloads, checks and unpacks the archives of a release."""

import dataclasses
import hashlib
import os
import shutil
import sys
import tarfile
import zlib

from tfobj.data.builders import official_file
from tfobj.errors import UserError

_CHUNK_BYTES = 1 << 20


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

    The archives are read as streams; none is held in memory.

    Args:
        archives: List of str, paths of tar archives of any compression.
        directory: str. Where to unpack; a key of the archives is appended to the name.
        place: Callable from the name of a member to its path below the directory, or None to leave it out.

    Returns:
        str, the directory.

    Raises:
        UserError: an archive is damaged or holds nothing that is needed.
    """
    directory = f"{directory}-{_key(archives)}"
    if os.path.isdir(directory):
        return directory
    staging = f"{directory}.incomplete"
    shutil.rmtree(staging, ignore_errors=True)
    for archive in archives:
        check_md5(archive)
        print(f"unpacking {archive} ({os.path.getsize(archive) / 1e9:.1f} GB) to {directory}, which may be deleted "
              "when the data set is ready", file=sys.stderr, flush=True)
        _unpack_one(archive, staging, place)
    os.replace(staging, directory)
    return directory


def _key(archives):
    stats = [(os.path.basename(path), os.path.getsize(path), os.stat(path).st_mtime_ns) for path in archives]
    return hashlib.sha256(repr(stats).encode()).hexdigest()[:8]


def _unpack_one(archive, directory, place):
    written, size, percent = 0, os.path.getsize(archive), 10
    try:
        with open(archive, "rb") as file, tarfile.open(fileobj=file, mode="r|*") as members:
            for member in members:
                path = place(member.name) if member.isfile() else None
                if path is not None:
                    _write(members.extractfile(member), os.path.join(directory, path))
                    written += 1
                if 100 * file.tell() >= percent * size:
                    percent = 100 * file.tell() // size // 10 * 10 + 10
                    print(f"  {100 * file.tell() // size} % read, {written:,} files", file=sys.stderr, flush=True)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if getattr(error, "errno", None) is not None and error.filename != archive:  # the disk, not the archive
            raise
        raise UserError(f"{archive}: damaged or cut off after {written:,} files ({error}); fetch it again") from error
    if not written:
        raise UserError(f"{archive}: holds none of the files that are needed; fetch the original archive again")


def _write(source, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as target:
        shutil.copyfileobj(source, target, _CHUNK_BYTES)


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
