"""Encoder and Slot Attention once more, in PyTorch and float64, for the scripts that make golden arrays."""

import numpy as np
import torch
from torch.nn import functional as F


def layer_norm(x, w, name):
    """LayerNorm over the last axis with epsilon 1e-3."""
    mean, variance = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-3) * w[name + "/gamma"] + w[name + "/beta"]


def dense(x, w, name, bias=True):
    """Dense layer with a (in, out) kernel."""
    y = x @ w[name + "/kernel"]
    return y + w[name + "/bias"] if bias else y


def convolution(x, w, name, stride=1):
    """SAME convolution as TensorFlow pads it, channels last."""
    kernel = w[name + "/kernel"].permute(3, 2, 0, 1)  # HWIO -> OIHW
    padding = []
    for size in (x.shape[2], x.shape[1]):  # F.pad counts from the last axis
        total = max((-(-size // stride) - 1) * stride + kernel.shape[-1] - size, 0)
        padding += [total // 2, total - total // 2]
    x = F.pad(x.permute(0, 3, 1, 2), padding)
    return F.conv2d(x, kernel, w[name + "/bias"], stride=stride).permute(0, 2, 3, 1)


def positions(height, width):
    """The grid of distances to the borders, (1, h, w, 4)."""
    rows = torch.linspace(0, 1, height, dtype=torch.float64)[:, None].expand(height, width)
    columns = torch.linspace(0, 1, width, dtype=torch.float64)[None, :].expand(height, width)
    return torch.stack([rows, columns, 1 - rows, 1 - columns], -1)[None]


def gru(x, h, w, name):
    """Keras' reset-after GRU, gates z, r, h."""
    size = h.shape[-1]
    a = x @ w[name + "/kernel"] + w[name + "/bias"][0]
    b = h @ w[name + "/recurrent_kernel"] + w[name + "/bias"][1]
    z = torch.sigmoid(a[..., :size] + b[..., :size])
    r = torch.sigmoid(a[..., size:2 * size] + b[..., size:2 * size])
    g = torch.tanh(a[..., 2 * size:] + r * b[..., 2 * size:])
    return z * h + (1 - z) * g


def encode(w, image, strides):
    """The encoder's stages by their stored names, unsliced; `features_sub` is what the slots attend to."""
    out, x = {}, image
    for i, stride in enumerate(strides):
        x = torch.relu(convolution(x, w, f"encoder/conv{i}", stride))
    out["enc_cnn_sub"] = x
    x = x + dense(positions(*x.shape[1:3]), w, "encoder/pos")
    out["enc_pos_sub"] = x
    x = layer_norm(x.reshape(x.shape[0], -1, x.shape[-1]), w, "encoder/norm")
    out["features_sub"] = dense(torch.relu(dense(x, w, "encoder/mlp0")), w, "encoder/mlp1")
    return out


def attend(w, x, noise, iterations):
    """Slot Attention on (B, N, F): the initial slots, attention and slots of every iteration, and `slots`."""
    out, p = {}, "slot_attention/"
    x = layer_norm(x, w, p + "norm_inputs")
    k, v = dense(x, w, p + "k", False), dense(x, w, p + "v", False)
    slots = w[p + "slots_mu"] + torch.exp(w[p + "slots_log_sigma"]) * noise
    out["slots_init"] = slots
    for t in range(1, iterations + 1):
        q = dense(layer_norm(slots, w, p + "norm_slots"), w, p + "q", False) * slots.shape[-1]**-0.5
        attention = torch.softmax(k @ q.transpose(1, 2), -1)
        weights = attention + 1e-8
        weights = weights / weights.sum(1, keepdim=True)
        slots = gru(weights.transpose(1, 2) @ v, slots, w, p + "gru")
        hidden = torch.relu(dense(layer_norm(slots, w, p + "norm_mlp"), w, p + "mlp/dense0"))
        slots = slots + dense(hidden, w, p + "mlp/dense1")
        out[f"attn_{t}_sub"], out[f"slots_{t}"] = attention, slots
    return {**out, "slots": slots}


def shapes_of(channels, slot_size, hidden, convolutions):
    """Shapes of the weights of encoder and Slot Attention, dict by name."""
    c, d, h, shapes = channels, slot_size, hidden, {}
    for i in range(convolutions):
        shapes[f"encoder/conv{i}/kernel"], shapes[f"encoder/conv{i}/bias"] = (5, 5, c if i else 3, c), (c,)
    shapes.update({"encoder/pos/kernel": (4, c), "encoder/pos/bias": (c,), "encoder/norm/gamma": (c,),
                   "encoder/norm/beta": (c,)})
    for name in ("mlp0", "mlp1"):
        shapes[f"encoder/{name}/kernel"], shapes[f"encoder/{name}/bias"] = (c, c), (c,)
    p = "slot_attention/"
    for name, size in (("norm_inputs", c), ("norm_slots", d), ("norm_mlp", d)):
        shapes[f"{p}{name}/gamma"], shapes[f"{p}{name}/beta"] = (size,), (size,)
    shapes.update({p + "slots_mu": (1, 1, d), p + "slots_log_sigma": (1, 1, d), p + "q/kernel": (d, d),
                   p + "k/kernel": (c, d), p + "v/kernel": (c, d), p + "gru/kernel": (d, 3 * d),
                   p + "gru/recurrent_kernel": (d, 3 * d), p + "gru/bias": (2, 3 * d), p + "mlp/dense0/kernel": (d, h),
                   p + "mlp/dense0/bias": (h,), p + "mlp/dense1/kernel": (h, d), p + "mlp/dense1/bias": (d,)})
    return shapes


def random_weights(shapes, rng):
    """Random weights with non-trivial biases and norms, exact in float16, by the names of the archives."""
    weights = {}
    for name, shape in shapes.items():
        fan = np.prod(shape[:-1]) if name.endswith("kernel") else 16
        value = rng.standard_normal(shape) * 1.2 / np.sqrt(fan) + (1.0 if name.endswith("gamma") else 0.0)
        weights["w/" + name] = value.astype(np.float16).astype(np.float32)
    return weights


def tensors_of(weights):
    """The arrays of an archive's weights as tensors that take gradients, by the names of the layers."""
    return {name[2:]: torch.tensor(value, dtype=torch.float64, requires_grad=True)
            for name, value in weights.items() if name.startswith("w/")}
