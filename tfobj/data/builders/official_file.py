"""Finds or downloads the released file of a data set."""

import http
import http.client
import os
import sys
import urllib.error
import urllib.request

import tensorflow_datasets as tfds

from tfobj.errors import UserError

_TIMEOUT_SECONDS = 15
# A server that answers so is there, but does not answer HEAD; whether it hands out the file, the download will tell.
_REFUSES_HEAD = {http.HTTPStatus.FORBIDDEN, http.HTTPStatus.METHOD_NOT_ALLOWED, http.HTTPStatus.NOT_IMPLEMENTED}


def candidate_paths(manual_dir, family):
    """Where a released file may lie: with or without the folder, and as web browsers name it (folder name in front)."""
    names = (family.file_name, f"{family.folder}_{family.file_name}")
    folders = (manual_dir, os.path.join(manual_dir, family.folder))
    return [os.path.join(folder, name) for folder in folders for name in names]


def locate(dl_manager, manual_dir, family):
    """Path of the released file: in the manual directory, else downloaded.

    Args:
        dl_manager: `tfds.download.DownloadManager`. If it has a path `given`, that is the file, whatever its name.
        manual_dir: str. Directory of files fetched by hand; need not exist.
        family: `tfobj.data.records.RecordFamily`.

    Returns:
        str.

    Raises:
        UserError: there is no such file and the download failed.
    """
    if getattr(dl_manager, "given", None):
        return dl_manager.given
    paths = candidate_paths(manual_dir, family)
    for path in paths:
        if os.path.isfile(path):
            return path
    if getattr(dl_manager, "offline", False):
        raise UserError(f"{paths[0]} does not exist; fetch it from {family.url}")
    _check_reachable(family.url, paths[0])
    print(f"{family.file_name} is not in {manual_dir}; downloading {family.url}", file=sys.stderr, flush=True)
    tfds.enable_progress_bar()
    try:
        return os.fspath(dl_manager.download(family.url))
    except Exception as error:  # the transport decides what it raises; whatever it is, the way out is the same
        raise _unreachable(family.url, paths[0], type(error).__name__) from error
    finally:
        tfds.disable_progress_bar()


def _check_reachable(url, path):
    """Fails at once where there is no network: the download manager would retry for minutes."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_TIMEOUT_SECONDS).close()
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError) and error.code in _REFUSES_HEAD:
            return
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise _unreachable(url, path, reason) from error


def _unreachable(url, path, reason):
    return UserError(f"{url} could not be downloaded ({reason}); fetch it on a machine that reaches it and put it at "
                     f"{path}")
