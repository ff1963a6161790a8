"""Mix Transformers in files of Hugging Face's format, written without its library."""

import json
import struct

import numpy as np

WIDTHS = (8, 16, 20, 32)
CODES = {"float32": "F32", "float16": "F16", "uint16": "BF16", "int64": "I64"}


def write_safetensors(path, arrays):
    """Writes a file as the library of that name does: length, header in JSON, arrays without gaps."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": CODES[str(array.dtype)], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in arrays.values()))


def checkpoint(depths, seed=0):
    """Arrays in PyTorch's layouts under the names of nvidia/mit-b3, written out by hand where they can be."""
    generator = np.random.default_rng(seed)
    shapes = {}
    for i, (width, depth, reduction) in enumerate(zip(WIDTHS, depths, (8, 4, 2, 1))):
        before, kernel = (3, *WIDTHS)[i], 7 if i == 0 else 3
        shapes[f"patch_embeddings.{i}.proj"] = (width, before, kernel, kernel)
        shapes[f"patch_embeddings.{i}.layer_norm"] = shapes[f"layer_norm.{i}"] = (width,)
        for j in range(depth):
            block = f"block.{i}.{j}"
            for part in ("query", "key", "value"):
                shapes[f"{block}.attention.self.{part}"] = (width, width)
            shapes[f"{block}.attention.output.dense"] = (width, width)
            if reduction > 1:
                shapes[f"{block}.attention.self.sr"] = (width, width, reduction, reduction)
                shapes[f"{block}.attention.self.layer_norm"] = (width,)
            shapes[f"{block}.layer_norm_1"] = shapes[f"{block}.layer_norm_2"] = (width,)
            shapes[f"{block}.mlp.dense1"], shapes[f"{block}.mlp.dense2"] = (4 * width, width), (width, 4 * width)
            shapes[f"{block}.mlp.dwconv.dwconv"] = (4 * width, 1, 3, 3)
    arrays = {"classifier.weight": generator.normal(size=(5, 32)).astype(np.float32)}
    for name, shape in shapes.items():
        for part, size in (("weight", shape), ("bias", shape[:1])):
            arrays[f"segformer.encoder.{name}.{part}"] = generator.normal(size=size).astype(np.float32)
    return arrays
