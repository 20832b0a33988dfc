"""Validates the posture as SARIF with the schema of OASIS, and as OCSF with the schema of OCSF 1.8.0."""

import json
import pathlib
import sys

import httpx2
import jsonschema
from bridge import started
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

# The schema as OASIS published it, from the npm package @microsoft/jest-sarif. `scripts/oracles` installs it.
SARIF = "node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"


def validator(schema):
    checker = jsonschema.FormatChecker()
    return jsonschema.validators.validator_for(schema)(schema, format_checker=checker)


def expect_valid(what, validator, document):
    errors = [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(document)]
    if errors:
        sys.exit(f"{what} is not valid:\n" + "\n".join(errors[:20]))


def check_sarif(log, folder):
    schema = folder / SARIF
    if not schema.exists():
        print("skipped: the schema of SARIF needs npm")
        return
    expect_valid("the SARIF log", validator(json.loads(schema.read_text())), log)
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    results = log["runs"][0]["results"]
    for result in results:
        if rules[result["ruleIndex"]]["id"] != result["ruleId"]:
            sys.exit(f"ruleIndex and ruleId differ: {result}")
        # SARIF 3.27.9; the schema does not check it.
        if result["kind"] != "fail" and result["level"] != "none":
            sys.exit(f"a level needs the kind fail: {result}")
    print(f"{len(results)} results are valid SARIF 2.1.0")


def check_ocsf(lines):
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0")).get_class_schema("compliance_finding")
    valid = validator(schema)
    records = [json.loads(line) for line in lines.splitlines()]
    for record in records:
        expect_valid("an OCSF record", valid, record)
        ComplianceFinding.model_validate(record)
    print(f"{len(records)} records are valid OCSF 1.8.0")


def main(program, folder):
    with started(program) as told:
        base, headers = told["api_base_url"], {"Authorization": "Bearer " + told["access_token"]}
        with httpx2.Client(headers=headers, trust_env=False, timeout=60) as client:
            for suppressed in ["keep", "omit"]:
                answer = client.get(f"{base}/posture?format=sarif&suppressed={suppressed}")
                check_sarif(answer.raise_for_status().json(), folder)
            for per in ["check", "subject"]:
                answer = client.get(f"{base}/posture?format=ocsf&per={per}")
                check_ocsf(answer.raise_for_status().text)


main(sys.argv[1], pathlib.Path(sys.argv[2]))
