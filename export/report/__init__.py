"""The report of a run, one HTML page: `python -m export.report`.

`build` puts the sections together; `pictures`, `stages`, `tables`, `charts` and `advice` make them;
`evaluations` checks what they are made of; `page` holds HTML and CSS.

Uses: nothing.
"""
