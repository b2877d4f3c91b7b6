"""The OpenAPI document and its page: true, whole, and from nowhere else."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from fastapi.routing import APIRoute
from openapi_spec_validator import validate

from glimpse.api.app import create_app
from glimpse.api.filters import ENDS, NUMBERS
from glimpse.api.openapi.document import DESCRIBED
from tests.integration.api.service import Api

Document = dict[str, dict[str, dict[str, dict[str, object]]]]


@pytest.fixture(scope="module")
def document(api: Api) -> Document:
    """The document as it is served."""
    answer = api.http.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    served: Document = answer.json()
    return served


def test_the_document_is_valid(document: Document) -> None:
    validate(document)


def test_every_operation_is_described_and_nothing_else(api: Api, document: Document) -> None:
    shown = {f"{verb.upper()} {path}" for path, verbs in document["paths"].items() for verb in verbs}
    app = create_app(api.settings)
    app.state.context.catalog.db.close()
    routed = {
        f"{verb} {route.path}"
        for route in app.routes
        if isinstance(route, APIRoute) and route.include_in_schema
        for verb in route.methods or ()
    }
    assert shown == routed == set(DESCRIBED)


def test_operations_have_names_of_their_own(
    document: Document,
) -> None:
    names = [str(each["operationId"]) for verbs in document["paths"].values() for each in verbs.values()]
    assert len(names) == len(set(names))
    assert all(each["summary"] for verbs in document["paths"].values() for each in verbs.values())


def test_parameters_of_a_path_are_those_in_it(
    document: Document,
) -> None:
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            parameters = operation["parameters"]
            assert isinstance(parameters, list)
            named = [part["name"] for part in parameters if part.get("in") == "path"]
            assert named == re.findall(r"{(\w+)}", path)


def test_every_filter_by_a_number_is_named(document: Document) -> None:
    parameters = document["paths"]["/v2/images"]["get"]["parameters"]
    assert isinstance(parameters, list)
    assert {name + end for name in NUMBERS for end in ("", *ENDS)} <= {
        part.get("name") for part in parameters
    }


def test_what_comes_too_slowly_or_too_often_may_be_refused(document: Document) -> None:
    told = {
        (verb, path): set(operation["responses"])  # type: ignore[call-overload]
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    }
    bodies = {each for each in told if "requestBody" in document["paths"][each[1]][each[0]]}
    assert {each for each in told if "408" in told[each]} == bodies != set()
    assert {each for each in told if "429" in told[each]} == {
        ("get", "/v2/images/{image_id}/file"),
        ("put", "/v2/images/{image_id}/file"),
        ("put", "/v2/images/{image_id}/stage"),
    }


def test_an_image_is_described_as_it_is_under_schemas(api: Api, document: Document) -> None:
    schema = api.http.get("/v2/schemas/image").json()
    assert document["components"]["schemas"]["Image"]["properties"] == schema["properties"]


class Links(HTMLParser):
    """Every address that a page names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("src", "href", "action") and value]


def test_the_page_loads_nothing_from_elsewhere(api: Api) -> None:
    page = api.http.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    links = Links()
    links.feed(page.text)
    assert len(links.found) >= 4
    for link in links.found:
        address = urljoin(f"{api.url}/docs", link)
        if urlsplit(address).scheme == "data":
            continue
        assert address.startswith(f"{api.url}/"), address
        answer = api.http.get(address)
        assert answer.status_code == 200
        assert len(answer.content) > 100
    # Whatever a script should try: the browser loads from here only.
    rules = dict(rule.strip().split(" ", 1) for rule in page.headers["content-security-policy"].split(";"))
    assert rules.pop("default-src") == "'none'"
    assert {word for sources in rules.values() for word in sources.split()} <= {
        "'self'", "'none'", "'unsafe-inline'", "data:",
    }  # fmt: skip
    assert "unsafe" not in rules["script-src"]


def test_a_style_sheet_names_no_other_place(api: Api) -> None:
    style = api.http.get("/docs/swagger-ui.css").text
    assert not re.search(r"url\((?!\s*[\"']?data:)|@import", style)


def test_the_page_needs_no_token(api: Api) -> None:
    for path in ("/docs", "/openapi.json"):
        assert api.http.get(path, headers={"X-Auth-Token": "bro:ken"}).status_code == 200
