"""GENESIS-V2 once more, in PyTorch and float64: an independent implementation for `make_genesis_v2.py`.

Gaussian kernel, mask loss with detached decoder masks; otherwise the defaults. Letters as in the model.
"""

import math

import numpy as np
import torch
from torch.nn import functional as F

from genesis_v2_weights import weight  # beside this file

PIXEL_STD, GOAL, GECO_RATE, BETA = 0.7, 0.5655, 1e-5, 0.7


class Weights:
    """Weights by stored name, created on first use as torch parameters in float64."""

    def __init__(self, arrays):
        self.arrays, self.values = arrays, {}

    def __call__(self, name, *shape):
        if name not in self.values:
            value = np.asarray(weight(self.arrays, name, shape), np.float64)
            assert value.shape == shape, (name, value.shape, shape)
            self.values[name] = torch.tensor(value, requires_grad=True)
        return self.values[name]


def convolution(x, kernel, bias=None):
    """Stride 1, zero padding; kernel [kh,kw,in,out]; x and result channel-first."""
    return F.conv2d(x, kernel.permute(3, 2, 0, 1), bias, padding=kernel.shape[0] // 2)


def block(x, w, name, channels, conv="conv", groups=8):
    """3x3 convolution without bias, normalisation in groups (0: of single channels), ReLU."""
    x, groups = convolution(x, w(f"{name}.{conv}.kernel", 3, 3, x.shape[1], channels)), groups or channels
    return F.relu(F.group_norm(x, groups, w(f"{name}.norm.gamma", channels), w(f"{name}.norm.beta", channels), 1e-5))


def dense(x, w, name, units):
    """Dense layer with a (in, out) kernel."""
    return x @ w(f"{name}.kernel", x.shape[-1], units) + w(f"{name}.bias", units)


def unet(x, w, name, channels, taps, groups=8):
    """Section 1 of the sheet; x channel-first."""
    levels = int(math.log2(x.shape[-1]) - 1)
    down = {4: (1, 2, 2, 2), 5: (1, 1, 2, 2, 2), 6: (1, 1, 1, 2, 2, 2)}[levels]
    up = {4: (2, 2, 1, 1), 5: (2, 2, 1, 1, 1), 6: (2, 2, 1, 1, 1, 1)}[levels]
    skips = []
    for i, width in enumerate(down):
        x = block(x[:, :, ::2, ::2] if i else x, w, f"{name}.down{i}", channels * width, groups=groups)
        skips.append(x)
        taps[f"down{i}"] = x
    shape, flat = x.shape, x.permute(0, 2, 3, 1).flatten(1)
    for i, units in enumerate((128, 128, flat.shape[1])):
        flat = F.relu(dense(flat, w, f"{name}.mlp{i}", units))
    x = flat.reshape(shape[0], shape[2], shape[3], shape[1]).permute(0, 3, 1, 2)
    taps["mlp"] = x
    for i, width in enumerate(up):
        x = block(torch.cat([x, skips[-1 - i]], 1), w, f"{name}.up{i}", channels * width, groups=groups)
        taps[f"up{i}"] = x
        x = F.interpolate(x, scale_factor=2, mode="nearest") if i < levels - 1 else x
    return x


def grid(side):
    """(row, column) from -1 to 1, [2,side,side]."""
    line = torch.linspace(-1, 1, side, dtype=torch.float64)
    return torch.stack([line[:, None].expand(side, side), line[None].expand(side, side)])


def stick_breaking(embeddings, scores, log_sigma, count):
    """Gaussian kernel; embeddings [B,8,S,S]; returns log masks, log scopes [B,K,S,S] and seeds [B,K-1,8]."""
    scope = torch.zeros_like(scores)
    masks, scopes, seeds = [], [scope], []
    for _ in range(count - 1):
        index = (scores * scope.exp()).flatten(1).argmax(1)
        seed = embeddings.flatten(2)[torch.arange(len(index)), :, index]  # [B,8]
        alpha = torch.exp(-((embeddings - seed[:, :, None, None])**2).sum(1) / log_sigma.exp())
        alpha = alpha + (alpha.clamp(0.01, 0.99) - alpha).detach()
        masks.append(scope + alpha.log())
        scope = scope + (1 - alpha).log()
        scopes.append(scope)
        seeds.append(seed)
    return torch.stack(masks + [scope], 1), torch.stack(scopes, 1), torch.stack(seeds, 1)


def normal_log_density(x, mean, std):
    """With all constants."""
    return torch.distributions.Normal(mean, std).log_prob(x)


def decoder(z, w, side, channels):
    """Section 3.2; z [B,K,D]; returns components [B,K,3,S,S] and log masks [B,K,S,S]."""
    batch, count, size = z.shape
    x = z.reshape(-1, size, 1, 1).expand(-1, -1, side // 16, side // 16)
    x = torch.cat([x, grid(side // 16)[None].expand(len(x), -1, -1, -1)], 1)
    for i in range(4):
        kernel = w(f"decoder.deconv{i}.kernel", 5, 5, channels, x.shape[1]).permute(3, 2, 0, 1)
        x = F.conv_transpose2d(x, kernel, w(f"decoder.deconv{i}.bias", channels), 2, padding=2, output_padding=1)
        gamma, beta = (w(f"decoder.norm{i}.{part}", channels) for part in ("gamma", "beta"))
        x = F.relu(F.group_norm(x, 8, gamma, beta, 1e-5))
    x = convolution(x, w("decoder.out.kernel", 1, 1, channels, 4), w("decoder.out.bias", 4))
    x = x.reshape(batch, count, 4, side, side)
    return torch.sigmoid(x[:, :, :3]), torch.log_softmax(x[:, :, 3], 1)


def lstm(x, w, name, units, state=None):
    """One step; `state` is (h, c), as is the result."""
    h, c = state or (torch.zeros(len(x), units, dtype=x.dtype),) * 2
    gates = (x @ w(f"{name}.kernel", x.shape[-1], 4 * units) + h @ w(f"{name}.recurrent_kernel", units, 4 * units)
             + w(f"{name}.bias", 4 * units))
    i, f, g, o = gates.chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def prior(z, w, units, bounded=True):
    """Means, standard deviations [B,K-1,D] and LSTM outputs of slots 1 to K-1."""
    state, outputs = None, []
    for k in range(z.shape[1] - 1):
        state = lstm(z[:, k], w, "prior_lstm", units, state)
        outputs.append(state[0])
    outputs = torch.stack(outputs, 1)
    mean, raw = dense(outputs, w, "prior_out", 2 * z.shape[-1]).chunk(2, -1)
    return mean.tanh() if bounded else mean, torch.sigmoid(raw + 4) + 1e-4, outputs


def mask_divergence(masks, others):
    """Equation 7 with the floor of the code; [B]."""
    masks, others = masks.clamp(min=1e-5), others.clamp(min=1e-5)
    masks, others = masks / masks.sum(1, keepdim=True), others / others.sum(1, keepdim=True)
    return (masks * (masks.log() - others.log())).sum((1, 2, 3))


def forward(w, image, scores, eps, detach=True):
    """The whole model; arguments as stored, `detach` the decoder masks in Equation 7. Dict in the stored layout."""
    side, size = image.shape[1], eps.shape[-1]
    x, taps = torch.tensor(image).double().permute(0, 3, 1, 2), {}
    features = unet(x, w, "unet", size, taps)
    seg = taps["seg"] = block(features, w, "seg_head", size)
    offsets = convolution(seg, w("colour_head.conv.kernel", 1, 1, size, 8), w("colour_head.conv.bias", 8))
    offsets = w("colour_head.gate") * offsets
    embeddings = offsets + torch.cat([torch.zeros(6, side, side), grid(side)])
    scores = torch.tensor(scores).double()
    log_masks, log_scopes, seeds = stick_breaking(embeddings, scores, w("icsbp.log_sigma"), eps.shape[1])
    feat = block(features, w, "feat_head", size, "conv0")
    feat = taps["feat"] = convolution(feat, w("feat_head.conv1.kernel", 1, 1, size, 2 * size),
                                      w("feat_head.conv1.bias", 2 * size))
    masks = log_masks.exp()
    pooled = torch.einsum("bkhw,bchw->bkc", masks, feat) / (masks.sum((2, 3)) + 1e-5)[..., None]
    hidden = F.layer_norm(pooled, (2 * size,), w("z_head.norm.gamma", 2 * size), w("z_head.norm.beta", 2 * size), 1e-5)
    mu, raw = dense(F.relu(dense(hidden, w, "z_head.dense0", 2 * size)), w, "z_head.dense1", 2 * size).chunk(2, -1)
    sigma = F.softplus(raw + 0.5) + 1e-8
    z = mu + sigma * torch.tensor(eps).double()
    components, log_pi = decoder(z, w, side, size)
    density = normal_log_density(x[:, None], components, torch.tensor(PIXEL_STD).double())
    err = -torch.logsumexp(log_pi[:, :, None] + density, 1).sum((1, 2, 3))
    prior_mu, prior_sigma, lstm = prior(z, w, 4 * size)
    means = torch.cat([torch.zeros_like(mu[:, :1]), prior_mu], 1)
    stds = torch.cat([torch.ones_like(mu[:, :1]), prior_sigma], 1)
    kl = (normal_log_density(z, mu, sigma) - normal_log_density(z, means, stds)).sum(-1)
    components = components.permute(0, 1, 3, 4, 2)
    others = log_pi.exp().detach() if detach else log_pi.exp()
    outputs = {"enc_feat": features.permute(0, 2, 3, 1), "embeddings": embeddings.permute(0, 2, 3, 1),
               "delta": offsets[:, 6:].permute(0, 2, 3, 1), "seeds": seeds, "log_masks": log_masks,
               "log_scopes": log_scopes, "obj_feat": pooled, "mu": mu, "sigma": sigma, "z": z,
               "x_components": components, "log_masks_decoder": log_pi,
               "recon": (log_pi.exp()[..., None] * components).sum(1), "err": err, "kl_l": kl,
               "kl_m": mask_divergence(masks, others), "prior_lstm_out": lstm, "prior_mu": prior_mu,
               "prior_sigma": prior_sigma}
    for name, value in taps.items():
        if name == "mlp":
            outputs["tap.mlp"] = value.permute(0, 2, 3, 1)
        else:
            row = value[:, :, value.shape[2] // 2, :4].permute(0, 2, 1)
            outputs[f"tap.{name}.row0"] = row
            outputs[f"tap.{name}.mean_std"] = torch.stack([value.mean(), value.std(correction=0)])
    return outputs


def gradients(w, outputs):
    """The stated loss and its gradients by name."""
    loss = outputs["err"].mean() + BETA * (outputs["kl_l"].sum(1).mean() + outputs["kl_m"].mean())
    values = torch.autograd.grad(loss, list(w.values.values()))
    return loss, dict(zip(w.values, values))


def sample(w, eps, side):
    """Draws from the prior."""
    eps = torch.tensor(eps).double()
    z = eps[:, :1]
    for k in range(1, eps.shape[1]):
        mean, std, _ = prior(torch.cat([z, z[:, :1]], 1), w, 4 * eps.shape[-1])
        z = torch.cat([z, (mean[:, -1] + std[:, -1] * eps[:, k])[:, None]], 1)
    components, log_pi = decoder(z, w, side, eps.shape[-1])
    recon = (log_pi.exp()[:, :, None] * components).sum(1).permute(0, 2, 3, 1)
    return {"sample.z": z, "sample.recon": recon, "sample.log_masks": log_pi}


def train(w, image, scores, eps):
    """Six steps with Adam and GECO, without the mask loss: trajectory [6,6]."""
    forward(w, image, scores, eps)  # creates the weights
    optimizer = torch.optim.Adam(list(w.values.values()), 1e-4, eps=1e-8)
    goal, rate = GOAL * image[0].size, GECO_RATE * 64**2 / image.shape[1]**2
    beta, average, rows = 1.0, None, []
    for _ in range(6):
        outputs = forward(w, image, scores, eps)
        err, kl = outputs["err"].mean(), outputs["kl_l"].sum(1).mean()
        loss = err + beta * kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average = err.item() if average is None else 0.99 * average + 0.01 * err.item()
        distance = goal - average
        after = min(max(beta * math.exp(rate * (10 if distance > 0 else 1) * distance), 1e-10), 1e10)
        rows.append([err.item(), kl.item(), beta, loss.item(), average, after])
        beta = after
    return np.array(rows)
