"""A page for people on the development server: drop a picture, compare it with its depth.

| request    | answer                                                                        |
|------------|-------------------------------------------------------------------------------|
| GET  /     | the page; nothing in it comes from elsewhere                                  |
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

from aquanet_tf import artefact, images, png16, visualize
from export import rest
from export.models import Models, RequestError, file_pixels


def routes(models: Models, max_bytes: int) -> list[Route]:
    """The two routes of the table, for `rest.application`."""

    async def page(request: Request):
        return HTMLResponse(PAGE)

    async def view(request: Request):
        data = await rest.body(request, max_bytes)
        return JSONResponse(await run_in_threadpool(pictures, models, data))

    return [Route("/", page), Route("/view", view, methods=["POST"])]


def pictures(models: Models, data: bytes) -> dict:
    """One picture file -> data URLs `image` (upright), `inverse_depth`, `beta`, `depth16` and
    texts `depth_range`, `beta_range`. The colour ranges are of this picture alone, and said.

    Raises RequestError for what is no picture, or too large.
    """
    if file_pixels(data) > models.max_pixels:  # before it is unpacked
        raise RequestError(f"more than {models.max_pixels} pixels")
    try:
        image = images.read_image(io.BytesIO(data))
    except ValueError as error:
        raise RequestError("not a readable picture") from error
    maps = models.predict(models.version(models.name), "serving_default", {"image": image[None]})
    inverse_depth, beta = (maps[name][0, ..., 0] for name in ("inverse_depth", "beta"))
    low, high = visualize.robust_range([inverse_depth])
    coloured = visualize.colour_inverse_depth(inverse_depth, low, high)
    beta_max = max(1.01, float(np.exp(np.abs(np.log(beta)).max())))
    depth16 = io.BytesIO()
    png16.write(depth16, inverse_depth, float(inverse_depth.max()) / png16.LEVELS)
    return {
        "image": _url(artefact.png(image)),
        "inverse_depth": _url(artefact.png(coloured)),
        "beta": _url(artefact.png(visualize.colour_beta(beta, beta_max))),
        "depth16": _url(depth16.getvalue()),
        "depth_range": f"inverse depth {low:.4g} (dark, far) to {high:.4g} (bright, near), "
        "range of this picture",
        "beta_range": f"beta {1 / beta_max:.3g} (blue) to {beta_max:.3g} (red)",
    }


def _url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>AQUANet: depth of a picture</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1100px; padding: 1rem;
       background: #18191d; color: #e8eaee }
#drop { display: block; border: 2px dashed #777; border-radius: 8px; padding: 2rem;
        text-align: center; cursor: pointer }
#drop.over, #drop:focus-within { border-color: #00e5ff }
#pair { position: relative; line-height: 0 }
#pair img, #beta { width: 100% }
#depth { position: absolute; inset: 0 }
input[type=range] { width: 100% }
figure { margin: 1rem 0 } a { color: #00e5ff } [hidden] { display: none }
.error { color: #ff9d8a }
</style>
<h1>Depth of a picture</h1>
<label id="drop">Drop a JPEG or PNG file here, or choose one
<input id="file" type="file" accept="image/jpeg,image/png"></label>
<p id="status" role="status"></p>
<main id="result" hidden>
<figure><div id="pair"><img id="image" alt="the picture"><img id="depth" alt="inverse depth"></div>
<input id="slider" type="range" min="0" max="100" value="50" aria-label="picture or depth">
<figcaption id="depth_range"></figcaption></figure>
<figure><img id="beta" alt="beta"><figcaption id="beta_range"></figcaption></figure>
<p><a id="download" download="depth_16bit.png">16-bit inverse depth</a> (its scale is in the
file's text). Depth is 1 / inverse depth, up to one unknown scale.</p>
</main>
<script>
const get = (id) => document.getElementById(id);
function slide() { get("depth").style.clipPath = `inset(0 0 0 ${get("slider").value}%)`; }
async function show(file) {
  if (!file) return;
  get("status").className = "";
  get("status").textContent = "working ...";
  try {
    const response = await fetch("view", { method: "POST", body: file });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    get("image").src = answer.image;
    get("depth").src = answer.inverse_depth;
    get("beta").src = answer.beta;
    get("download").href = answer.depth16;
    get("depth_range").textContent = answer.depth_range;
    get("beta_range").textContent = answer.beta_range;
    get("result").hidden = false;
    get("status").textContent = file.name;
  } catch (error) {
    get("result").hidden = true;
    get("status").className = "error";
    get("status").textContent = `${file.name}: ${error.message}`;
  }
}
get("slider").addEventListener("input", slide);
get("file").addEventListener("change", (event) => show(event.target.files[0]));
for (const kind of ["dragover", "dragleave", "drop"])
  get("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    get("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") show(event.dataTransfer.files[0]);
  });
slide();
</script>
</html>
"""
