"""GENESIS and MONet-G once more, in PyTorch and float64: an independent implementation for `make_genesis_baselines.py`.

Images of 32x32 pixels, all gated convolutions of the same width; otherwise the defaults. Letters as in the models.
"""

import torch
from torch.nn import functional as F

from genesis_baseline_weights import statistics  # beside this file
from genesis_v2_torch import PIXEL_STD, convolution, dense, grid, lstm, mask_divergence, normal_log_density, prior, unet

STRIDES = (1, 2, 1, 2, 1)


def doubles(*arrays):
    """Tensors of arrays."""
    return tuple(torch.tensor(array).double() for array in arrays)


def gated(x, w, name, channels, state=None, stride=1, padding=2, kernel=5, transposed=False):
    """Gated convolution; `state` is (moving statistics by name, whether in training), None without normalisation."""
    depths = (2 * channels, x.shape[1]) if transposed else (x.shape[1], 2 * channels)
    taps = w(f"{name}.kernel", kernel, kernel, *depths).permute(3, 2, 0, 1)
    bias = w(f"{name}.bias", 2 * channels)
    x = F.conv_transpose2d(x, taps, bias, stride, padding, stride - 1) if transposed else \
        F.conv2d(x, taps, bias, stride, padding)
    parts = list(x.chunk(2, 1))
    for index, part in enumerate(("h_norm", "g_norm") if state else ()):
        moving, training = state
        mean, variance = (moving(f"{name}.{part}.moving_{which}", channels) for which in ("mean", "variance"))
        gamma, beta = (w(f"{name}.{part}.{which}", channels) for which in ("gamma", "beta"))
        parts[index] = F.batch_norm(parts[index], mean, variance, gamma, beta, training, 0.1, 1e-5)
    return parts[0] * parts[1].sigmoid()


class Moving:
    """Moving statistics by name, which PyTorch updates in place."""

    def __init__(self, arrays):
        self.arrays, self.values = arrays, {}

    def __call__(self, name, size):
        if name not in self.values:
            self.values[name], = doubles(statistics(self.arrays, name, (size,)))
        return self.values[name]


def core_encoder(x, w, channels, units, state):
    """[B,units] of images, channel-first."""
    for i, stride in enumerate(STRIDES):
        x = gated(x, w, f"core.enc{i}", channels, state, stride)
    return gated(x, w, "core.enc5", units, padding=0, kernel=x.shape[-1]).flatten(1)


def core_decoder(z, w, channels, side, state):
    """Logits [N,S,S] of latents [N,M]."""
    x = gated(z[:, :, None, None], w, "core.dec0", channels, padding=0, kernel=side // 4, transposed=True)
    for i, stride in enumerate(reversed(STRIDES), start=1):
        x = gated(x, w, f"core.dec{i}", channels, state, stride, transposed=True)
    return convolution(x, w("core.out.kernel", 1, 1, channels, 1), w("core.out.bias", 1))[:, 0]


def moments(outputs):
    """Mean and standard deviation of a posterior."""
    mean, raw = outputs.chunk(2, -1)
    return mean, F.softplus(raw + 0.5) + 1e-8


def component_encoder(x, log_masks, w, activation, channels, units, size):
    """Mean and standard deviation [B,K,Z]; x channel-first, log_masks [B,K,S,S]."""
    batch, count, side, _ = log_masks.shape
    x = torch.cat([log_masks[:, :, None], x[:, None].expand(-1, count, -1, -1, -1)], 2).flatten(0, 1)
    for i, width in enumerate((1, 1, 2, 2)):
        name = f"vae.enc.conv{i}"
        taps = w(f"{name}.kernel", 3, 3, x.shape[1], width * channels).permute(3, 2, 0, 1)
        x = activation(F.conv2d(x, taps, w(f"{name}.bias", width * channels), 2, 1))
    x = activation(dense(x.permute(0, 2, 3, 1).flatten(1), w, "vae.enc.dense0", units))
    return moments(dense(x, w, "vae.enc.dense1", 2 * size).reshape(batch, count, -1))


def component_decoder(z, w, activation, channels, side, outputs):
    """[B,K,outputs,S,S] of latents [B,K,Z]."""
    batch, count, size = z.shape
    x = z.reshape(-1, size, 1, 1).expand(-1, -1, side + 8, side + 8)
    x = torch.cat([x, grid(side + 8)[None].expand(len(x), -1, -1, -1)], 1)
    for i in range(4):
        name = f"vae.dec.conv{i}"
        taps = w(f"{name}.kernel", 3, 3, x.shape[1], channels).permute(3, 2, 0, 1)
        x = activation(F.conv2d(x, taps, w(f"{name}.bias", channels)))
    x = convolution(x, w("vae.dec.conv4.kernel", 1, 1, channels, outputs), w("vae.dec.conv4.bias", outputs))
    return x.reshape(batch, count, outputs, side, side)


def break_stick(logits):
    """Log masks and log scopes, both [B,N+1,S,S], of N logits."""
    scopes, masks = [torch.zeros_like(logits[:, 0])], []
    for k in range(logits.shape[1]):
        masks.append(scopes[-1] + F.logsigmoid(logits[:, k]))
        scopes.append(scopes[-1] + F.logsigmoid(-logits[:, k]))
    return torch.stack([*masks, scopes[-1]], 1), torch.stack(scopes, 1)


def error_of(x, components, log_masks):
    """[B]; x [B,3,S,S], components [B,K,3,S,S]."""
    density = normal_log_density(x[:, None], components, torch.tensor(PIXEL_STD).double())
    return -torch.logsumexp(log_masks[:, :, None] + density, 1).sum((1, 2, 3))


def divergence(z, mean, std, prior_mean, prior_std):
    """One-sample estimate, [B,K]."""
    return (normal_log_density(z, mean, std) - normal_log_density(z, prior_mean, prior_std)).sum(-1)


def painted(log_masks, components):
    """`x_components` and `recon` in the stored layout."""
    components = components.permute(0, 1, 3, 4, 2)
    return {"x_components": components, "recon": (log_masks.exp()[..., None] * components).sum(1)}


def component_prior(zm, w, units, size):
    """Mean and standard deviation [B,K,Z]."""
    x = F.elu(dense(F.elu(dense(zm, w, "comp_prior.dense0", units)), w, "comp_prior.dense1", units))
    mean, raw = dense(x, w, "comp_prior.dense2", 2 * size).chunk(2, -1)
    return mean.tanh(), torch.sigmoid(raw + 4) + 1e-4


def genesis(w, moving, training, sizes, image, eps_mask, eps_comp):
    """The whole model in the stored layout; `sizes` as of `genesis_baseline_weights`."""
    channels, units, state = sizes["channels"], sizes["units"], (moving, training)
    image, eps_mask, eps_comp = doubles(image, eps_mask, eps_comp)
    x, (batch, count, size) = image.permute(0, 3, 1, 2), eps_mask.shape
    h = core_encoder(x, w, channels, units, state)
    mean, std = dense(h, w, "core.mean", size), F.softplus(dense(h, w, "core.var", size) + 0.5) + 1e-8
    zs, means, stds, memory = [mean + std * eps_mask[:, 0]], [mean], [std], None
    for k in range(1, count):
        memory = lstm(torch.cat([h, zs[-1]], 1), w, "post_lstm", 2 * size, memory)
        mean, std = moments(dense(memory[0], w, "post_out", 2 * size))
        for trace, value in zip((zs, means, stds), (mean + std * eps_mask[:, k], mean, std)):
            trace.append(value)
    zm, zm_mu, zm_sigma = (torch.stack(trace, 1) for trace in (zs, means, stds))
    logits = core_decoder(zm.flatten(0, 1), w, channels, x.shape[-1], state).unflatten(0, (batch, count))
    log_masks, _ = break_stick(logits[:, :-1])
    zc_mu, zc_sigma = component_encoder(x, log_masks, w, F.elu, channels, units, eps_comp.shape[-1])
    zc = zc_mu + zc_sigma * eps_comp
    components = component_decoder(zc, w, F.elu, channels, x.shape[-1], 3).sigmoid()
    prior_mu, prior_sigma, _ = prior(zm, w, units)
    zm_prior = torch.cat([0 * zm[:, :1], prior_mu], 1), torch.cat([0 * zm[:, :1] + 1, prior_sigma], 1)
    zc_prior = component_prior(zm, w, units, zc.shape[-1])
    return {"mask_logits": logits, "log_masks": log_masks, "log_scopes": break_stick(logits)[1],
            "zm_mu": zm_mu, "zm_sigma": zm_sigma, "zm": zm, "zm_prior_mu": zm_prior[0], "zm_prior_sigma": zm_prior[1],
            "zc_mu": zc_mu, "zc_sigma": zc_sigma, "zc": zc, "zc_prior_mu": zc_prior[0], "zc_prior_sigma": zc_prior[1],
            **painted(log_masks, components), "err": error_of(x, components, log_masks),
            "kl_m": divergence(zm, zm_mu, zm_sigma, *zm_prior), "kl_l": divergence(zc, zc_mu, zc_sigma, *zc_prior)}


def sample_genesis(w, moving, sizes, side, eps_mask, eps_comp):
    """Draws from the prior, without the tanh on the prior's mean."""
    eps_mask, eps_comp = doubles(eps_mask, eps_comp)
    z, channels, units = eps_mask[:, :1], sizes["channels"], sizes["units"]
    for k in range(1, eps_mask.shape[1]):
        mean, std, _ = prior(torch.cat([z, z[:, :1]], 1), w, units, bounded=False)
        z = torch.cat([z, (mean[:, -1] + std[:, -1] * eps_mask[:, k])[:, None]], 1)
    logits = core_decoder(z.flatten(0, 1), w, channels, side, (moving, False)).unflatten(0, z.shape[:2])
    log_masks, _ = break_stick(logits[:, :-1])
    mean, std = component_prior(z, w, units, eps_comp.shape[-1])
    components = component_decoder(mean + std * eps_comp, w, F.elu, channels, side, 3).sigmoid()
    return {"sample.recon": painted(log_masks, components)["recon"], "sample.log_masks": log_masks}


def monet_decoder(z, w, channels, side):
    """Components [B,K,3,S,S] and log masks [B,K,S,S]."""
    canvas = component_decoder(z, w, F.relu, channels, side, 4)
    return canvas[:, :, :3].sigmoid(), torch.log_softmax(canvas[:, :, 3], 1)


def monet(w, sizes, image, eps):
    """The whole model in the stored layout."""
    channels, (image, eps) = sizes["channels"], doubles(image, eps)
    x = image.permute(0, 3, 1, 2)
    scope, logits = torch.zeros_like(x[:, :1]), []
    for _ in range(eps.shape[1] - 1):
        features = unet(torch.cat([x, scope], 1), w, "att", channels, {}, groups=0)
        logits.append(convolution(features, w("att.final.kernel", 1, 1, channels, 1), w("att.final.bias", 1)))
        scope = scope + F.logsigmoid(-logits[-1])
    log_masks, log_scopes = break_stick(torch.cat(logits, 1))
    mu, sigma = component_encoder(x, log_masks, w, F.relu, channels, sizes["units"], eps.shape[-1])
    z = mu + sigma * eps
    components, log_pi = monet_decoder(z, w, channels, x.shape[-1])
    analytic = torch.distributions.kl_divergence(torch.distributions.Normal(mu, sigma),
                                                 torch.distributions.Normal(0 * mu, 0 * mu + 1)).sum(-1)
    return {"log_masks": log_masks, "log_scopes": log_scopes, "mu": mu, "sigma": sigma, "z": z,
            **painted(log_masks, components), "log_masks_decoder": log_pi,
            "err": error_of(x, components, log_masks),
            "err_with_decoder_masks": error_of(x, components, log_pi),
            "kl_m": mask_divergence(log_masks.exp(), log_pi.exp()), "kl_l_analytic": analytic,
            "kl_l": divergence(z, mu, sigma, 0 * mu, 0 * mu + 1)}


def sample_monet(w, sizes, side, z):
    """Draws from the prior, whose noise is the latents."""
    components, log_pi = monet_decoder(*doubles(z), w, sizes["channels"], side)
    return {"sample.recon": painted(log_pi, components)["recon"], "sample.log_masks": log_pi}
