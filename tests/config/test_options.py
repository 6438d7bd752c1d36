import dataclasses
import json
import subprocess
import sys

import pytest
from absl import flags
from hypothesis import strategies as st

from aquanet_tf.config import command_line, rules
from aquanet_tf.config import fields as config_fields
from aquanet_tf.config.options import Config
from aquanet_tf.evaluation.metrics import METRICS
from aquanet_tf.evaluation.protocol import GROUND_TRUTHS
from tests.support import fuzz
from tests.support.commands import ROOT


def test_defaults_are_the_papers():
    paper = Config()
    assert (paper.levels, paper.crop_height, paper.crop_width) == (33, 192, 640)
    assert (paper.activation, paper.encoder) == ("elu", "residual")
    assert (paper.batch_size, paper.learning_rate, paper.epochs) == (8, 1e-4, 110)
    assert config_fields.parse_milestones(paper.milestones) == (60, 80, 100)
    assert (paper.perceptual_weight, paper.smoothness_weight) == (0.01, 0.1)
    assert (paper.spimo_passes, paper.spimo_shift_u, paper.spimo_shift_v) == (4, 0.5, -0.25)
    assert (paper.spimo_threshold, paper.boosting_weight) == (0.03, 0.1)
    assert (paper.kickstart_epochs, paper.pose_frozen_epochs, paper.kickstart_ramp) == (5, 0, 1.0)


@pytest.mark.parametrize(
    "bad, message",
    [
        ({"levels": 1}, "--levels=1: must be at least 2"),
        ({"batch_size": 0}, "--batch_size"),
        ({"depth_scaling": "up"}, "--depth_scaling='up': expected one of"),
        ({"learning_rate": float("nan")}, "--learning_rate"),
        ({"width": "wide"}, "--width='wide': expected float"),
        ({"flip": 1}, "--flip=1: expected bool"),
        ({"inverse_depth_min": 0.5}, "--inverse_depth_min must be below"),
        ({"resize_min": 2.0}, "--resize_min must not exceed"),
        ({"kickstart_epochs": 200}, "--kickstart_epochs"),
        ({"head": "direct"}, "--head=direct has no levels to warp forward"),
        ({"stage1_workdir": "run"}, "--stage1_workdir is for --stage=2"),
        ({"stage": "both", "stage1_workdir": "run"}, "--stage=both trains its own stage 1"),
        ({"spimo_passes": 5}, "--spimo_passes=5: must be at most 4"),
        ({"encoder_weights": "some"}, "--encoder_weights is for --encoder=mobile"),
        ({"activation": "tanh"}, "--activation='tanh': expected one of elu, relu"),
        ({"milestones": "60;80"}, "--milestones='60;80'"),
        ({"milestones": "60,-80"}, "--milestones='60,-80'"),
        ({"learning_rate": 1e9}, "--learning_rate=1000000000.0: must be at most 1.0"),
        ({"learning_rate": -1e-4}, "--learning_rate=-0.0001: must be at least"),
        ({"clip_norm": float("inf")}, "--clip_norm=inf: expected a finite number"),
        ({"crop_width": 10**6}, "--crop_width=1000000: must be at most 8192"),
        ({"seed": 2**40}, "--seed=1099511627776: must be at most"),
        ({"checkpoint_steps": -1}, "--checkpoint_steps=-1: must be at least 0"),
        ({"keep_checkpoints": 0}, "--keep_checkpoints=0: must be at least 1"),
        ({"keep_best": "smoothness"}, "--keep_best='smoothness': expected one of abs_rel"),
        ({"keep_best": "abs_rel"}, "--keep_best=abs_rel: needs ground truth, --val_gt_dir"),
        ({"keep_best": "val_loss"}, "--keep_best=val_loss: needs validation data"),
        ({"keep_best": "loss", "stage": "both"}, "--keep_best=loss: in stage 2 the boosting loss"),
        (
            {"encoder": "mobile", "encoder_weights": "some", "init_from": "run"},
            "--init_from and --encoder_weights both start the encoder",
        ),
        ({"anchor_weight": 0.1}, "--anchor_weight keeps depth near that of a trained network"),
        (
            {"anchor_weight": 0.1, "init_from": "run", "init_partial": True},
            "without --init_partial",
        ),
        ({"stage": "both", "kickstart_epochs": 0}, "--kickstart_epochs=0: train the stages by two"),
    ],
)
def test_bad_values_are_named(bad, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        Config(**bad)


def test_what_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match="--working_height=8: must be at least 16"):
        Config(working_height=8)
    with pytest.raises(ValueError, match="--synthesis=l1_ssim needs 2 pixels"):
        Config(synthesis="l1_ssim", crop_height=32, pyramid_scales=6)
    assert Config(synthesis="l1_ssim", crop_height=64, pyramid_scales=6, working_height=16)
    with pytest.raises(ValueError, match="--ema=1.0"):
        Config(ema=1.0)


@fuzz.lengths(200)
def test_absurd_values_are_refused_by_name(examples):
    """One line that begins with the flag; what is taken is of the right type and within bounds."""
    fields = dataclasses.fields(Config)
    absurd = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    absurd |= st.sampled_from([10**400, -(10**400), 1e308, "\n", "1,,2", "--", [], {}])

    def check(field, value):
        try:
            found = Config(**{field.name: value})
        except ValueError as error:
            assert str(error).startswith("--") and field.name in str(error)
            assert "\n" not in str(error)
        else:
            assert type(getattr(found, field.name)) in (type(field.default), int)

    fuzz.run(examples, check, st.sampled_from(fields), absurd)


def test_what_may_change_when_a_run_is_resumed():
    """Networks, losses and batches may not, nor when each epoch trains what."""
    assert set(config_fields.named(Config, resumable=True)) == {
        *("data_dir", "val_data_dir", "stage1_workdir", "vgg19_weights", "encoder_weights"),
        *("epochs", "learning_rate", "kickstart_learning_rate", "milestones", "clip_norm"),
        *("rate_schedule", "warmup_epochs", "working_height", "grid_shift"),
        *("warp_impl", "deterministic", "strategy", "replicas"),
        *("panels_every", "checkpoint_steps", "keep_checkpoints", "keep_best", "collapse"),
        *("init_from", "init_checkpoint", "init_partial", "init_kickstart"),
        *("val_gt_dir", "val_split", "val_ground_truth", "val_gt_frames", "val_gt_every"),
    }


def test_what_the_masks_depend_on():
    names = [f.name for f in dataclasses.fields(Config) if f.name.startswith("spimo_")]
    assert config_fields.named(Config, affects="masks") == names and len(names) == 9
    assert {f.metadata["affects"] for f in dataclasses.fields(Config)} == {"", "masks"}


def test_the_home_is_expanded_in_every_path(tmp_path, monkeypatch):
    """On the command line and in a flagfile; nowhere else is ~ anything but a letter."""
    monkeypatch.setenv("HOME", str(tmp_path))
    texts = [f for f in dataclasses.fields(Config) if f.type == "str" and not f.metadata["choices"]]
    others = {field.name for field in texts if not field.metadata["paths"]}
    # A new text: is it a path?
    assert others == {"data_weights", "milestones", "init_checkpoint", "keep_best"}
    (tmp_path / "a.flags").write_text("--data_dir=~/one,/two,~/three\n")
    given = ["--flagfile=~/a.flags", "--vgg19_weights=~/vgg.h5", "--val_data_dir=~", "--stage=2"]
    found = command_line.parse([*given, "--stage1_workdir=~/run"])
    assert found.data_dir == f"{tmp_path}/one,/two,{tmp_path}/three"
    assert found.vgg19_weights == f"{tmp_path}/vgg.h5" and found.val_data_dir == str(tmp_path)
    assert found.stage1_workdir == f"{tmp_path}/run"
    assert command_line.parse([]) == Config()


@pytest.mark.parametrize("name", METRICS)
def test_the_best_epoch_may_be_that_of_every_metric(name):
    config = Config(keep_best=name, val_gt_dir="raw")
    assert rules.best_column(config) == f"val_{name}"


def test_every_option_is_explained():
    for field in dataclasses.fields(Config):
        text = field.metadata["help"]
        assert text.endswith(".") and "design section" not in text, field.name


def test_the_options_need_no_tensorflow():
    code = "import sys; from aquanet_tf.config import Config; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_json_round_trip(tmp_path):
    options = Config(width=0.5, flip=False, milestones="")
    options.save(tmp_path / "config.json")
    assert Config.load(tmp_path / "config.json") == options


@pytest.mark.parametrize("text", ["{", "[]", '{"color": 1}', '{"levels": 0}'])
def test_damaged_json_is_a_clear_error(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ValueError):
        Config.load(path)
    with pytest.raises(ValueError, match="no such file"):
        Config.load(tmp_path / "none.json")


def test_every_field_becomes_a_flag():
    values = flags.FlagValues()
    command_line.define_flags(values)
    values(["prog", "--levels=17", "--noflip", "--width=0.25", "--depth_scaling=none"])
    expected = Config(levels=17, flip=False, width=0.25, depth_scaling="none")
    assert command_line.from_flags(values) == expected
    assert set(json.loads(json.dumps(dataclasses.asdict(expected)))) <= set(values)


def test_the_names_of_metrics_and_ground_truths_are_those_of_evaluation():
    """`config` is below `evaluation` and cannot ask it."""
    assert rules._DEPTH_METRICS == METRICS
    (field,) = (f for f in dataclasses.fields(Config) if f.name == "val_ground_truth")
    assert set(field.metadata["choices"]) == set(GROUND_TRUTHS)
