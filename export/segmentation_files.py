"""Segmentation files: which images a client sends, and how the answered label PNGs become pictures.

The server answers 8-bit gray PNG whose pixels are labels. Written as palette PNG they look coloured in every viewer
and still hold the labels: Pillow's `np.asarray(Image.open(path))` gives them back. Standard library only, so that the
clients run on machines without tfobj; the colours are those of `tfobj.visualisation.palette`.
"""

import colorsys
import os
import struct
import zlib

BACKGROUND_COLOR, IGNORE_COLOR = (208, 208, 208), (48, 48, 48)
SLOT_COLORS = (
    (230, 159, 0), (0, 114, 178), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0), (86, 180, 233),
    (51, 34, 136), (225, 240, 165), (136, 0, 60), (135, 195, 75), (105, 45, 255), (119, 70, 34),
)
SIGNATURE = "segment_bytes"
_GOLDEN_RATIO = 0.618034
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = len(_SIGNATURE) + 8 + 13 + 4  # the header chunk: length and type, content, checksum


def palette():
    """Returns 256 colours (r, g, b): 0 background, k + 1 slot k, 255 ignored pixels."""
    colors = [BACKGROUND_COLOR, *SLOT_COLORS]
    for index in range(len(colors), 255):
        rgb = colorsys.hsv_to_rgb(index * _GOLDEN_RATIO % 1.0, (0.85, 0.5)[index % 2], (0.95, 0.7, 0.5)[index % 3])
        colors.append(tuple(round(255 * value) for value in rgb))
    return [*colors, IGNORE_COLOR]


def colored(png, first_slot=1):
    """Gives a label PNG a palette; the labels do not change.

    Args:
        png: bytes. An 8-bit gray PNG.
        first_slot: int. The label of slot 0: 1 where 0 means background, 0 for raw slot numbers.

    Returns:
        bytes, a palette PNG.

    Raises:
        ValueError: `png` is no 8-bit gray PNG.
    """
    header = png[len(_SIGNATURE) + 8:_HEADER_END - 4]
    if not png.startswith(_SIGNATURE) or len(header) != 13 or header[8:10] != b"\x08\x00":
        raise ValueError("the server's answer is no 8-bit gray PNG; is the model an export of tfobj?")
    colors = palette()
    colors = colors[1:] + colors[:1] if first_slot == 0 else colors
    content = b"".join(bytes(color) for color in colors)
    header = header[:9] + b"\x03" + header[10:]
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"PLTE", content) + png[_HEADER_END:]


def _chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def output_paths(images, directory):
    """Returns where each image's segmentation goes, `<directory>/<name>_segmentation.png`, and creates the directory.

    Raises:
        ValueError: two images would share a file.
    """
    paths = [os.path.join(directory, os.path.splitext(os.path.basename(image))[0] + "_segmentation.png")
             for image in images]
    for path in paths:
        if paths.count(path) > 1:
            raise ValueError(f"several images would be written to {path}; give them different names, or use one --out "
                             "per directory")
    os.makedirs(directory, exist_ok=True)
    return paths


def batches(items, size):
    """Cuts a list into lists of at most `size` items."""
    return [items[start:start + size] for start in range(0, len(items), size)]


def read_file(path):
    """Returns a file's bytes."""
    with open(path, "rb") as file:
        return file.read()


def write_file(path, content):
    """Writes bytes under a temporary name and renames the file, so that no half picture is ever seen."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def add_arguments(parser, server):
    """Adds the arguments that both clients share; `server` is the default address."""
    parser.add_argument("images", nargs="*", help="PNG or JPEG files of any size")
    parser.add_argument("--server", default=server, help="address of the server (default: %(default)s)")
    parser.add_argument("--model", default="slot_attention", help="name in models.config (default: %(default)s)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--version", type=int, help="version of the model (default: the latest served)")
    which.add_argument("--label", help="version label such as `stable` or `canary`")
    parser.add_argument("--out", default="segmentations", help="directory for the PNG files (default: %(default)s)")
    parser.add_argument("--raw", action="store_true", help="write the slot with the largest mask everywhere; without "
                        "it, pixels below the export's threshold are background (0) and slot k is k + 1")
    parser.add_argument("--batch_size", type=int, default=8, help="images per request (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds per request (default: %(default)s)")


def segment_files(arguments, request):
    """Sends images in batches and writes one palette PNG per image.

    Args:
        arguments: Namespace of `add_arguments`.
        request: Callable (list of bytes) -> dict output name -> sequence of bytes, a call of `segment_bytes`.

    Raises:
        ValueError: a file cannot be read or written, or the server refused a request; names the files.
    """
    output = output_of(arguments)
    try:
        paths = dict(zip(arguments.images, output_paths(arguments.images, arguments.out)))
        for images, answer in answers(arguments, arguments.images, request, (output,)):
            for image, png in zip(images, answer[output]):
                write_file(paths[image], colored(png, first_slot=0 if arguments.raw else 1))
                print(f"{image} -> {paths[image]}")
    except OSError as error:
        raise ValueError(f"{error.filename}: {error.strerror}") from error


def output_of(arguments):
    """The output that `segment_files` writes: with --raw the slot everywhere, else also background."""
    return "segmentation_png_bytes" if arguments.raw else "segmentation_thresholded_png_bytes"


def answers(arguments, images, request, outputs):
    """Sends image files in batches.

    Args:
        arguments: Namespace of `add_arguments`.
        images: Sequence of str, paths.
        request: Callable (list of bytes) -> dict output name -> sequence.
        outputs: Sequence of str, what the answers must have.

    Yields:
        (paths of a batch, its answer).

    Raises:
        ValueError: a file cannot be read, or the server refused a request; names the files.
    """
    if arguments.batch_size < 1:
        raise ValueError(f"--batch_size={arguments.batch_size}: expected at least 1")
    for batch in batches(list(images), arguments.batch_size):
        try:
            files = [read_file(image) for image in batch]
        except OSError as error:
            raise ValueError(f"{error.filename}: {error.strerror}") from error
        try:
            answer = request(files)
            answer = {name: answer[name] for name in outputs}
        except (ConnectionError, KeyError) as error:
            raise ValueError(f"no answer for {', '.join(batch)}: {error}") from error
        yield batch, answer
