"""Checks the bridge against its own OpenAPI description, with openapi-spec-validator and schemathesis."""

import pathlib
import subprocess
import sys

from bridge import started

HERE = pathlib.Path(__file__).parent
BIN = pathlib.Path(sys.executable).parent


def main(program):
    subprocess.run([BIN / "openapi-spec-validator", HERE.parent.parent / "openapi" / "bridge.json"], check=True)
    # The description has the paths of Okta's form.
    with started(program, options=["--roles", "okta"]) as told:
        base = told["api_base_url"].removesuffix("/api/v1")
        checked = subprocess.run(
            [
                BIN / "schemathesis",
                *("--config-file", HERE / "schemathesis.toml"),
                *("run", base + "/openapi.json"),
                *("--header", "Authorization: Bearer " + told["access_token"]),
                *("--checks", "all", "--phases", "examples,coverage,fuzzing"),
                # A fixed seed, so that each failure can be reproduced.
                *("--max-examples", "30", "--seed", "1", "--generation-database", "none"),
                *("--continue-on-failure", "--no-color"),
            ],
            capture_output=True,
            text=True,
            timeout=900,
        )
    lines = checked.stdout.splitlines()
    if checked.returncode != 0:
        print("\n".join(lines[-400:]), checked.stderr)
        sys.exit("schemathesis found what the description does not say")
    print(next(line.strip() for line in lines if " generated, " in line), "(requests by the description)")


main(sys.argv[1])
