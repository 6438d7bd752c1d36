"""The development server's web page: drop an image, compare it with its depth.

| request    | answer                                                                        |
|------------|-------------------------------------------------------------------------------|
| GET  /     | the page; it loads nothing from other servers                                 |
| POST /view | body: a JPEG or PNG file; JSON of PNG files as data URLs, and their ranges    |
"""

from __future__ import annotations

import base64
import io

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from aquanet_tf.inference import saved_model
from aquanet_tf.media import color, depth_png, images
from export.serving import rest
from export.serving.versions import RequestError, ServedModel, file_size


def routes(model: ServedModel, max_bytes: int) -> list[Route]:
    """The two routes of the table, for `rest.application`."""

    async def page(request: Request):
        return HTMLResponse(PAGE)

    async def view(request: Request):
        data = await rest.body(request, max_bytes)
        return JSONResponse(await run_in_threadpool(pictures, model, data))

    return [Route("/", page), Route("/view", view, methods=["POST"])]


def pictures(model: ServedModel, data: bytes) -> dict:
    """The answer of /view for the bytes of one image file.

    Returns data URLs `image` (upright), `inverse_depth`, `beta`, `depth16`; texts `about`,
    `depth_range`, `beta_range`; and `moving`, `moving_share` for a model with the signature
    moving_objects, else None. The color ranges are those of this image; the texts give them.

    Raises RequestError for a file that is no image or too large.
    """
    height, width = file_size(data)
    if height * width > model.max_pixels:  # before decoding
        raise RequestError(f"more than {model.max_pixels} pixels")
    try:
        image = images.read_image(io.BytesIO(data))
    except ValueError as error:
        raise RequestError("not a readable picture") from error
    version = model.version(model.name)
    can_tell = saved_model.MOVING in version.signatures
    signature = saved_model.MOVING if can_tell else saved_model.SIGNATURES[0]
    maps = model.predict(version, signature, {"image": image[None]})
    maps = {name: value[0, ..., 0] for name, value in maps.items()}
    inverse_depth, beta = maps["inverse_depth"], maps["beta"]
    low, high = color.robust_range([inverse_depth])
    colored = color.color_inverse_depth(inverse_depth, low, high)
    beta_max = max(1.01, float(np.exp(np.abs(np.log(beta)).max())))
    depth16 = io.BytesIO()
    depth_png.write(depth16, inverse_depth, float(inverse_depth.max()) / depth_png.LEVELS)
    height, width = inverse_depth.shape
    return {
        "about": f"{width} x {height} pixels, {model.name} version {version.number}",
        "image": _url(saved_model.png(image)),
        "inverse_depth": _url(saved_model.png(colored)),
        "beta": _url(saved_model.png(color.color_beta(beta, beta_max))),
        "depth16": _url(depth16.getvalue()),
        "depth_range": f"inverse depth {low:.4g} (dark, far) to {high:.4g} (bright, near): the "
        "range of this picture",
        "moving": _url(saved_model.png(_tinted(image, maps["static_mask"]))) if can_tell else None,
        "moving_share": f"likely moving (SPIMO), in red: {1 - maps['static_mask'].mean():.1%} of "
        "the pixels"
        if can_tell
        else None,
        "beta_range": f"{1 / beta_max:.3g} (blue) to {beta_max:.3g} (red); 1 (white) spaces the "
        "depth levels exponentially",
    }


def _tinted(image, static_mask):
    """The image in gray, tinted red where the mask is 0."""
    gray = np.repeat(image.mean(-1, keepdims=True), 3, -1)
    red = 0.4 * gray + 0.6 * np.array([255.0, 40.0, 20.0])
    return np.where(static_mask[..., None] == 0, red, gray).astype(np.uint8)


def _url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>AQUANet: depth of a picture</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1600px; padding: 1rem;
       background: #18191d; color: #e8eaee }
h1 { margin: 0; font-size: 1.5rem } h1 + p { margin: .25rem 0 .75rem; color: #a9afba }
#drop { display: block; border: 2px dashed #777; border-radius: 8px; padding: 1.5rem;
        text-align: center; cursor: pointer }
.over #drop, #drop:focus-within { border-color: #00e5ff; background: #20252b }
#drop u { color: #00e5ff }
#file { position: absolute; opacity: 0; width: 1px } /* not hidden: the keyboard reaches it */
#status { min-height: 1.5em; margin: .5rem 0 }
#result { transition: opacity .2s } #result.stale { opacity: .35 }
#compare { display: flex; gap: .75rem; align-items: center; margin-bottom: .5rem }
#slider { flex: 1; accent-color: #00e5ff }
#maps { display: grid; gap: 1rem; --at: 50%;
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)) }
.pair { position: relative; line-height: 0; cursor: ew-resize; touch-action: pan-y;
        user-select: none; border-radius: 4px; overflow: hidden }
.pair img { width: 100% }
.pair img + img { position: absolute; inset: 0; clip-path: inset(0 0 0 var(--at)) }
.pair::after { content: ""; position: absolute; inset: 0 auto 0 calc(var(--at) - 1px);
               width: 2px; background: #fff; box-shadow: 0 0 3px #000 }
figure { margin: 0 } figcaption { margin-top: .35rem } figcaption small { color: #a9afba }
a { color: #00e5ff } [hidden] { display: none !important }
#download { display: inline-block; border: 1px solid; border-radius: 6px; padding: .35rem .8rem;
            margin-right: .5rem; text-decoration: none }
.error { color: #ff9d8a }
</style>
<h1>Depth of a picture</h1>
<p>One picture of a road in; out come depth, what likely moves, and the network's beta, each to be
compared with the picture.</p>
<label id="drop">Drop a JPEG or PNG file on this page, or <u>choose one</u>
<input id="file" type="file" accept="image/jpeg,image/png"></label>
<p id="status" role="status"></p>
<main id="result" hidden>
<label id="compare">picture <input id="slider" type="range" min="0" max="100" value="50"
aria-label="how much of the picture, how much of the maps"> map</label>
<div id="maps">
<figure><div class="pair"><img alt="the picture"><img id="inverse_depth" alt="inverse depth"></div>
<figcaption><b>Depth</b><br><small id="depth_range"></small></figcaption></figure>
<figure id="moving_figure"><div class="pair"><img alt="the picture"><img id="moving"
alt="likely moving"></div><figcaption><b>Mask</b><br><small id="moving_share"></small></figcaption>
</figure>
<figure><div class="pair"><img alt="the picture"><img id="beta" alt="beta"></div>
<figcaption><b>Beta</b><br><small id="beta_range"></small></figcaption></figure>
</div>
<p><a id="download" download="depth_16bit.png">Download 16-bit depth</a> A PNG file: inverse depth
is its value times the scale in its text, depth 1 / inverse depth, up to one unknown scale.</p>
</main>
<script>
const get = (id) => document.getElementById(id);
let last = 0;
function slide() {
  get("maps").style.setProperty("--at", `${get("slider").value}%`);
}
async function show(file) {
  if (!file) return;
  const mine = ++last; // of two pictures the later one counts, whichever answer comes first
  get("status").className = "";
  get("status").textContent = `${file.name}: working ...`;
  get("result").classList.add("stale");
  let answer, failure;
  try {
    const response = await fetch("view", { method: "POST", body: file });
    answer = await response.json();
    if (!response.ok) failure = answer.error;
  } catch (error) {
    failure = `the server did not answer (${error.message})`;
  }
  if (mine !== last) return;
  get("result").hidden = Boolean(failure);
  get("status").className = failure ? "error" : "";
  if (!failure) fill(file, answer);
  get("status").textContent = `${file.name} - ${failure || answer.about}`;
}
function fill(file, answer) {
  get("moving_figure").hidden = !answer.moving;
  for (const figure of document.querySelectorAll("figure:not([hidden])")) {
    const [picture, map] = figure.querySelectorAll("img");
    picture.src = answer.image;
    map.src = answer[map.id];
  }
  for (const text of document.querySelectorAll("figcaption small"))
    text.textContent = answer[text.id];
  get("download").href = answer.depth16;
  get("download").download = `${file.name.replace(/\\.[^.]*$/, "")}_16bit.png`;
  get("result").classList.remove("stale");
}
get("slider").addEventListener("input", slide);
get("file").addEventListener("change", (event) => {
  show(event.target.files[0]);
  event.target.value = ""; // so that the same file may be chosen again
});
for (const pair of document.querySelectorAll(".pair"))
  for (const kind of ["pointerdown", "pointermove"])
    pair.addEventListener(kind, (event) => {
      if (!event.buttons) return;
      event.preventDefault();
      const box = pair.getBoundingClientRect();
      get("slider").value = (100 * (event.clientX - box.left)) / box.width;
      slide();
    });
// On the whole page: a file that misses the frame would otherwise replace it.
for (const kind of ["dragover", "dragleave", "drop"])
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    document.body.classList.toggle("over", kind === "dragover");
    if (kind === "drop") show(event.dataTransfer.files[0]);
  });
slide();
</script>
</html>
"""
