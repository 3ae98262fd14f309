"""``/api/openapi.json``: the interface described by the code that serves it.

aiohttp-pydantic makes the document from the handlers' annotations. It speaks of OpenAPI 3.0; pydantic's schemas are those of JSON Schema
2020-12, which is what OpenAPI 3.1 uses, so they are passed through as they are and the document says 3.1.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_pydantic.oas.pydantic_schema_to_oas import add_or_replace_translater
from aiohttp_pydantic.oas.view import generate_oas

from firmware_config import __version__

NAMES = {"series_": "series", "from_ms": "from", "to_ms": "to"}
"""names of arguments that cannot be those of the query"""


def document(app: web.Application) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an application's routes."""
    add_or_replace_translater("3.0.0", lambda schema: None)
    spec: dict[str, Any] = generate_oas([app], version_spec=__version__, title_spec="Haitan centre")
    spec["openapi"] = "3.1.0"
    for path in spec["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                parameter["name"] = NAMES.get(parameter["name"], parameter["name"])
                parameter["schema"].pop("title", None)
    live = spec["paths"]["/api/live"]["get"]["responses"]["200"]
    live["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    for status in (r for path in spec["paths"].values() for operation in path.values() for r in operation["responses"].values()):
        status.setdefault("description", "")
    return spec
