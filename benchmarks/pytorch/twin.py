"""The project's warp, networks and training step written once more, in PyTorch, as a yardstick.

Eager PyTorch as this field writes it: every level is one image of a batch handed to `grid_sample`,
channels before rows (NCHW). Formulas, borders and names of weights are those of
`aquanet_tf`, so that tests can compare numbers; see there for the reasons. Nothing in this file
imports TensorFlow, so that the memory of PyTorch can be measured alone.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

MIN_FORWARD = 1e-3
MASKED = -1e9
RGB_MEAN = (0.411, 0.432, 0.45)
ROTATION_SCALE = 0.1
EPSILON = 1e-5


# --- geometry and warp ---------------------------------------------------------------------------


def se3_exp(vector):
    """Pose vector [B,6] (translation, rotation) -> R [B,3,3], t [B,3] by the matrix exponential."""
    zero = torch.zeros_like(vector[:, 0])
    vx, vy, vz, x, y, z = vector.unbind(1)
    rows = ([zero, -z, y, vx], [z, zero, -x, vy], [-y, x, zero, vz], [zero] * 4)
    motion = torch.matrix_exp(torch.stack([torch.stack(row, dim=1) for row in rows], dim=1))
    return motion[:, :3, :3], motion[:, :3, 3]


def plane_coordinates(rotation, translation, k_target, k_reference, height, width):
    """q(d) = a + d b: a, b [B,2,H*W]; forward [B,H*W] bool; s3 [B]."""
    like = {"dtype": rotation.dtype, "device": rotation.device}
    v, u = torch.meshgrid(torch.arange(height, **like), torch.arange(width, **like), indexing="ij")
    pixels = torch.stack([u, v, torch.ones_like(u)]).flatten(1)
    inverse = rotation.transpose(1, 2)
    s = inverse @ translation[..., None]
    rays = inverse @ (torch.linalg.inv(k_reference) @ pixels)
    forward = rays[:, 2] > MIN_FORWARD
    rays = rays / torch.where(forward, rays[:, 2], torch.ones_like(rays[:, 2]))[:, None]
    direction = s[:, 2:] * rays - s
    return k_target[:, :2] @ rays, k_target[:, :2] @ direction, forward, s[:, 2, 0]


def inverse_depth_levels(beta, levels, low, high):
    """Eq. 4: beta [B,1,H,W] -> [B,levels,H,W]."""
    fractions = torch.linspace(0, 1, levels, dtype=beta.dtype, device=beta.device)
    return high * torch.exp(math.log(high / low) * (fractions[:, None, None] ** beta - 1))


def expected_inverse_depth(logits, beta, limits):
    """[B,N,H,W], [B,1,H,W] -> [B,1,H,W]."""
    levels = inverse_depth_levels(beta, logits.shape[1], *limits)
    return (levels * torch.softmax(logits, dim=1)).sum(dim=1, keepdim=True)


def forward_warp(image, logits, beta, rotation, translation, k_target, k_reference, limits):
    """Eq. 1 and 2, all levels at once.

    Args:
        image [B,3,H,W], logits [B,N,H,W], beta [B,1,H,W] of the target view;
        rotation [B,3,3], translation [B,3] of T_{target -> reference}; k_* [B,3,3];
        limits: (smallest, largest) inverse depth.
    Returns view [B,3,H,W] and occlusion [B,1,H,W], the latter without gradient.
    """
    batch, count, height, width = logits.shape
    d = inverse_depth_levels(beta, count, *limits)
    a, b, forward, s3 = plane_coordinates(
        rotation, translation, k_target, k_reference, height, width
    )
    a, b = (value.view(batch, 2, 1, height, width) for value in (a, b))
    x, y = a[:, 0] + d * b[:, 0], a[:, 1] + d * b[:, 1]
    seen = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    seen &= forward.view(batch, 1, height, width) & (1 + d * s3[:, None, None, None] > 0)
    grid = torch.stack([x * (2 / (width - 1)) - 1, y * (2 / (height - 1)) - 1], dim=-1)
    grid = grid.flatten(0, 1)

    # Sampled apart: packing both for one call costs a copy of 4 N planes, and is half as fast.
    scores = _sample(logits.flatten(0, 1)[:, None], grid).view(batch, count, height, width)
    colors = image[:, None].expand(-1, count, -1, -1, -1).flatten(0, 1)
    colors = _sample(colors, grid).unflatten(0, (batch, count))
    weights = torch.softmax(scores.masked_fill(~seen, MASKED), dim=1).masked_fill(~seen, 0.0)
    view = (weights[:, :, None] * colors).sum(dim=1)
    with torch.no_grad():
        probability = torch.softmax(logits, dim=1).flatten(0, 1)[:, None]
        mass = _sample(probability, grid).view(batch, count, height, width)
        mass = mass.masked_fill_(~seen, 0.0).sum(dim=1, keepdim=True)
    return view, mass.clamp(max=1.0)


def _sample(planes, grid):
    return functional.grid_sample(planes, grid, padding_mode="border", align_corners=True)


# --- networks ------------------------------------------------------------------------------------


class Conv(nn.Conv2d):
    """Convolution padded alike on every side, optional ELU; He-normal or given deviation."""

    def __init__(self, inputs, outputs, size=3, stride=1, elu=True, bias=True, stddev=None):
        super().__init__(inputs, outputs, size, stride, padding=size // 2, bias=bias)
        self.elu = elu
        if stddev is None:
            nn.init.kaiming_normal_(self.weight)
        else:
            nn.init.normal_(self.weight, std=stddev)
        if bias:
            nn.init.zeros_(self.bias)

    def forward(self, features):
        features = super().forward(features)
        return functional.elu(features) if self.elu else features


class ResidualBlock(nn.Module):
    """ELU(x + conv(ELU(conv(x))))."""

    def __init__(self, count):
        super().__init__()
        self.first = Conv(count, count, bias=False)
        self.second = Conv(count, count, elu=False, bias=False)

    def forward(self, features):
        return functional.elu(features + self.second(self.first(features)))


class AQUANet(nn.Module):
    """(image [B,3,H,W], grid [B,2,H,W]) -> logits [B,levels,H,W], beta [B,1,H,W]."""

    def __init__(self, width, levels, beta_max=2.5):
        super().__init__()
        self.beta_max = beta_max
        self.positional = nn.Module()
        self.positional.hidden = Conv(2, 16, size=1)
        self.positional.code = Conv(16, 8, size=1)
        encoder = [channels(base, width) for base in (64, 128, 256, 256, 256, 256, 256)]
        for i, count in enumerate(encoder):
            before = 3 if i == 0 else encoder[i - 1] + 8
            self.add_module(f"down{i}", Conv(before, count, stride=1 if i == 0 else 2))
            self.add_module(f"residual{i}", ResidualBlock(count))
        features = encoder[-1]
        mixes = (256, 256, 256, 256, 128)
        for i, base in enumerate((128, 128, 128, 128, 128, 64)):
            count = channels(base, width)
            self.add_module(f"up{i}", Conv(features, count, bias=False))
            features = count + encoder[-2 - i]
            if i < len(mixes):
                self.add_module(f"mix{i}", Conv(features, channels(mixes[i], width)))
                features = channels(mixes[i], width)
        self.head = Conv(features, levels, elu=False, bias=False)
        self.beta_head = Conv(features, 1, elu=False, bias=False, stddev=1e-3)

    def forward(self, image, grid):
        code = self.positional.code(self.positional.hidden(grid))
        features, skips = image - _mean(image), []
        for i in range(7):
            if i > 0:
                size = features.shape[2:]
                resized = code if i == 1 else functional.interpolate(code, size, mode="bilinear")
                features = torch.cat([features, resized], dim=1)
            down = self.get_submodule(f"down{i}")(features)
            features = self.get_submodule(f"residual{i}")(down)
            skips.append(features)
        skips.pop()
        for i in range(6):
            skip = skips.pop()
            features = functional.interpolate(features, scale_factor=2)
            features = features[:, :, : skip.shape[2], : skip.shape[3]]
            features = torch.cat([self.get_submodule(f"up{i}")(features), skip], dim=1)
            if skips:
                features = self.get_submodule(f"mix{i}")(features)
        exponent = torch.tanh(self.beta_head(features))
        return self.head(features), torch.exp(math.log(self.beta_max) * exponent)


class PoseNet(nn.Module):
    """Antisymmetric ego-motion: target [B,3,h,w], references [B,R,3,h,w] -> vectors [B,R,6]."""

    def __init__(self, width):
        super().__init__()
        counts = [channels(base, width) for base in (32, 64, 128, 128, 256, 256, 256)]
        for i, count in enumerate(counts):
            self.add_module(f"down{i}", Conv(6 if i == 0 else counts[i - 1], count, stride=2))
            self.add_module(f"residual{i}", ResidualBlock(count))
        self.head = Conv(counts[-1], 6, size=1, elu=False, bias=False, stddev=0.01)

    def forward(self, target, references):
        batch, count = references.shape[:2]
        other = references.flatten(0, 1)
        this = target.repeat_interleave(count, dim=0)
        other, this = other - _mean(other), this - _mean(this)
        pairs = torch.cat([torch.cat([this, other], 1), torch.cat([other, this], 1)], 0)
        for i in range(7):
            down = self.get_submodule(f"down{i}")(pairs)
            pairs = self.get_submodule(f"residual{i}")(down)
        vectors = self.head(pairs).mean(dim=(2, 3))
        vectors = vectors * vectors.new_tensor([1.0] * 3 + [ROTATION_SCALE] * 3)
        there, back = vectors.chunk(2)
        return (0.5 * (there - back)).view(batch, count, 6)


def channels(base, width):
    """`base` channels scaled by `width`, a multiple of 4, at least 4."""
    return max(4, 4 * round(base * width / 4))


def load_weights(module, weights):
    """Copies weights named and laid out as TensorFlow's ("down0/kernel", HWIO) into a module."""
    state = {}
    for name, value in weights.items():
        value = torch.as_tensor(value)
        value = value.permute(3, 2, 0, 1) if value.ndim == 4 else value
        state[name.replace("/", ".").replace("kernel", "weight")] = value
    module.load_state_dict(state)


def _mean(like):
    return like.new_tensor(RGB_MEAN)[:, None, None]


# --- losses and training step --------------------------------------------------------------------


def pyramid_l1(prediction, truth, mask, scales):
    """Masked L1, mean over mean-pooled scales: [B,C,H,W], mask [B,1,H,W] -> [B]."""
    total = 0.0
    for scale in range(scales):
        if scale > 0:
            pooled = functional.avg_pool2d(mask, 2)
            share = pooled + EPSILON
            prediction = functional.avg_pool2d(prediction * mask, 2) / share
            truth = functional.avg_pool2d(truth * mask, 2) / share
            mask = pooled
        error = mask * (prediction - truth).abs().mean(dim=1, keepdim=True)
        total = total + error.sum(dim=(1, 2, 3)) / (mask.sum(dim=(1, 2, 3)) + EPSILON)
    return total / scales


def smoothness(inverse_depth, image):
    """Edge-aware smoothness of mean-normalized inverse depth, valid differences: [B]."""
    d = inverse_depth / (inverse_depth.mean(dim=(1, 2, 3), keepdim=True) + 1e-7)
    total = 0.0
    for axis in (2, 3):
        edge = torch.diff(image, dim=axis).abs().mean(dim=1, keepdim=True)
        step = torch.diff(d, dim=axis).abs() * torch.exp(-edge)
        total = total + step.mean(dim=(1, 2, 3))
    return total


def loss(aquanet, posenet, batch, limits, scales, smoothness_weight):
    """Stage 1 without the perceptual term, resize factor 1: mean over the batch, a scalar."""
    target, references, k = batch["target"], batch["references"], batch["intrinsics"]
    logits, beta = aquanet(target, batch["grid"])
    inverse_depth = expected_inverse_depth(logits, beta, limits)
    vectors = posenet(batch["target_low"], batch["references_low"])
    total = smoothness_weight * smoothness(inverse_depth, target)
    for c in range(references.shape[1]):
        rotation, translation = se3_exp(vectors[:, c])
        view, occlusion = forward_warp(target, logits, beta, rotation, translation, k, k, limits)
        photometric = pyramid_l1(view, references[:, c], occlusion, scales)
        total = total + photometric / references.shape[1]
    return total.mean()


def train_step(aquanet, posenet, optimizer, batch, limits, scales, smoothness_weight):
    """One update of both networks; returns the loss as a float. Raises if it is not finite."""
    optimizer.zero_grad()
    value = loss(aquanet, posenet, batch, limits, scales, smoothness_weight)
    value.backward()
    parameters = [*aquanet.parameters(), *posenet.parameters()]
    nn.utils.clip_grad_norm_(parameters, math.inf, error_if_nonfinite=True)
    optimizer.step()
    return value.item()
