"""Compares the bridge's filters with those of scim2-models. Several hundred filters are made from real values. Each must
find the same resources by GET and by POST /.search.

Usage: filters.py PROGRAM
"""

import itertools
import json
import random
import sys

from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import ScimFilter

from bridge import demo

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
USER_EXTENSION = "urn:ietf:params:scim:schemas:extension:intercom:2.0:User"
GROUP_EXTENSION = "urn:ietf:params:scim:schemas:extension:intercom:2.0:Group"

TEXTS = {
    "User": [
        "userName", "displayName", "title", "userType", "name.givenName", "name.familyName", "emails.value", "groups.value",
        "groups.display", "roles.display", "roles.value", "entitlements.value", "id",
        f"{USER_EXTENSION}:intercomId", f"{USER_EXTENSION}:workspaceId",
    ],
    "Group": ["displayName", "members.value", "members.display", "id", f"{GROUP_EXTENSION}:distributionMethod"],
    "Role": ["displayName", "description", "id"],
    "permission": ["displayName", "type", "id"],
}
OTHERS = {
    "User": [
        "active eq true", "active ne true", "active eq false", "title pr", "not (title pr)", "roles pr", "groups pr",
        "emails[primary eq true]", 'emails[type eq "work" and primary eq true]', 'emails[type eq "home"]',
        'entitlements[type eq "seat"]', 'entitlements[type eq "permission" and value sw "m"]', "externalId pr",
        f"{USER_EXTENSION}:hasInboxSeat eq true", f"{USER_EXTENSION}:twoFactorAuth pr", 'meta.resourceType eq "User"',
    ],
    "Group": ["members pr", "not (members pr)", f"{GROUP_EXTENSION}:assignmentLimit ge 10", f"{GROUP_EXTENSION}:assignmentLimit pr"],
    "Role": ["description pr", 'meta.resourceType eq "Role"', 'id eq "1"', "not (displayName pr)"],
    "permission": ['type eq "permission"', 'type eq "seat"', 'id sw "manage"', "not (displayName pr)"],
}


def values_at(resource, path):
    """Returns all values of an attribute in a resource's JSON."""
    extension, _, attribute = path.rpartition(":")
    values = [resource.get(extension, {}) if extension else resource]
    for part in attribute.split("."):
        found = [value.get(part) for value in values if isinstance(value, dict)]
        values = list(itertools.chain.from_iterable(value if isinstance(value, list) else [value] for value in found))
    return [value for value in values if isinstance(value, str)]


def made_filters(kind, resources, dice):
    """Makes filters from values of the resources: single comparisons, and joined ones."""
    simple = list(OTHERS[kind])
    for path in TEXTS[kind]:
        known = sorted({value for resource in resources for value in values_at(resource, path)})
        for value in dice.sample(known, min(3, len(known))):
            cut = dice.randrange(len(value))
            pieces = {"eq": value, "ne": value, "co": value[cut : cut + 4], "sw": value[:4].upper(), "ew": value[-3:], "gt": value, "le": value}
            for operator in dice.sample(sorted(pieces), 3):
                simple.append(f"{path} {operator} {json.dumps(pieces[operator], ensure_ascii=dice.random() < 0.5)}")
    dated = [resource for resource in resources if "created" in resource["meta"]]
    for resource in dice.sample(dated, min(3, len(dated))):
        for operator in ("gt", "ge", "lt", "le", "eq"):
            simple.append(f'meta.created {operator} "{resource["meta"]["created"]}"')
    joined = []
    for _ in range(120):
        parts = dice.sample(simple, 3)
        joined.append(dice.choice(["{} and {} or {}", "({} or {}) and {}", "not ({}) and ({} or not ({}))", "{} or {} and not ({})"]).format(*parts))
    return simple + joined


def main():
    dice = random.Random(7)
    wrong = asked = 0
    with demo(sys.argv[1], admins=120, options=["--roles", "okta"]) as http:
        client = SyncSCIMClient(http)
        client.discover()
        for kind in TEXTS:
            resource_type = next(known for known in client.provider.resource_types if known.name == kind)
            model = client.provider.model_for(resource_type)
            endpoint = resource_type.endpoint
            resources = http.get(endpoint, params={"count": "1000"}).json()["Resources"]
            objects = [model.model_validate(resource) for resource in resources]
            for text in made_filters(kind, resources, dice):
                try:
                    expected = sorted(resource.id for resource in objects if ScimFilter[model](text).match(resource))
                except Exception as refused:
                    expected = f"refused: {refused}"
                got = http.get(endpoint, params={"filter": text, "count": "1000"})
                searched = http.post(f"{endpoint}/.search", json={"schemas": [SEARCH], "filter": text, "count": 1000})
                for answer in (got, searched):
                    asked += 1
                    if answer.status_code == 200:
                        found = sorted(resource["id"] for resource in answer.json()["Resources"])
                    else:
                        found = f"refused: {answer.json()['detail']}"
                    both_refused = isinstance(found, str) and isinstance(expected, str)
                    if found != expected and not both_refused:
                        wrong += 1
                        print(f"{kind}: {text}\n  scim2-models: {str(expected)[:200]}\n  bridge:       {str(found)[:200]}")
    print(f"{asked} answers compared, {wrong} differ")
    sys.exit(1 if wrong or asked < 600 else 0)


main()
