"""Files that predict writes, with a prediction function of the test's own."""

import errno
import pathlib

import imageio_ffmpeg
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aquanet_tf import files, predict
from aquanet_tf.inference import Network, open_model, predict_all
from aquanet_tf.media import color, depth_png, images, point_cloud, video
from aquanet_tf.media.pictures import Pictures
from tests.support import clips, commands, runs

D_MAX = 0.3


class Brightness(Network):
    """Inverse depth from brightness, 0.. 0.3; bright red moves. Files do not show its scale."""

    kind, height, epoch, inverse_depth_max, beta_max = "test", 32, 2, D_MAX, 2.5
    metres_per_unit = 2.0
    has_moving = True

    def maps(self, images):
        inverse_depth = images.mean(-1).astype(np.float32) / 255 * D_MAX
        return {"inverse_depth": inverse_depth, "beta": np.ones_like(inverse_depth)}

    def moving(self, image):
        return image[..., 0] > 99


network = Brightness()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "in"
    path.mkdir()
    rng = np.random.default_rng(0)
    for name, shape in (("a.png", (11, 17)), ("b.jpg", (8, 30)), ("b.png", (9, 9))):
        Image.fromarray(rng.integers(0, 255, (*shape, 3)).astype(np.uint8)).save(path / name)
    return path


def run(folder, out, **kwargs):
    return predict_all.predict_all(sorted(folder.iterdir()), network, out, **kwargs)


def test_every_file_is_there_and_says_the_same(folder, tmp_path):
    out = tmp_path / "out"
    document = run(folder, out)
    assert files.read(out / "predictions.json")["png16_scale"] == document["png16_scale"]
    names = [entry["name"] for entry in document["images"]]
    assert names == ["a", "b.jpg", "b.png"]  # the shared stem keeps its suffix
    for entry in document["images"]:
        inverse = np.load(out / f"{entry['name']}.npy")
        assert inverse.dtype == np.float32 and inverse.shape == (entry["height"], entry["width"])
        again = depth_png.read(out / f"{entry['name']}_16bit.png")
        assert np.abs(again - inverse).max() <= 0.51 * document["png16_scale"]
        with Image.open(out / f"{entry['name']}_color.png") as picture:
            low, high = map(float, picture.info["colour_range"].split(","))
            colors = np.asarray(picture)
        assert (low, high) == tuple(document["colour_range"])
        expected = color.color_inverse_depth(inverse, low, high)
        np.testing.assert_array_equal(colors, expected)
    text = predict_all.summary(document)
    assert "3 images" in text and "ms per image" in text and "the same for all images" in text


def test_given_range_is_used(folder, tmp_path):
    document = run(folder, tmp_path / "out", color_range=(0.1, 0.2))
    assert document["colour_range"] == (0.1, 0.2)


def test_moving_pixels_are_written_where_asked_for(folder, tmp_path):
    run(folder, tmp_path / "plain")
    assert not list((tmp_path / "plain").glob("*_moving.png"))
    run(folder, tmp_path / "out", formats=("moving",))
    with Image.open(folder / "a.png") as image, Image.open(tmp_path / "out/a_moving.png") as mask:
        expected = np.where(np.asarray(image)[..., 0] > 99, 255, 0)
        np.testing.assert_array_equal(np.asarray(mask), expected)


def test_moving_pixels_of_a_network_that_cannot_tell_are_refused_at_once(folder, tmp_path):
    silent = Brightness()
    silent.has_moving = False
    with pytest.raises(ValueError, match="--write=moving"):
        predict_all.predict_all([folder / "a.png"], silent, tmp_path / "out", formats=("moving",))
    assert not (tmp_path / "out").exists()


def test_bad_images_are_named_and_the_rest_is_done(folder, tmp_path):
    (folder / "a0_broken.png").write_bytes((folder / "a.png").read_bytes()[:60])
    document = run(folder, tmp_path / "out")
    assert len(document["images"]) == 3 and len(document["failed"]) == 1
    assert "a0_broken.png" in document["failed"][0]["error"]
    assert not list((tmp_path / "out").glob("a0_broken*"))


def test_a_strip_is_skipped_and_named(folder, tmp_path):
    Image.new("RGB", (20000, 6)).save(folder / "strip.png")
    document = run(folder, tmp_path / "out")
    assert len(document["images"]) == 3
    (failed,) = document["failed"]
    assert failed["error"].startswith(f"{folder / 'strip.png'}: 20000x6 pixels are more than 32")


def test_an_unreadable_video_leaves_no_folder(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    out = tmp_path / "out"
    document = predict_all.predict_all([tmp_path / "clip.mp4"], network, out, formats=("npy",))
    assert document["failed"] and [path.name for path in out.iterdir()] == ["predictions.json"]


def test_nothing_readable(tmp_path):
    (tmp_path / "x.png").write_bytes(b"")
    document = predict_all.predict_all([tmp_path / "x.png"], network, tmp_path / "out")
    assert document["colour_range"] is None
    assert "nothing was predicted" in predict_all.summary(document)


def test_results_never_lie_beside_their_images(folder):
    """A file of the user with the name of a result would be replaced."""
    (folder / "a_16bit.png").write_bytes((folder / "a.png").read_bytes())
    before = {path: path.read_bytes() for path in folder.iterdir()}
    document = run(folder, folder)
    assert not document["images"] and len(document["failed"]) == 4
    assert f"lies in --out={folder}" in document["failed"][0]["error"]
    assert {path: path.read_bytes() for path in before} == before


def test_a_file_cut_off_by_a_full_disk_is_removed_and_named(folder, tmp_path, monkeypatch):
    def full(path, *given):
        pathlib.Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(depth_png, "write", full)
    out = tmp_path / "out"
    with pytest.raises(OSError, match=r"cannot write .*a_16bit\.png: No space left"):
        run(folder, out, formats=("png16",))
    assert not list(out.glob("*.png"))


def test_formats(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out, formats=("ply",), camera=point_cloud.Camera(fov=90.0))
    assert sorted(path.name for path in out.iterdir()) == [
        "a.ply",
        "b.jpg.ply",
        "b.png.ply",
        "predictions.json",
    ]
    out = tmp_path / "colors"  # leaves nothing behind of what it kept for the second pass
    run(folder, out, formats=("color",))
    assert len(list(out.iterdir())) == 4
    document = run(folder, tmp_path / "none", formats=("ply",))
    assert len(document["failed"]) == 3 and "--fov" in document["failed"][0]["error"]
    assert predict.parse_write(" npy, ply") == ("npy", "ply") and predict.parse_write("") == ()
    with pytest.raises(ValueError, match="--write=npy,exr"):
        predict.parse_write("npy,exr")


def test_a_clip_has_one_range(tmp_path):
    path = tmp_path / "clip.mp4"
    with video.writing(path, 18, 31, 8.0, "") as append:  # gray, brighter with every frame
        for number in range(10):
            append(np.full((18, 31, 3), 20 * number, np.uint8))
    out = tmp_path / "out"
    document = predict_all.predict_all([path], network, out, formats=("npy", "color"))
    (clip,) = document["videos"]
    assert clip["frames"] == 10 and (clip["height"], clip["width"]) == (18, 32)
    low, high = clip["colour_range"]
    assert low < 0.02 < 0.19 < high  # the dark first and the bright last frame
    pictures = list(video.frames(out / "clip_color.mp4"))
    assert len(pictures) == 10
    for number, picture in enumerate(pictures):
        inverse_depth = np.load(out / "clip" / f"{number:06d}.npy")
        expected = color.color_inverse_depth(inverse_depth, low, high)
        assert np.abs(picture.mean((0, 1)) - expected.mean((0, 1))).max() < 12  # it is H.264
        with Image.open(out / "clip" / f"{number:06d}_color.png") as colors:
            np.testing.assert_array_equal(colors, expected)
    assert "10 frames" in predict_all.summary(document) and not list(out.glob(".*"))
    path.write_bytes(b"no video")
    document = predict_all.predict_all([path], network, tmp_path / "broken")
    assert "clip.mp4: not a readable video" in document["failed"][0]["error"]


@pytest.mark.parametrize("make, suffix", [(clips.varying, "mp4"), (clips.wrong, "avi")])
def test_a_clip_keeps_its_frames_and_its_duration_whatever_its_header_says(tmp_path, make, suffix):
    """A phone's varying frame rate; a header that says 60 frames a second instead of 20."""
    path = make(tmp_path / f"clip.{suffix}")
    frames, seconds = (24, 3.65) if make is clips.varying else (40, 2.0)
    out = tmp_path / "out"
    document = predict_all.predict_all([path], network, out, formats=("npy", "color"))
    (entry,) = document["videos"]
    assert entry["frames"] == frames == len(list((out / "clip").glob("*.npy")))
    assert imageio_ffmpeg.count_frames_and_secs(str(out / "clip_color.mp4")) == (
        frames,
        pytest.approx(seconds, abs=0.07),
    )


def pincushion(path):
    """A camera file without a size; a margin has no image after it is undistorted."""
    k = {"fx": 12.0, "fy": 12.0, "cx": 8.0, "cy": 4.5, "distortion": [0.2, 0, 0, 0]}
    files.write(path, k)
    return path


def test_undistorted_images_are_what_is_predicted_and_written(folder, tmp_path):
    path = pincushion(tmp_path / "camera.json")
    camera = point_cloud.parse_camera(str(path), 0, undistort=True)
    out = tmp_path / "out"
    formats = ("npy", "ply", "color")
    for name in ("b.jpg", "b.png"):  # of other aspects
        (folder / name).unlink()
    with video.writing(folder / "c.mp4", 12, 18, 5.0, "") as append:
        for number in range(3):
            append(np.full((12, 18, 3), 80 * number + 40, np.uint8))
    document = run(folder, out, camera=camera, formats=formats)
    assert not document["failed"]
    pictures = Pictures(camera)
    for entry in document["images"]:
        seen = pictures.read(pathlib.Path(entry["input"]))
        shape = entry["height"], entry["width"]
        assert seen.image.shape[:2] == shape and entry["undistorted"]["K"] == seen.camera.k.tolist()
        inverse = np.load(out / f"{entry['name']}.npy")
        np.testing.assert_array_equal(inverse, network.maps(seen.image[None])["inverse_depth"][0])
        with Image.open(out / f"{entry['name']}_color.png") as colors:
            assert colors.size == shape[::-1]
        header = (out / f"{entry['name']}.ply").read_bytes()[:200]
        assert f"element vertex {shape[0] * shape[1]}\n".encode() in header
    (clip,) = document["videos"]
    assert clip["frames"] == 3 and (clip["height"], clip["width"]) < (12, 18)
    shown = next(video.frames(out / "c_color.mp4")).shape  # even sizes
    assert shown == (clip["height"] + clip["height"] % 2, clip["width"] + clip["width"] % 2, 3)
    assert np.load(out / "c" / "000001.npy").shape == (clip["height"], clip["width"])


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-3, 10), st.integers(0, 1000))
def test_png16_keeps_half_a_step(tmp_path_factory, d_max, seed):
    path = tmp_path_factory.mktemp("png16") / "a.png"
    inverse = np.random.default_rng(seed).uniform(0, d_max, (5, 7)).astype(np.float32)
    depth_png.write(path, inverse, d_max / 65535)
    np.testing.assert_allclose(depth_png.read(path), inverse, atol=0.51 * d_max / 65535)


def test_foreign_png_has_no_scale(tmp_path):
    Image.fromarray(np.zeros((2, 2), np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="a.png: no scale"):
        depth_png.read(tmp_path / "a.png")


def test_range_flag():
    assert predict.parse_range("") is None
    assert predict.parse_range("0.01, 0.3") == (0.01, 0.3)
    for text in ("1", "a,b", "0.3,0.1", "1,2,3", "nan,1"):
        with pytest.raises(ValueError, match="--range"):
            predict.parse_range(text)


def test_command_on_a_folder_with_one_bad_image(folder, tmp_path):
    workdir = runs.write(tmp_path / "run")
    (folder / "bad.png").write_bytes(b"no image")
    out = tmp_path / "out"
    arguments = ("--workdir", workdir, "--input", folder, "--out", out)
    arguments += ("--write", "npy,color,moving", "--checkpoint=2", "--grid_shift=0.5")
    done = commands.run("aquanet_tf.predict", *arguments)
    commands.assert_user_error(done, "1 of 4 inputs")
    assert "bad.png" in done.stderr and "ms per image" in done.stdout
    assert "NumExpr" not in done.stderr, "what a library says at its start"
    maps = np.load(out / "a.npy")
    assert maps.shape == (11, 17)
    model = open_model(workdir, grid_shift=0.5)
    np.testing.assert_allclose(maps, model(images.read_image(folder / "a.png")).inverse_depth)
    assert len(list(out.glob("*_color.png"))) == len(list(out.glob("*_moving.png"))) == 3


def test_command_announces_no_results_where_there_are_none(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    arguments = ("--workdir", "pretrained/street", "--input", tmp_path / "bad.png")
    done = commands.run("aquanet_tf.predict", *arguments, "--out", tmp_path / "out")
    commands.assert_user_error(done, "1 of 1 inputs")
    assert "nothing was predicted" in done.stdout and "written:" not in done.stdout


def test_command_takes_exports_and_a_stream_of_paths(folder, tmp_path):
    pytest.importorskip("tensorflow")
    from export import tflite

    workdir = runs.write(tmp_path / "run")
    lite = tflite.export_tflite(workdir, tmp_path / "a.tflite")
    done = commands.run(
        "aquanet_tf.predict",
        *("--model", lite, "--input", "-", "--out", tmp_path / "out", "--write", "png16,ply"),
        *("--intrinsics", pincushion(tmp_path / "camera.json"), "--undistort"),
        input=f"{folder / 'a.png'}\n\n{folder / 'b.jpg'}\n",
    )
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["a.ply", "a_16bit.png", "b.ply", "b_16bit.png", "predictions.json"]
    for entry in files.read(tmp_path / "out" / "predictions.json")["images"]:
        assert entry["height"] * entry["width"] < {"a": 11 * 17, "b": 8 * 30}[entry["name"]]


def test_command_errors_are_one_line(folder, tmp_path):
    needed = ["--workdir", tmp_path / "run", "--out", tmp_path / "out"]
    for arguments, words in (
        (["--input", tmp_path / "nothing"], ["nothing"]),
        (["--input", folder, "--range", "2,1"], ["--range=2,1"]),
        (["--input", folder, "--out", folder], ["--out"]),
        (["--input", folder / "a.png", "--out", folder], ["--out", "a.png"]),
        (["--input", ""], ["--input"]),
        (["--input", folder, "--range", "0,inf"], ["--range=0,inf"]),
        (["--input", folder, "--model", folder], ["--model", "--workdir"]),
    ):
        commands.assert_user_error(commands.run("aquanet_tf.predict", *needed, *arguments), *words)
