"""Demo bridges for the checks."""

import contextlib
import json
import subprocess

import httpx2


@contextlib.contextmanager
def started(program, admins=250, teams=12, options=()):
    """Runs `demo --json` and yields the JSON that it prints."""
    command = [program, "demo", "--json", "--port", "0", "--admins", str(admins), "--teams", str(teams), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextlib.contextmanager
def demo(program, admins=250, teams=12, options=(), root="/scim/v2"):
    """Runs a demo and yields a client for its SCIM service below a root."""
    with started(program, admins, teams, options) as told:
        headers = {"Authorization": "Bearer " + told["access_token"]}
        base_url = told["scim_base_url"].replace("/scim/v2", root)
        with httpx2.Client(base_url=base_url, headers=headers, trust_env=False) as client:
            yield client
