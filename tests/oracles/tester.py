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
wrong = False
for options, root in [
    ([], "/scim/v2"),
    (["--roles", "okta"], "/scim/v2"),
    (["--roles", "draft"], "/scim/v2"),
    (["--okta-path"], "/scim/v2"),
    (["--okta-path"], "/scim/okta/v2"),
]:
    with demo(sys.argv[1], admins=40, options=options, root=root) as http:
        results = check_server(SyncSCIMClient(http), include_tags={"discovery", "crud:read", "misc"})
    print(f"demo {' '.join(options)}, {root}:")
    for result in results:
        print(f"{result.status.name:9} {result.resource_type or '':6} {result.title}: {result.reason}")
    failed = [result for result in results if result.status in (Status.ERROR, Status.CRITICAL)]
    passed = [result for result in results if result.status == Status.SUCCESS]
    print(f"{len(passed)} checks passed, {len(failed)} failed, {len(results) - len(passed) - len(failed)} others")
    wrong = wrong or bool(failed) or len(passed) < 25
sys.exit(1 if wrong else 0)
