"""The page: what /view answers, and the page itself in a headless browser."""

import base64
import io
import json
import re
import shutil
import subprocess
import urllib.request

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")
for needed in ("tensorflow_serving", "starlette", "uvicorn"):
    pytest.importorskip(needed, reason="needs the extra `serve`")
from starlette.responses import HTMLResponse
from starlette.routing import Route

from aquanet_tf.media import depth_png
from export.serving import page as serving_page
from export.serving import versions
from tests.support import served

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
# A visitor: opens the page in a frame, drops files beside the box meant for them, moves the
# slider, notes what there is on a wide screen and on a narrow one.
VISITOR = """<iframe id="frame" src="/" width="1300" height="700"></iframe>
<pre id="seen"></pre><script>
const frame = document.getElementById("frame");
async function drop(data, name) {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name));
  const page = frame.contentDocument;
  const event = { dataTransfer: transfer, bubbles: true, cancelable: true };
  const caught = !page.body.dispatchEvent(new DragEvent("drop", event));
  while (!page.getElementById("status").textContent.startsWith(`${name} - `))
    await new Promise((wake) => setTimeout(wake, 20));
  await Promise.all([...page.images].filter((i) => i.src).map((i) => i.decode().catch(() => 0)));
  const figures = [...page.querySelectorAll("figure:not([hidden])")];
  page.getElementById("slider").value = 30;
  page.getElementById("slider").dispatchEvent(new Event("input"));
  const places = () => figures.map((figure) => figure.getBoundingClientRect().top);
  const wide = places();
  frame.width = 400;
  const narrow = places();
  const overflow = page.documentElement.scrollWidth > 400;
  frame.width = 1300;
  return {
    caught, wide, narrow, overflow,
    status: page.getElementById("status").textContent,
    hidden: page.getElementById("result").hidden,
    sizes: [...page.images].map((image) => [image.naturalWidth, image.naturalHeight]),
    clips: [...page.querySelectorAll(".pair img + img")].map(
      (map) => frame.contentWindow.getComputedStyle(map).clipPath,
    ),
    maps: figures.map((figure) => figure.querySelectorAll("img")[1].id),
    download: page.getElementById("download").href,
    saved: page.getElementById("download").download,
    captions: [...page.querySelectorAll("figcaption")].map((text) => text.textContent),
  };
}
frame.onload = async () => {
  const seen = [await drop("PICTURE", "good.png"), await drop("AAAA", "bad.png")];
  document.getElementById("seen").textContent = "SEEN" + btoa(JSON.stringify(seen)) + "END";
};
</script>"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    base = tmp_path_factory.mktemp("served")
    served.write_version(base, 1)
    html = VISITOR.replace("PICTURE", base64.b64encode(served.PNG).decode())
    pages = [Route("/visitor", lambda request: HTMLResponse(html))]
    with served.running(base, pages=pages) as server:
        yield server


def decoded(url):
    kind, _, data = url.partition(",")
    assert kind == "data:image/png;base64"
    return io.BytesIO(base64.b64decode(data))


def test_pictures(server):
    answer = served.ask(server, "/view", served.PNG)
    height, width = served.IMAGE.shape[:2]
    np.testing.assert_array_equal(Image.open(decoded(answer["image"])), served.IMAGE)
    for name in ("inverse_depth", "beta"):
        assert Image.open(decoded(answer[name])).size == (width, height)
    found = depth_png.read(decoded(answer["depth16"]))
    np.testing.assert_allclose(found, served.expected()[..., 0], atol=2e-5)
    assert "range of this picture" in answer["depth_range"]
    moving = served.expected()[..., 0] / 1.01 >= 0.5
    tinted = np.asarray(Image.open(decoded(answer["moving"])))
    np.testing.assert_array_equal(tinted[..., 0] != tinted[..., 2], moving)
    assert f"{moving.mean():.1%}" in answer["moving_share"]


def test_pictures_of_a_model_that_cannot_tell_what_moves(tmp_path):
    served.write_version(tmp_path, 1, moving=False)
    answer = serving_page.pictures(versions.ServedModel(tmp_path), served.PNG)
    assert answer["moving"] is answer["moving_share"] is None
    assert answer["inverse_depth"].startswith("data:image/png")


def test_pictures_turned_upright(server):
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    Image.fromarray(served.IMAGE).save(file, "JPEG", exif=exif)
    answer = served.ask(server, "/view", file.getvalue())
    assert Image.open(decoded(answer["depth16"])).size == served.IMAGE.shape[:2]


def test_refusals(server):
    file = io.BytesIO()
    Image.fromarray(np.zeros((300, 300), np.uint8)).save(file, "PNG")
    for data, words in ((b"", "JPEG or PNG"), (served.PNG[:80], ""), (file.getvalue(), "pixels")):
        assert words in served.ask(server, "/view", data, 400)["error"]
    served.ask(server, "/view", b" " * 1_000_001, 413)


def test_the_page_fetches_nothing_from_elsewhere(server):
    with urllib.request.urlopen(server.rest + "/") as response:
        page = response.read().decode()
    assert "16-bit" in page and "http" not in page


@pytest.mark.skipif(not BROWSER, reason="no Chromium here; Debian: apt-get install chromium")
def test_in_a_browser(server, tmp_path):
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    options += ["--disable-quic", "--no-first-run", "--disable-background-networking"]
    options += ["--disable-component-update", "--disable-sync"]
    # The browser's clock runs ahead of a busy server's: much virtual time, and more than one visit.
    options += ["--virtual-time-budget=600000", "--dump-dom", f"{server.rest}/visitor"]
    for _ in range(3):
        done = subprocess.run([BROWSER, *options], capture_output=True, text=True, timeout=300)
        if seen := re.search(r'<pre id="seen">SEEN(.+)END</pre>', done.stdout):
            break
    assert seen, done.stdout[-500:] + done.stderr[-1000:]
    good, bad = json.loads(base64.b64decode(seen.group(1)))
    height, width = served.IMAGE.shape[:2]
    assert good["caught"] and not good["hidden"] and good["sizes"] == [[width, height]] * 6
    assert good["status"] == f"good.png - {width} x {height} pixels, aquanet version 1"
    assert good["maps"] == ["inverse_depth", "moving", "beta"]
    assert len(set(good["wide"])) == 1 and len(set(good["narrow"])) == 3 and not good["overflow"]
    assert len(good["clips"]) == 3 and all("30%" in clip for clip in good["clips"])
    for caption, words in zip(good["captions"], ("range of this picture", "likely moving", "blue")):
        assert words in caption
    found = depth_png.read(decoded(good["download"]))
    np.testing.assert_allclose(found, served.expected()[..., 0], atol=2e-5)
    assert good["saved"] == "good_16bit.png"
    assert bad["hidden"] and "not a JPEG or PNG file" in bad["status"]
