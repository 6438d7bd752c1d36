"""The street's pictures, depth, poses and masks must agree with each other exactly."""

import numpy as np
import pytest

from data_prep.street.drive import Street, make_scene, plans
from data_prep.street.render import picture as render_picture
from data_prep.street.render import raycast

HEIGHT, WIDTH, FRAMES = 64, 208, 8


@pytest.fixture(scope="module", params=[0, 3])
def drive(request):
    """Views, pictures, depths, masks of the first frames of a drive, and its scene."""
    plan = plans(Street(4, 0, FRAMES, HEIGHT, WIDTH, seed=5))[request.param]
    scene, ripmap = make_scene(plan)
    frames = []
    for i in range(3):
        view = render_picture.camera(HEIGHT, WIDTH, scene.trip.rotation[i], scene.trip.position[i])
        moment = scene.moment(i)
        depth, moving = render_picture.ground_truth(view, moment)
        picture = render_picture.picture(view, moment, scene, ripmap).astype(float) / 255
        frames.append((view, moment, depth, moving, picture))
    return scene, frames


def bilinear(image, u, v):
    """Samples at pixel (u, v); the caller masks what lies outside."""
    height, width = image.shape[:2]
    x = np.clip(np.floor(u).astype(int), 0, width - 2)
    y = np.clip(np.floor(v).astype(int), 0, height - 2)
    a, b = u - x, v - y
    if image.ndim == 3:
        a, b = a[..., None], b[..., None]
    top = image[y, x] * (1 - a) + image[y, x + 1] * a
    return top * (1 - b) + (image[y + 1, x] * (1 - a) + image[y + 1, x + 1] * a) * b


def synthesized(target, other, depth, stand_still=False):
    """|target - other warped by depth and the true poses| and the depth there and expected."""
    view, there = target[0], other[0]
    v, u = np.mgrid[: view.height, : view.width].astype(float)
    rays = np.stack([(u - view.cx) / view.focal, (v - view.cy) / view.focal, np.ones_like(u)], -1)
    world = (rays * depth[..., None]) @ view.rotation.T + view.position
    origin = view.position if stand_still else there.position
    x, y, z = np.moveaxis((world - origin) @ there.rotation, -1, 0)
    safe = np.maximum(z, 0.1)
    u, v = view.focal * x / safe + view.cx, view.focal * y / safe + view.cy
    inside = (depth > 0) & (z > 0.1) & (u >= 0) & (v >= 0)
    inside &= (u <= view.width - 1) & (v <= view.height - 1)
    error = np.abs(bilinear(other[4], u, v) - target[4]).mean(axis=-1)
    return error, inside, bilinear(other[2], u, v) / safe


def test_the_next_frame_warped_by_exact_depth_and_pose_is_this_frame(drive):
    _, frames = drive
    for target, other in ((frames[0], frames[1]), (frames[1], frames[0]), (frames[1], frames[2])):
        depth, moving = target[2], target[3]
        error, inside, ratio = synthesized(target, other, depth)
        seen = inside & ~moving & (np.abs(ratio - 1) < 0.03)
        assert seen.mean() > 0.35
        exact = error[seen].mean()
        assert exact < 0.03
        # Wrong depth, wrong pose and no motion at all must each be clearly worse.
        assert synthesized(target, other, 1.5 * depth)[0][seen].mean() > 1.6 * exact
        assert synthesized(target, other, depth / 1.5)[0][seen].mean() > 1.6 * exact
        assert synthesized(target, other, depth, stand_still=True)[0][seen].mean() > 2.5 * exact


def test_a_leading_car_looks_infinitely_far_away():
    """Rotation alone, infinite depth, explains its pixels better than its true depth does."""
    far, true = [], []
    for plan in plans(Street(6, 0, 4, HEIGHT, WIDTH, seed=1)):
        scene, ripmap = make_scene(plan)
        pair = []
        for i in (1, 2):
            pose = scene.trip.rotation[i], scene.trip.position[i]
            view, moment = render_picture.camera(HEIGHT, WIDTH, *pose), scene.moment(i)
            depth, moving = render_picture.ground_truth(view, moment)
            picture = render_picture.picture(view, moment, scene, ripmap) / 255.0
            pair.append((view, moment, depth, moving, picture))
        view, depth = pair[0][0], pair[0][2]
        places = [(m.center - v.position) @ v.rotation for v, m, *_ in pair]
        carried = np.linalg.norm(places[1] - places[0], axis=1) < 0.12
        leader = np.isin(raycast.cast(view, pair[0][1])[1], np.flatnonzero(carried))
        if leader.sum() > 60:
            far.append(synthesized(*pair, np.full_like(depth, 1e5))[0][leader].mean())
            true.append(synthesized(*pair, depth)[0][leader].mean())
    assert len(far) >= 3
    assert np.median(far) < 0.6 * np.median(true)


def test_depth_is_that_of_the_nearest_surface_along_each_pixel_center_ray(drive):
    """Brute force over all solids, point by point, with another formula (march and bisect)."""
    _, frames = drive
    view, moment, depth, moving, _ = frames[0]
    rng = np.random.default_rng(0)
    for v, u in zip(rng.integers(0, HEIGHT, 60), rng.integers(0, WIDTH, 60)):
        ray = view.rotation @ [(u - view.cx) / view.focal, (v - view.cy) / view.focal, 1.0]
        nearest, owner = np.inf, -1
        if ray[1] > 0:
            nearest, owner = -view.position[1] / ray[1], 0
        for k in range(1, len(moment.yaw)):
            hit = reference_hit(view.position, ray, moment, k)
            if hit < nearest:
                nearest, owner = hit, k
        expected = nearest if nearest < 255 else 0.0
        assert depth[v, u] == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert moving[v, u] == (owner > 0 and moment.moving[owner])


def reference_hit(origin, ray, moment, k):
    c, s = np.cos(moment.yaw[k]), np.sin(moment.yaw[k])
    into = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    o, d, half = into @ (origin - moment.center[k]), into @ ray, moment.half[k]
    if moment.round[k]:
        o, d = o / half, d / half
        roots = np.roots([d @ d, 2 * o @ d, o @ o - 1])
        roots = roots[np.abs(roots.imag) < 1e-12].real
        return roots.min() if roots.size and roots.min() > 0.1 else np.inf
    best = np.inf
    for axis in range(3):
        for side in (-1, 1):
            t = (side * half[axis] - o[axis]) / d[axis]
            inside = np.abs(o + t * d) <= half * (1 + 1e-12) + 1e-12
            inside[axis] = True
            if t > 0.1 and inside.all():
                best = min(best, t)
    return best


def test_movers_are_on_the_street_and_the_camera_hits_nothing(drive):
    scene, frames = drive
    assert any(frame[3].any() for frame in frames)
    for i in range(FRAMES):
        view = render_picture.camera(32, 104, scene.trip.rotation[i], scene.trip.position[i])
        depth, _ = render_picture.ground_truth(view, scene.moment(i))
        assert depth[depth > 0].min() > 1.0


def test_supersampling_keeps_the_rays():
    """The mean of the two finer pixel centers is the pixel's center."""
    view = raycast.View(60.0, 50.0, 15.0, 32, 104, np.eye(3), np.zeros(3))
    for coarse, fine in zip(view.axes(), view.supersampled(2).axes()):
        np.testing.assert_allclose(fine.reshape(-1, 2).mean(axis=1), coarse, atol=1e-12)


def test_a_stop_stops_the_camera_and_the_leader():
    plan = plans(Street(24, 0, 24, HEIGHT, WIDTH, seed=2))[17]
    scene, _ = make_scene(plan)
    still = scene.trip.step == 0
    assert 2 <= still.sum() <= 5
    frame = int(np.flatnonzero(still)[0])
    np.testing.assert_array_equal(scene.trip.position[frame], scene.trip.position[frame + 1])
    np.testing.assert_array_equal(scene.trip.rotation[frame], scene.trip.rotation[frame + 1])
    others = [
        make_scene(p)[0].trip.step.min() for p in plans(Street(6, 2, 24, HEIGHT, WIDTH, seed=2))
    ]
    assert min(others) >= 0.5
