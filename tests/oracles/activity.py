"""Checks events of the activity feed with the schema of OCSF 1.8.0: those of every kind, in activity.ocsf.ndjson, and
those that a running bridge returns. Parses the configurations in config/siem, and sends the requests that they name.

Usage: activity.py PROGRAM
"""

import configparser
import json
import pathlib
import re
import sys
import urllib.parse

import bridge
import yaml
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

VERSION = "1.8.0"
SIEM = pathlib.Path(__file__).parents[2] / "config" / "siem"
schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=VERSION))
validators = {}


def validator(event):
    profiles = tuple(event["metadata"].get("profiles", []))
    key = (event["class_uid"], profiles)
    if key not in validators:
        name = schema.lookup_class_name_from_uid(event["class_uid"])
        validators[key] = Draft202012Validator(schema.get_class_schema(name, list(profiles)))
    return validators[key]


def check(events, where):
    wrong = 0
    for event in events:
        assert event["metadata"]["version"] == VERSION
        for error in validator(event).iter_errors(event):
            wrong += 1
            path = "/".join(str(part) for part in error.absolute_path)
            print(f"{where}: {event['metadata']['event_code']}: {path}: {error.message[:200]}")
    print(f"{where}: {len(events)} events, {wrong} errors")
    return wrong


def live(client):
    """The events of a demo, page by page."""
    events, since = [], None
    while True:
        parameters = {"format": "ocsf", "limit": 500} | ({"since": since} if since else {})
        answer = client.get("/api/v1/activity", params=parameters)
        answer.raise_for_status()
        page = answer.json()
        events += page["items"]
        since = page["next"]
        if not page["has_more"]:
            return events


def configurations(client):
    """Parses every configuration, and sends the requests of those that poll the feed."""
    parsed = {}
    for file in sorted(SIEM.rglob("*")):
        if file.suffix in (".yaml", ".yml"):
            parsed[file.name] = yaml.safe_load(file.read_text())
        elif file.suffix == ".json":
            parsed[file.name] = json.loads(file.read_text())
        elif file.suffix == ".conf":
            configparser.ConfigParser(interpolation=None, strict=True).read_string(file.read_text())
        elif file.suffix in (".service", ".timer"):
            units = configparser.ConfigParser(interpolation=None, strict=False)
            units.read_string(file.read_text())
    source = parsed["vector.yaml"]["sources"]["intercom"]
    query = {name: values[0] for name, values in source["query"].items()}
    headers = {name: values[0] for name, values in source["headers"].items()}
    path = urllib.parse.urlsplit(source["endpoint"]).path
    answer = client.get(path, params=query, headers=headers)
    answer.raise_for_status()
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines and all(line["metadata"]["uid"] for line in lines), "Vector: no events"
    elastic = parsed["filebeat.yml"]["filebeat.inputs"][0]
    query = dict(re.findall(r'"(\w+)": \["(\w+)"\]', elastic["program"]))
    path = urllib.parse.urlsplit(elastic["resource.url"]).path
    cursor, ids = "", []
    for _ in range(1000):
        answer = client.get(path, params=query | {"since": cursor})
        answer.raise_for_status()
        page = answer.json()
        ids += [item["event"]["id"] for item in page["items"]]
        cursor = page["next"]
        if not page["has_more"]:
            break
    assert ids and len(ids) == len(set(ids)), "Elastic: an entry came twice, or none came"
    print(f"configurations: {len(parsed)} parsed; Vector got {len(lines)} events, Elastic {len(ids)} documents")


def main():
    file = pathlib.Path(__file__).parent / "activity.ocsf.ndjson"
    kinds = [json.loads(line) for line in file.read_text().splitlines()]
    wrong = check(kinds, "events of every kind")
    with bridge.started(sys.argv[1]) as told:
        headers = {"Authorization": "Bearer " + told["access_token"]}
        root = told["scim_base_url"].removesuffix("/scim/v2")
        with bridge.httpx2.Client(base_url=root, headers=headers, trust_env=False) as client:
            wrong += check(live(client), "events of a demo")
            configurations(client)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
