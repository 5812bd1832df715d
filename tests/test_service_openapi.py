"""The OpenAPI document is true: schemathesis makes requests of it, good and bad, and checks every answer against it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance
from serving import Served, served

from inperson.service.app import interface

EXAMPLES = int(os.environ.get("INPERSON_TEST_EXAMPLES", "12"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("openapi"), rate_per_minute=100_000, workers=1) as running:
        for content in (b"well", b"refuse"):
            running.client.ended(running.client.upload(content).json()["id"])
        yield running


schema = schemathesis.openapi.from_dict(interface().openapi())
schema.config.generation.update(with_security_parameters=False)  # the test gives the key, or it would test without


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_gets_an_answer_that_is_not_documented(case: Case, server: Served) -> None:
    # what an operator allows (addresses, calibrations) is in the settings and not in the document
    unless = [positive_data_acceptance] if case.method == "POST" else []
    headers = {"Authorization": f"Bearer {server.client.key}"}
    case.call_and_validate(base_url=server.client.url, headers=headers, excluded_checks=unless)
