"""The warps agree with the dense reference here; a wrong one is found."""

import tensorflow as tf

from aquanet_tf.checks import warps


def streaming(monkeypatch, change=lambda warped: warped):
    """Makes a changed streaming warp the only implementation."""
    right = warps.implementations("/CPU:0")["streaming"]
    only = {"streaming": lambda *arguments: change(right(*arguments))}
    monkeypatch.setattr(warps, "implementations", lambda device: only)


def test_all_implementations_are_tried_here():
    assert {"dense", "streaming", "xla"} <= set(warps.implementations("/CPU:0"))
    assert set(warps.implementations("/GPU:0")) == {"dense", "streaming", "xla"}


def test_the_reference_agrees_with_itself_and_with_the_loop(monkeypatch):
    streaming(monkeypatch)
    (found,) = warps.check("/CPU:0")
    assert not found.fault and "ego-motion" in found.text


def test_a_wrong_view_is_a_fault(monkeypatch):
    streaming(monkeypatch, lambda warped: warped._replace(view=1.01 * warped.view))
    (found,) = warps.check("/CPU:0")
    assert "differs from the dense reference" in found.fault and "--warp_impl" in found.fault


def test_a_view_that_is_nan_is_a_fault(monkeypatch):
    streaming(monkeypatch, lambda warped: warped._replace(view=warped.view * float("nan")))
    assert warps.check("/CPU:0")[0].fault


def test_a_wrong_gradient_is_a_fault(monkeypatch):
    @tf.custom_gradient
    def doubled(value):
        return tf.identity(value), lambda upstream: 2 * upstream

    streaming(monkeypatch, lambda warped: warped._replace(view=doubled(warped.view)))
    assert warps.check("/CPU:0")[0].fault


def test_an_implementation_that_fails_is_a_fault(monkeypatch):
    def broken(*arguments):
        raise tf.errors.InternalError(None, None, "no kernel image is available")

    monkeypatch.setattr(warps, "implementations", lambda device: {"xla": broken})
    (found,) = warps.check("/CPU:0")
    assert "no kernel image" in found.fault and "--warp_impl" in found.fault
