"""The description is valid OpenAPI, names every route with its parameters, and fits the page's contract."""

from __future__ import annotations

import json

from collector.api.handlers import ROUTES
from tests.collector.api.conftest import get


def references(part):
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


async def test_every_route_is_described_and_every_reference_leads_somewhere(centre):
    async with centre() as (_, client):
        spec = await get(client, "/api/openapi.json")
    assert spec["openapi"] == "3.1.0"
    described = {(method.upper(), path) for path, operations in spec["paths"].items() for method in operations}
    assert described == {(method, path) for method, path, _ in ROUTES}
    for reference in references(spec):
        node = spec
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    for operations in spec["paths"].values():
        for operation in operations.values():
            assert operation["responses"]
            assert all("description" in response for response in operation["responses"].values())


async def test_parameters_have_the_names_and_limits_of_the_query(centre):
    async with centre() as (_, client):
        spec = await get(client, "/api/openapi.json")
    parameters = {p["name"]: p for p in spec["paths"]["/api/series"]["get"]["parameters"]}
    assert set(parameters) == {"station", "series", "from", "to", "points"}
    assert parameters["from"]["required"]
    assert not parameters["points"]["required"]
    assert parameters["points"]["schema"]["maximum"] == 5000
    (path,) = spec["paths"]["/api/stations/{station_id}"]["get"]["parameters"]
    assert (path["in"], path["name"]) == ("path", "station_id")
    assert spec["components"]["schemas"]["SeriesAnswer"]["properties"].keys() == {"station", "from", "to", "bucket_ms", "series"}


async def test_the_document_is_valid_openapi(centre):
    from openapi_spec_validator import validate

    async with centre() as (_, client):
        spec = await get(client, "/api/openapi.json")
    validate(json.loads(json.dumps(spec)))
