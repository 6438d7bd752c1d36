"""An ablation on a tiny synthetic street: data, two trainings, evaluations, table, figures."""

import json

import pytest
import yaml
from PIL import Image

from aquanet_tf.ablation import plan
from tests.support import commands

TINY = [
    "--epochs=2",
    "--kickstart_epochs=1",
    "--steps_per_epoch=2",
    "--batch_size=1",
    "--crop_height=32",
    "--crop_width=96",
    "--pose_input_height=32",
    "--pose_input_width=96",
    "--width=0.05",
    "--pose_network_width=0.05",
    "--levels=3",
    "--perceptual_weight=0",
    "--vgg19_weights=none",
    "--panels_every=0",
    "--collapse=off",
    "--warp_impl=streaming",
]
STREET = "--drives=1 --test_drives=1 --frames=4 --height=40 --width=120 --seed=1 --workers=1"


@pytest.mark.slow
def test_two_rows_on_a_tiny_street(tmp_path):
    flagfile = tmp_path / "tiny.flags"
    flagfile.write_text("\n".join(TINY))
    split = "{out}/raw/splits/train.txt"
    document = {
        "data": [
            f"data_prep.street --out={{out}}/raw {STREET}",
            f"data_prep.kitti --raw_dir={{out}}/raw --split={split} --out={{out}}/records",
        ],
        "data_dir": "{out}/records",
        "gt_dir": "{out}/raw",
        "flagfile": str(flagfile),
        "evaluate": ["--split={gt_dir}/splits/test.txt"],
        "rows": {
            "one": {"name": "Stage 1", "evaluate": ["--mask_quality"]},
            "two": {"name": "Stage 2", "stage1": "one", "flags": ["--boosting_weight=0"]},
        },
        "figures": {"quantization": "one", "masks": "one", "stages": ["one", "two"]},
    }
    path, out = tmp_path / "ablation.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    done = commands.run("aquanet_tf.ablate", "--config", path, "--out", out)
    logs = "".join(file.read_text()[-1000:] for file in (out / "logs").glob("*.log"))
    assert done.returncode == 0, done.stderr[-2000:] + logs
    assert "| Stage 2 |" in done.stdout
    table = json.loads((out / "table.json").read_text())
    for row in table["rows"]:
        assert row["seeds"]["1"]["epoch"] == 2 and row["training_seconds"]["mean"] > 0
        assert 0 < row["summary"]["static"]["abs_rel"]["mean"] < 100
    names = {"quantization", "masks", "stages", "mask_curves_one"}
    assert {file.stem for file in (out / "figures").iterdir()} == names
    for name in names:
        with Image.open(out / "figures" / f"{name}.png") as picture:
            assert picture.width > 600 and len(set(picture.convert("L").getdata())) > 20
    assert len(list((out / "masks").glob("*/masks.json"))) == 1
    own = plan.read(path, out).workdir("two", 1) / "masks"
    assert own.resolve() == (out / "masks").resolve()


def test_a_bad_file_is_one_line(tmp_path):
    path = tmp_path / "ablation.yaml"
    path.write_text("rows: {one: {flagfile: nowhere.flags}}\ndata_dir: a\ngt_dir: b\n")
    done = commands.run("aquanet_tf.ablate", "--config", path, "--out", tmp_path / "out")
    commands.assert_user_error(done, path, "row one", "nowhere.flags")
    assert not (tmp_path / "out").exists()
