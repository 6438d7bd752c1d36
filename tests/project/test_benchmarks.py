"""The PyTorch twin computes what we compute, and the benchmark runs. Skipped without PyTorch."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import measure, scaling
from benchmarks.cases import inference, input_pipeline, step, warp
from tests.support import commands, scenes

torch = pytest.importorskip("torch")
torch_twin = pytest.importorskip("benchmarks.pytorch.twin")

TINY = measure.Setting(height=32, width=48, levels=5, network_width=0.0625, threads=2, seed=1)


def test_warp_and_its_gradients_are_ours():
    ours = warp.tensorflow_case(TINY, backward=True)()
    theirs = warp.torch_case(TINY, backward=True)()
    names = ("view", "occlusion", "logits", "beta", "rotation", "translation")
    results = [ours[0], ours[1], *ours[3:]]  # not the projected masks, of which there are none
    assert ours[2].shape[-1] == 0
    for name, a, b in zip(names, results, theirs):
        b = np.moveaxis(b, 1, -1) if b.ndim == 4 else b
        assert a.shape == b.shape and np.abs(a).max() > 0, name
        np.testing.assert_allclose(b, a, atol=1e-4 * np.abs(a).max(), err_msg=name)


@pytest.mark.parametrize(
    "vector", [[0, 0, -8, 0, 0, 0], [0.3, -0.1, 0.4, 0.1, 0.3, -0.2], [0, 0, 0, 0, np.pi, 0]]
)
def test_hard_poses_agree_in_float64(vector):
    """Planes behind the camera, a strong turn, nothing seen at all."""
    from aquanet_tf.geometry import pose

    image, logits, beta, _, _, k, _ = (a.astype(np.float64) for a in warp.inputs(TINY))
    rotation, translation = pose.se3_exp(tf.constant([vector], tf.float64))
    ours = scenes.forward_warp(image, logits, beta, rotation, translation, k, k)
    theirs = torch_twin.forward_warp(
        *(warp.channels_first(torch.from_numpy(a)) for a in (image, logits, beta)),
        *torch_twin.se3_exp(torch.tensor([vector], dtype=torch.float64)),
        *[torch.from_numpy(k)] * 2,
        warp.LIMITS,
    )
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(np.moveaxis(b.numpy(), 1, -1), a, atol=1e-9)


def test_training_step_is_ours():
    """From the same weights, one step of plain gradient descent ends at the same weights."""
    stage = step.build_stage(TINY)
    # A PoseNet that moves: its head starts near zero.
    stage.posenet.head.set_weights([50 * w for w in stage.posenet.head.get_weights()])
    twins = (
        torch_twin.AQUANet(TINY.network_width, TINY.levels),
        torch_twin.PoseNet(TINY.network_width),
    )
    networks = (stage.aquanet, stage.posenet)
    before = [named(network) for network in networks]
    for twin, weights in zip(twins, before):
        torch_twin.load_weights(twin, weights)

    stage.compile(optimizer=tf.keras.optimizers.SGD(1.0), jit_compile=False)
    data = {name: tf.constant(array) for name, array in step.batch(TINY).items()}
    expected = float(stage.train_step(data)["loss"])
    optimizer = torch.optim.SGD([w for twin in twins for w in twin.parameters()], 1.0)
    rules = (warp.LIMITS, step.PYRAMID_SCALES, step.SMOOTHNESS_WEIGHT)
    got = torch_twin.train_step(*twins, optimizer, step.torch_batch(TINY), *rules)
    np.testing.assert_allclose(got, expected, rtol=1e-5)

    for network, twin, start in zip(networks, twins, before):
        state = twin.state_dict()
        for name, weight in named(network).items():
            change = weight - start[name]
            after = state[name.replace("/", ".").replace("kernel", "weight")].numpy()
            after = after.transpose(2, 3, 1, 0) if after.ndim == 4 else after
            # Sums in another order; a change of 1e-6 is a weight's last bit.
            tolerance = 1e-3 * np.abs(change).max() + 1e-6
            np.testing.assert_allclose(after - start[name], change, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("images", [1, 4])
def test_inference_is_ours(monkeypatch, images):
    stage = step.build_stage(TINY)
    monkeypatch.setattr(inference, "build_stage", lambda setting: stage)
    twin = torch_twin.AQUANet(TINY.network_width, TINY.levels)
    torch_twin.load_weights(twin, named(stage.aquanet))
    monkeypatch.setattr(torch_twin, "AQUANet", lambda *args: twin)
    ours = inference.tensorflow_case(TINY, images)()
    theirs = inference.torch_case(TINY, images)()
    assert ours.shape[0] == images
    np.testing.assert_allclose(np.moveaxis(theirs, 1, -1), ours, rtol=1e-4)


def test_both_pipelines_deliver_the_same_work(data_dir, tmp_path):
    """One triplet of the loader, held to our geometry; and its random numbers stay in bounds."""
    from aquanet_tf.data import pipeline
    from benchmarks.pytorch import loader

    setting = TINY._replace(height=16, width=32)
    assert input_pipeline.extract(data_dir, tmp_path) == 14
    rules = input_pipeline.options(setting, data_dir)
    ours = next(iter(pipeline.training_dataset(rules, 0, 1)))
    limits = (rules.resize_min, rules.resize_max)
    triplets = loader.Triplets(tmp_path, (16, 32), (16, 32), limits)
    for index in range(8):
        theirs = triplets[index]
        for name, value in ours.items():
            if name != "key":
                shape = theirs[name].movedim(-3, -1).shape if value.ndim > 3 else theirs[name].shape
                assert value.shape[1:] == tuple(shape), name
        assert limits[0] <= float(theirs["resize"]) <= limits[1] + 0.05
        assert 0 <= float(theirs["target"].min()) and float(theirs["target"].max()) <= 1
        # K and grid follow the crop: the ray of a pixel tells where in the whole image it is.
        k, grid = theirs["intrinsics"].numpy(), theirs["grid"].numpy()
        u = (np.arange(32) - k[0, 2]) / k[0, 0]
        assert np.ptp(np.diff(grid[0, 0]) / np.diff(u)) < 1e-4


@pytest.mark.slow
def test_scaling_is_measured_and_drawn(monkeypatch, tmp_path):
    monkeypatch.setattr(measure, "peak_megabytes", lambda *_: 1.0)
    results = {
        setting: scaling.measured(setting._replace(height=16, width=24), 1)
        for settings in scaling.AXES.values()
        for setting in settings
    }
    assert all(seconds > 0 for seconds, _ in results.values())
    scaling.draw(results, tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").stat().st_size > 10_000


def named(network):
    """Name within the network -> array, on Keras 2 and 3."""
    paths = [getattr(w, "path", w.name).split(":")[0].split("/", 1)[1] for w in network.weights]
    return {path: weight.numpy().copy() for path, weight in zip(paths, network.weights)}


def test_rounds_alternate():
    calls = []
    times = measure.alternate({n: functools.partial(calls.append, n) for n in "ab"}, repeats=3)
    assert "".join(calls[2 * measure.WARM_UP :]) == "abbaab"
    assert [len(values) for values in times.values()] == [3, 3]


@pytest.mark.slow
def test_the_command_writes_its_table(data_dir, tmp_path):
    out = tmp_path / "results.md"
    sizes = ("--height", 16, "--width", 32, "--levels", 5, "--network_width", 0.0625)
    rounds = ("--repeats", 1, "--step_repeats", 1)
    done = commands.run("benchmarks.compare", *sizes, *rounds, "--records", data_dir, "--out", out)
    assert done.returncode == 0, done.stderr
    text = out.read_text()
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 7 and "input pipeline, 4 epochs of 36 images, png" in table[-1]
    assert "\n".join(table) in done.stdout
    assert "nan" not in text and f"torch {torch.__version__}" in text


def test_a_size_without_a_partner_is_an_error():
    done = commands.run("benchmarks.compare", "--height", "16,32", "--width", "32")
    commands.assert_user_error(done, "--height", "--width")
