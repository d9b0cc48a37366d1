"""Puts the examples where the OpenAPI document has a place for them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api.examples.answers import ANSWERS
from api.examples.refusals import detail_of, fields_of
from api.examples.requests import BODIES, PATH_PARAMETERS
from api.problems import JSON, MEDIA_TYPE
from api.replies import Reply

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_BY_FRAMEWORK: Final = "Successful Response"


def operations_of(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each operation's name, ``GET /v1/trending``, and what the document says of it."""
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                yield f"{method.upper()} {path}", operations[method]


def add_schemas(document: dict[str, Any]) -> None:
    """Add the schemas of answers and problems, which routes name, to an OpenAPI document."""
    wanted: list[tuple[type[Reply], JsonSchemaMode]]
    wanted = [(schema, "validation") for schema in _all_of(Reply)]
    _, found = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    document.setdefault("components", {}).setdefault("schemas", {}).update(found["$defs"])


def _all_of(schema: type[Reply]) -> Iterator[type[Reply]]:
    for kind in schema.__subclasses__():
        yield kind
        yield from _all_of(kind)


def add_security(document: dict[str, Any]) -> None:
    """Add how callers show who they are, which `api.access` decides on.

    Every operation asks for it that may answer 401.
    """
    document["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "The service's token on one machine, or a JWT that API Gateway has "
            "checked.",
        },
        "sigv4": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "AWS Signature Version 4, checked by API Gateway.",
        },
    }
    for _, operation in operations_of(document):
        if "401" in operation["responses"]:
            operation["security"] = [{"token": []}, {"sigv4": []}]


def add_examples(document: dict[str, Any]) -> None:
    """Add examples of parameters, bodies, answers and problems to an OpenAPI document."""
    for name, operation in operations_of(document):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                parameter["example"] = PATH_PARAMETERS[parameter["name"]]
        if name in BODIES:
            operation["requestBody"]["content"][JSON]["examples"] = _named(BODIES[name])
        for status, response in operation["responses"].items():
            _add_to_response(document, response, name, int(status), operation["tags"][0])


def _add_to_response(
    document: Mapping[str, Any], response: dict[str, Any], name: str, status: int, tag: str
) -> None:
    for media_type, content in response["content"].items():
        if media_type == MEDIA_TYPE:
            detail = detail_of(name, status, tag)
            if detail is not None:
                content["example"] = fields_of(name, status, detail)
        elif name in ANSWERS:
            content["examples"] = _named(ANSWERS[name])
            if response["description"] == _BY_FRAMEWORK:
                response["description"] = _meaning(document, content["schema"])


def _named(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {"value": value} for name, value in values.items()}


def _meaning(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return what an answer's schema says it is."""
    name = str(schema.get("$ref", "")).rsplit("/", 1)[-1]
    described = document["components"]["schemas"].get(name, {})
    return str(described.get("description", "Text."))
