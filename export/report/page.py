"""HTML and CSS of a report: one file without scripts or external files, light and dark."""

from __future__ import annotations

import base64
import html
import io

from PIL import Image

from aquanet_tf import files

_STYLE = """
:root { color-scheme: light dark; --page:#f6f7f9; --card:#fff; --ink:#14171f; --soft:#5c6470;
  --rule:#e3e6eb; --accent:#0b6bcb; --good:#0a7d4f; --bad:#b3372f; --val:#d97706; }
@media (prefers-color-scheme: dark) { :root { --page:#101216; --card:#191c22; --ink:#eceff4;
  --soft:#9aa3b0; --rule:#2b3038; --accent:#62a8f5; --good:#4cc38a; --bad:#f2867d;
  --val:#f0b04e; } }
* { box-sizing:border-box }
body { margin:0; background:var(--page); color:var(--ink); line-height:1.5; font:16px/1.5
  system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif }
main { max-width:1180px; margin:0 auto; padding:40px 24px 64px }
h1 { font-size:30px; letter-spacing:-.02em; margin:0 0 4px; line-height:1.2 }
h2 { font-size:20px; letter-spacing:-.01em; margin:44px 0 12px }
p { margin:8px 0; max-width:110ch }
.soft { color:var(--soft) }
small,.small { font-size:13.5px }
code { font:13.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;
  overflow-wrap:anywhere }
.cards { display:grid; grid-template-columns:repeat(auto-fit,minmax(190px,1fr)); gap:14px;
  margin:24px 0 }
.card { background:var(--card); border:1px solid var(--rule); border-radius:12px; padding:16px
  18px }
.card b { display:block; font-size:28px; letter-spacing:-.02em; line-height:1.25;
  font-variant-numeric:tabular-nums }
.card span { color:var(--soft); font-size:13.5px }
.good b { color:var(--good) }
.bad b { color:var(--bad) }
.scroll { overflow-x:auto; background:var(--card); border:1px solid var(--rule);
  border-radius:12px }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums; font-size:15px
  }
th,td { padding:8px 14px; text-align:right; border-top:1px solid var(--rule); white-space:nowrap
  }
thead th { border-top:0; color:var(--soft); font-weight:500; font-size:13.5px }
th:first-child,td:first-child { text-align:left }
tr.part th { text-align:left; font-size:13.5px; color:var(--soft); font-weight:600;
  background:color-mix(in srgb,var(--rule) 35%,transparent) }
tr.ours td { font-weight:600 }
td.best { color:var(--good) }
.frame { background:var(--card); border:1px solid var(--rule); border-radius:12px; padding:14px
  16px 16px; margin:0 0 16px }
.frame header { display:flex; flex-wrap:wrap; gap:4px 18px; font-size:14px; margin-bottom:10px }
.frame header span { color:var(--soft) }
.tiles { display:grid; grid-template-columns:repeat(6,1fr); gap:12px }
.tiles figure { grid-column:span 2 }
.tiles figure:nth-child(-n+2), .two figure { grid-column:span 3 }
@media (max-width:700px) { .tiles figure:nth-child(n) { grid-column:span 6 } }
figure { margin:0 }
figure img { width:100%; display:block; border-radius:6px }
figcaption { font-size:13px; color:var(--soft); margin-top:4px; display:flex; flex-wrap:wrap;
  gap:2px 8px; align-items:center }
.bar { display:inline-block; width:84px; height:9px; border-radius:5px; vertical-align:middle }
.charts { display:grid; grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));
  gap:14px }
.chart { background:var(--card); border:1px solid var(--rule); border-radius:12px; padding:12px
  12px 6px }
.chart h3 { margin:0 4px 4px; font-size:14px; font-weight:600; display:flex;
  justify-content:space-between }
.chart h3 span { color:var(--soft); font-weight:400 }
svg { width:100%; display:block }
svg text { font-size:10.5px; fill:var(--soft) }
svg .end { text-anchor:end }
svg .rule { stroke:var(--rule) }
svg .phase { stroke:var(--soft); stroke-dasharray:2 3 }
svg polyline { fill:none; stroke-width:1.8; stroke-linejoin:round }
svg .train { stroke:var(--accent) }
svg circle.train { fill:var(--accent) }
svg .val { stroke:var(--val); stroke-dasharray:5 3 }
svg circle.val { fill:var(--val) }
ol.next { padding-left:22px }
ol.next li { margin:12px 0; max-width:110ch }
ol.next code.run { display:block; background:var(--card); border:1px solid var(--rule);
  border-radius:8px; padding:9px 12px; margin-top:6px; white-space:pre; overflow-x:auto }
details { margin-top:12px }
summary { cursor:pointer; color:var(--soft) }
pre { background:var(--card); border:1px solid var(--rule); border-radius:12px; padding:14px
  16px; overflow-x:auto; font:13px/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace }
footer { margin-top:48px; color:var(--soft); font-size:13.5px }
"""


def page(title: str, body: str, reload: int = 0) -> str:
    """The whole document; title is text, body is HTML. It reloads itself every `reload` seconds,
    unless that is 0."""
    again = f'<meta http-equiv="refresh" content="{reload}">' if reload else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{again}"
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def write(path: str, text: str) -> None:
    """Writes a document, whole or not at all, and says so."""
    files.write_text(path, text)
    print(f"written: {path} ({len(text) / 1e6:.1f} MB)")


def image_tag(picture, description: str) -> str:
    """uint8 [H, W, 3] as an <img> that contains the file: PNG, or JPEG above 640 pixels width."""
    buffer = io.BytesIO()
    if picture.shape[1] <= 640:
        kind = "png"
        Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    else:
        kind = "jpeg"
        Image.fromarray(picture).save(buffer, "JPEG", quality=90, subsampling=0)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{html.escape(description)}" src="data:image/{kind};base64,{data}">'


def figure(picture, title: str, legend: str = "") -> str:
    """A picture uint8 [H, W, 3] with its caption; legend is HTML, from `color_bar`."""
    caption = f"<figcaption>{html.escape(title)} {legend}</figcaption>"
    return f"<figure>{image_tag(picture, title)}{caption}</figure>"


def color_bar(colors, low: str, high: str) -> str:
    """A color bar, uint8 colors [n, 3], between two labels."""
    stops = ",".join("#{:02x}{:02x}{:02x}".format(*map(int, color)) for color in colors)
    bar = f'<i class="bar" style="background:linear-gradient(90deg,{stops})"></i>'
    return f"<span>{html.escape(low)} {bar} {html.escape(high)}</span>"


def card(value: str, text: str, kind: str = "") -> str:
    """A large number and what it is. kind, its color: good, bad or empty."""
    value, text = html.escape(value), html.escape(text)
    return f'<div class="card {kind}"><b>{value}</b><span>{text}</span></div>'


def metric_table(parts, methods, names, lower_is_better) -> str:
    """A table of methods for each part of the image; the best value of a column is green.

    Args:
      parts: part -> its description.
      methods: method -> part -> means or None; the first method is printed bold.
      names: the metrics, one column each.
      lower_is_better: those of `names` where the smallest value is the best.
    """
    arrows = {name: "↓" if name in lower_is_better else "↑" for name in names}
    head = "".join(f"<th>{html.escape(name)} {arrows[name]}</th>" for name in names)
    lines = [f"<thead><tr><th></th>{head}<th>images</th><th>pixels</th></tr></thead><tbody>"]
    for part, description in parts.items():
        means = {method: found[part] for method, found in methods.items() if found.get(part)}
        if not means:
            continue
        lines.append(f'<tr class="part"><th colspan="{len(names) + 3}">{description}</th></tr>')
        pick = {name: min if name in lower_is_better else max for name in names}
        best = {name: pick[name](mean[name] for mean in means.values()) for name in names}
        for index, (method, mean) in enumerate(means.items()):
            cells = "".join(
                f"<td{_best(mean[name] == best[name] and len(means) > 1)}>{mean[name]:.3f}</td>"
                for name in names
            )
            lines.append(
                f'<tr class="{"ours" if index == 0 else ""}"><td>{html.escape(method)}</td>{cells}'
                f"<td>{mean['images']}</td><td>{mean['pixels']:,}</td></tr>"
            )
    return f'<div class="scroll"><table>{"".join(lines)}</tbody></table></div>'


def _best(yes: bool) -> str:
    return ' class="best"' if yes else ""
