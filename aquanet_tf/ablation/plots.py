"""Figures with axes: arrays in, a PNG out. By matplotlib without a display, and no TensorFlow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from aquanet_tf.media import color

_COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")
_DPI = 110


class Quantization(NamedTuple):
    """What Fig. 3 of the paper shows about one image.

    Attributes:
        image: uint8 [H,W,3].
        inverse_depth: [H,W], relative units.
        beta: [H,W].
        probability: [H,W,N+1], softmax over the levels, far to near.
        inverse_depth_min, inverse_depth_max: range of the levels.
        beta_max: bound of beta, which lies in [1/beta_max, beta_max].
    """

    image: np.ndarray
    inverse_depth: np.ndarray
    beta: np.ndarray
    probability: np.ndarray
    inverse_depth_min: float
    inverse_depth_max: float
    beta_max: float


def levels(beta: float, count: int, low: float, high: float) -> np.ndarray:
    """Inverse-depth levels of one beta, [count], Eq. 4.

    The NumPy twin of layers.quantization.inverse_depth_levels, so that this module needs no
    TensorFlow; tests/ablation/test_plots.py compares the two.
    """
    fractions = np.linspace(0.0, 1.0, count) ** beta
    return high * np.exp(np.log(high / low) * (fractions - 1))


def quantization(path, shown: Quantization) -> None:
    """Fig. 3 of the paper: quantization curves, the maps of one image, its probability volume.

    path: PNG to write.
    """
    figure = Figure(figsize=(15, 5.2), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=(1.0, 1.15, 1.5))
    _draw_levels(left.subplots(), shown)
    beta_max, top = shown.beta_max, float(np.percentile(shown.inverse_depth, 99))
    beta = color.color_beta(shown.beta, beta_max)
    inverse_depth = color.color_inverse_depth(shown.inverse_depth, 0, top)
    pictures = (
        (shown.image, "input"),
        (inverse_depth, f"inverse depth, 0 to {top:.3g}"),
        (beta, f"beta: blue 1/{beta_max:g}, red {beta_max:g}"),
    )
    for axes, (picture, title) in zip(middle.subplots(3, 1), pictures):
        _picture(axes, picture, title)
    _draw_volume(right, shown.probability)
    figure.savefig(path, dpi=_DPI)


def _draw_levels(axes, shown: Quantization) -> None:
    """Curves of Eq. 4 for the betas of the image and for the bounds of beta."""
    count, beta_max = shown.probability.shape[-1], shown.beta_max
    inside = np.percentile(shown.beta, (5, 50, 95))
    ends = color.color_beta(np.array([[1 / beta_max, beta_max]]), beta_max)[0] / 255
    curves = [
        (1 / beta_max, "bound", ":", ends[0]),
        (inside[0], "5th percentile of this image", "--", _COLORS[0]),
        (inside[1], "median of this image", "--", _COLORS[2]),
        (inside[2], "95th percentile of this image", "--", _COLORS[3]),
        (1.0, "exponential (FAL-Net)", "-", "0.35"),
        (beta_max, "bound", ":", ends[1]),
    ]
    for value, name, style, line_color in curves:
        curve = levels(value, count, shown.inverse_depth_min, shown.inverse_depth_max)
        axes.plot(curve, style, color=line_color, label=f"beta {value:.3g}: {name}")
    axes.set(xlabel="level n", ylabel="inverse depth d_n", title="Levels (Eq. 4)")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)


def _draw_volume(figure, probability) -> None:
    """Up to nine levels of the probability volume, each from 0 to its own maximum."""
    count = probability.shape[-1]
    numbers = np.unique(np.linspace(0, count - 1, min(count, 9)).round().astype(int))
    grid = figure.subplots(-(-len(numbers) // 3), 3, squeeze=False).ravel()
    figure.suptitle("Probability of levels, far to near (each from 0 to its maximum)", fontsize=11)
    for axes in grid:
        axes.axis("off")
    for axes, number in zip(grid, numbers):
        part = probability[..., number]
        most = float(part.max())
        picture = color.colorize(part, 0, max(most, 1e-9), "viridis")
        _picture(axes, picture, f"n = {number}, max {most:.2f}")


def mask_curves(path, curves: dict[str, list[dict]], marks: dict[str, list[dict]], title) -> None:
    """Recall of moving pixels against static pixels lost and against precision, over thresholds.

    Args:
        path: PNG to write.
        curves: name of the mask -> one curve per seed, as from `mask_quality.MaskCurve.curve`.
        marks: the same names -> the point {recall, static_lost, precision} at each run's own
            threshold.
        title: above the figure.
    """
    figure = Figure(figsize=(12, 4.8), layout="constrained")
    figure.suptitle(title)
    wide, close, precise = figure.subplots(1, 3)
    for (name, every), line_color in zip(curves.items(), _COLORS):
        for number, curve in enumerate(every):
            label = name if number == 0 else None
            lost, recall = np.array(curve["static_lost"]), np.array(curve["recall"])
            for axes in (wide, close):
                axes.plot(lost, recall, color=line_color, label=label, linewidth=1.3, alpha=0.8)
            precision = np.array([np.nan if p is None else p for p in curve["precision"]], float)
            precise.plot(recall, precision, color=line_color, label=label, linewidth=1.3, alpha=0.8)
        for point in marks[name]:
            for axes in (wide, close):
                axes.plot(point["static_lost"], point["recall"], "o", color=line_color)
            if point["precision"] is not None:
                precise.plot(point["recall"], point["precision"], "o", color=line_color)
    for axes, limit, part in ((wide, 1.0, "all"), (close, 0.2, "enlarged: at most 20 % lost")):
        axes.set_title(part, fontsize=10)
        axes.axvline(0.1, color="0.8", linewidth=0.8)  # where recall is compared
        axes.plot([0, 1], [0, 1], ":", color="0.6", label="chance")
        axes.set(xlim=(0, limit), ylim=(0, 1), xlabel="share of static pixels lost")
        axes.set_ylabel("recall of moving pixels")
    precise.set(xlim=(0, 1), ylim=(0, 1), xlabel="recall of moving pixels", ylabel="precision")
    for axes in (wide, close, precise):
        axes.grid(alpha=0.3)
    wide.legend(loc="lower right")
    figure.savefig(path, dpi=_DPI)


def _picture(axes, picture, title):
    axes.imshow(picture)
    axes.set_title(title, fontsize=9)
    axes.axis("off")
