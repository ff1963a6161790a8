"""What a TFRecord file is, judged by its first bytes: names and suffixes lie."""

import os
import zlib

from tfobj.errors import UserError

_HEADER_BYTES = 12  # length, uint64 little endian, and its checksum
_SNIFF_BYTES = 4096


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)  # CRC-32C, reversed polynomial
        table.append(value)
    return table


_CRC_TABLE = _crc_table()


def masked_crc(data):
    """The checksum of the TFRecord format: CRC-32C of `data` (bytes), rotated and offset; int."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def is_record_header(data):
    """Whether `data` (bytes) starts like a TFRecord: eight bytes of length followed by their own checksum."""
    return len(data) >= _HEADER_BYTES and masked_crc(data[:8]) == int.from_bytes(data[8:_HEADER_BYTES], "little")


def _inflate(data, window_bits):
    try:
        return zlib.decompressobj(window_bits).decompress(data, _SNIFF_BYTES)
    except zlib.error:
        return b""


def read_head(path):
    """The first bytes of a file.

    Args:
        path: str.

    Returns:
        bytes, not empty.

    Raises:
        UserError: there is no such file, it cannot be read, or it is empty.
    """
    if not os.path.isfile(path):
        kind = "is a directory, a file is needed" if os.path.isdir(path) else "does not exist; check the path"
        raise UserError(f"{path}: {kind}")
    try:
        with open(path, "rb") as file:
            head = file.read(_SNIFF_BYTES)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if not head:
        raise UserError(f"{path}: the file is empty (0 bytes); fetch or build it again")
    return head


def detect_compression(path):
    """How a TFRecord file is compressed, by its content.

    Args:
        path: str.

    Returns:
        str: "" (none), "GZIP" or "ZLIB".

    Raises:
        UserError: the file is missing, empty, or no TFRecord under any of the three.
    """
    head = read_head(path)
    if is_record_header(head):
        return ""
    for name, window_bits in (("GZIP", 31), ("ZLIB", 15)):
        if is_record_header(_inflate(head, window_bits)):
            return name
    wrapped = "a GZIP file, but what it contains" if head[:2] == b"\x1f\x8b" else "this"
    raise UserError(f"{path}: {wrapped} is no TFRecord (first bytes {head[:8].hex(' ')}); give the path of a "
                    "TFRecord file, and fetch it again if it should be one")


def sniff_compression(path):
    """Like `detect_compression`, but accepts only what the data sets come in: "" or "GZIP".

    Raises:
        UserError: as `detect_compression`, or the file is compressed with ZLIB.
    """
    compression = detect_compression(path)
    if compression == "ZLIB":
        command = "import sys, zlib; sys.stdout.buffer.write(zlib.decompress(sys.stdin.buffer.read()))"
        raise UserError(f"{path}: compressed with ZLIB, expected GZIP or none; decompress it with "
                        f"`python -c '{command}' < {path} > NEW_FILE`")
    return compression
