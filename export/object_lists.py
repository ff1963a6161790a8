"""What clients print of models that predict sets: the objects in each image, a line for every one of them.

The signature `serve_bytes` of such a model answers, for every slot of every image, a confidence, three coordinates and
the names of the classes. Standard library only, see `segmentation_files`.
"""

import segmentation_files

SIGNATURE = "serve_bytes"
CLASSES = ("size", "color", "material", "shape")
OUTPUTS = ("confidence", "coordinates", *CLASSES)


def signature_of(names):
    """Chooses what to ask a model for.

    Args:
        names: Iterable of str, the signatures that it has.

    Returns:
        str: `segment_bytes` where there is one, of models that find objects; else `serve_bytes`, of those that predict
        sets.

    Raises:
        ValueError: the model has neither.
    """
    for name in (segmentation_files.SIGNATURE, SIGNATURE):
        if name in names:
            return name
    raise ValueError(f"the model has neither {segmentation_files.SIGNATURE} nor {SIGNATURE}, but "
                     f"{', '.join(sorted(names)) or 'nothing'}; is it an export of tfobj?")


def objects_of(answer, index, min_confidence=0.0):
    """The objects of one image.

    Args:
        answer: Dict output name -> sequence with one value per image; texts as str or bytes.
        index: int. Which image.
        min_confidence: float. Only slots that are so sure.

    Returns:
        List of dicts, the most confident first: slot (from 1), confidence, coordinates and each of `CLASSES`.

    Raises:
        KeyError: the answer is not that of a set.
    """
    columns = {name: answer[name][index] for name in OUTPUTS}
    found = []
    for slot, confidence in enumerate(columns["confidence"]):
        entry = {"slot": slot + 1, "confidence": float(confidence),
                 "coordinates": [float(value) for value in columns["coordinates"][slot]]}
        entry.update({name: _text(columns[name][slot]) for name in CLASSES})
        found.append(entry)
    return sorted((entry for entry in found if entry["confidence"] >= min_confidence),
                  key=lambda entry: -entry["confidence"])


def line_of(entry):
    """One object as text, such as `0.98 large red metal cube at 1.20 -0.50 0.70`."""
    place = " ".join(f"{value:.2f}" for value in entry["coordinates"])
    return f"{entry['confidence']:.2f} {' '.join(entry[name] for name in CLASSES)} at {place}"


def add_arguments(parser):
    """Adds the argument that only models of sets take."""
    parser.add_argument("--min_confidence", type=float, default=0.5,
                        help="of models that predict sets: print the objects with at least this confidence "
                        "(default: %(default)s)")


def print_objects(arguments, request):
    """Sends images in batches and prints, per image, its name and its objects.

    Args:
        arguments: Namespace of both `add_arguments`.
        request: Callable (list of bytes) -> dict output name -> sequence, a call of `serve_bytes`.

    Raises:
        ValueError: a file cannot be read, the server refused a request, or --raw is given; names the files.
    """
    if arguments.raw:
        raise ValueError("--raw has no effect on models that predict sets, which draw no masks; leave it out")
    for images, answer in segmentation_files.answers(arguments, arguments.images, request, OUTPUTS):
        for index, image in enumerate(images):
            objects = objects_of(answer, index, arguments.min_confidence)
            print(f"{image}: {len(objects)} object{'s' * (len(objects) != 1)}")
            for entry in objects:
                print(f"  {line_of(entry)}")


def _text(value):
    return value.decode() if isinstance(value, bytes) else value
