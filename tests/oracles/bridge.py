"""A demo bridge for the length of a check."""

import contextlib
import json
import subprocess

import httpx2


@contextlib.contextmanager
def started(program, admins=250, teams=12):
    """Starts `demo --json` and gives what it tells."""
    command = [program, "demo", "--json", "--port", "0", "--admins", str(admins), "--teams", str(teams)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextlib.contextmanager
def demo(program, admins=250, teams=12):
    """The same, with a client for its SCIM service."""
    with started(program, admins, teams) as told:
        headers = {"Authorization": "Bearer " + told["access_token"]}
        with httpx2.Client(base_url=told["scim_base_url"], headers=headers, trust_env=False) as client:
            yield client
