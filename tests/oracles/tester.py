"""Runs scim2-tester against a demo bridge: its checks of discovery and reads, on existing resources.

Usage: tester.py PROGRAM
"""

import sys

from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server
from scim2_tester.utils import ResourceManager

from bridge import demo


def take_existing(self, model, fill_all=False):
    """The tester creates resources and reads them. The bridge cannot create any, so it reads existing ones."""
    return self.context.client.query(model).resources[0]


ResourceManager.create_and_register = take_existing
ResourceManager.cleanup = lambda self: None

# Left out: the checks of `attributes`. They need an externalId, which only a client can set.
# What the tester cannot read, though it is right: two resource types may have one schema (RFC 7643 §6), and the IETF
# draft adds a member to ServiceProviderConfig. Each must still occur where it is named, so that the list stays short.
SHARED_SCHEMA = "No resource type named after the schema 'urn:okta:scim:schemas:core:1.0:Entitlement'"
NEW_MEMBER = "RolesAndEntitlements"

wrong = False
for options, root, unreadable in [
    ([], "/scim/v2", None),
    (["--roles", "okta"], "/scim/v2", SHARED_SCHEMA),
    (["--roles", "draft"], "/scim/v2", NEW_MEMBER),
    (["--okta-path"], "/scim/v2", None),
    (["--okta-path"], "/scim/okta/v2", SHARED_SCHEMA),
]:
    with demo(sys.argv[1], admins=40, options=options, root=root) as http:
        results = check_server(SyncSCIMClient(http), include_tags={"discovery", "crud:read", "misc"})
    print(f"demo {' '.join(options)}, {root}:")
    for result in results:
        print(f"{result.status.name:9} {result.resource_type or '':6} {result.title}: {result.reason}")
    failed = [result for result in results if result.status in (Status.ERROR, Status.CRITICAL)]
    known = [result for result in failed if unreadable and unreadable in str(result.reason)]
    failed = [result for result in failed if result not in known]
    passed = [result for result in results if result.status == Status.SUCCESS]
    print(f"{len(passed)} checks passed, {len(failed)} failed, {len(known)} that the tester cannot read")
    wrong = wrong or bool(failed) or bool(unreadable) != bool(known) or len(passed) < 25
sys.exit(1 if wrong else 0)
