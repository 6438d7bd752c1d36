import types

import pytest

from aquanet_tf.runs import history
from aquanet_tf.runs.checkpoint import Position
from aquanet_tf.training.watchers import callbacks, collapse


def test_a_sound_run_gets_no_advice():
    assert collapse.diagnose({"translation": 0.5, "spread": 0.4}, 2.5) is None
    assert collapse.diagnose({"translation": 0.5}, 2.5) is None  # the kick-start has no spread


def test_vanished_motion_and_constant_depth_get_advice():
    assert "ego-motion has vanished" in collapse.diagnose({"translation": 1e-5, "spread": 0.4}, 2.5)
    constant = {"translation": 0.5, "spread": 1e-3}
    assert "depth has become constant" in collapse.diagnose(constant, 2.5)


def test_beta_at_its_limit_everywhere_gets_advice():
    """Depth of one level has a spread of its own where beta differs a little: that says nothing."""
    logs = {"translation": 8.9, "spread": 0.13}
    advice = collapse.diagnose({**logs, "beta": 2.5}, 2.5)
    assert "beta is 2.5, its limit" in advice and "--clip_norm=0.05" in advice
    assert collapse.diagnose({**logs, "beta": 2.48}, 2.5) is None
    assert collapse.diagnose({**logs, "beta": 1.0}, 2.5) is None  # --noadaptive
    assert collapse.diagnose({**logs, "beta": 1.0}, 1.0) is None  # a limit that allows nothing else


def test_sentinel_stops_or_warns(caplog):
    bad = {"translation": 1e-6}
    with pytest.raises(collapse.Collapse, match="epoch 4: .*--collapse=stop"):
        collapse.CollapseSentinel("stop", 2.5).on_epoch_end(4, bad)
    collapse.CollapseSentinel("warn", 2.5).on_epoch_end(4, bad)
    assert "ego-motion has vanished" in caplog.text


def test_history_replaces_epochs_done_again(tmp_path):
    path = tmp_path / "history.csv"
    for epoch, loss in [(0, 3.0), (1, 2.0), (2, 1.0), (1, 1.5)]:
        history.History(path, "stage1", lambda e: 0.1, ["loss", "beta"]).on_epoch_end(
            epoch, {"loss": loss}
        )
    rows = history.read_history(path)
    assert [(row["epoch"], row["loss"], row["beta"]) for row in rows] == [
        ("0", "3", ""),
        ("1", "1.5", ""),
    ]


def test_saves_come_after_whole_executions():
    """Executions of two steps, a save every three, from the second step of epoch 4 on."""
    saved = []
    state = types.SimpleNamespace(sums={}, save=lambda *position: saved.append(position[:2]))
    quiet = types.SimpleNamespace(agreed=lambda: 0)
    saver = callbacks.CheckpointCallback(state, 3, Position(4, 2), quiet)
    saver.set_model(types.SimpleNamespace(means={}))
    for epoch in (4, 5):
        saver.on_epoch_begin(epoch)
        for last in (1, 3, 5):
            saver.on_train_batch_end(last)
    assert saved == [(4, 4), (4, 6), (5, 4), (5, 6)]
