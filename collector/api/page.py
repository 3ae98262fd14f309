"""The built page: files of one folder, nothing outside it. Names with a hash in them may be kept for ever, the rest is asked for again."""

from __future__ import annotations

import re
from pathlib import Path

from aiohttp import web

from collector.api.context import CONTEXT
from collector.api.packed import TEXT

BUILT = Path(__file__).resolve().parent.parent / "web" / "dist"
HASHED = re.compile(r"assets/[^/]+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+\Z")
NOT_BUILT = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Haitan 海碳</title></head><body>
<h1>Haitan 海碳</h1>
<p>The centre runs, but its page is not built in this installation. Run <code>make page</code> and reload.
What the page shows can be asked for at <a href="api/stations">api/stations</a>; everything that can be asked stands in
<a href="api/openapi.json">api/openapi.json</a>.</p>
<p lang="zh">中心正在运行,但此安装未构建网页。请运行 <code>make page</code> 后刷新。
接口说明见 <a href="api/openapi.json">api/openapi.json</a>。</p>
</body></html>
"""


async def page(request: web.Request) -> web.StreamResponse:
    """``GET /`` and every file of the built page."""
    context = request.app[CONTEXT]
    folder = context.page
    name = request.match_info.get("name") or "index.html"
    if not (folder / "index.html").is_file():
        if name == "index.html":
            return web.Response(text=NOT_BUILT, content_type="text/html", status=503, headers={"Cache-Control": "no-store"})
        raise web.HTTPNotFound
    try:
        path = (folder / name).resolve()
        found = path.is_relative_to(folder) and path.is_file()
    except (OSError, ValueError):  # a name the file system does not take
        found = False
    if not found or any(part.startswith(".") for part in Path(name).parts):
        raise web.HTTPNotFound
    headers = {"Cache-Control": "public, max-age=31536000, immutable" if HASHED.match(name) else "no-cache", "Vary": "Accept-Encoding"}
    packed = await context.packed.file(path) if "gzip" in request.headers.get("Accept-Encoding", "") else None
    if packed is None:
        return web.FileResponse(path, headers=headers)
    body, mark = packed
    headers |= {"ETag": mark, "Content-Encoding": "gzip"}
    if request.headers.get("If-None-Match") == mark:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type=TEXT[path.suffix], charset="utf-8", headers=headers)
