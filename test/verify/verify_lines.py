"""Runs the Python verifier for the tests: one question a line, {"evidence", "options"}, one answer a line.

An object as evidence is given as an object. Options are verifyLicense's; what is missing is left to its default. A time
may be {"ms", "zone"}: a datetime in UTC, or without a zone.
"""

import dataclasses
import json
import re
import sys
from datetime import datetime, timezone

sys.path.insert(0, sys.argv[1])
from avma_verify import verify_license  # noqa: E402

NAMES = {"vmId": "vm_id", "trustUpdates": "trust_updates", "requireLicense": "require_license"}


def camel(value):
    """The names of TypeScript."""
    if isinstance(value, dict):
        return {re.sub("_(.)", lambda found: found[1].upper(), name): camel(member) for name, member in value.items()}
    return [camel(one) for one in value] if isinstance(value, (list, tuple)) else value


for line in sys.stdin:
    question = json.loads(line)
    evidence, options = question["evidence"], question["options"]
    if isinstance(options.get("now"), dict):
        zone = timezone.utc if options["now"]["zone"] else None
        options["now"] = datetime.fromtimestamp(options["now"]["ms"] / 1000, zone)
    result = verify_license(evidence, **{NAMES.get(name, name): value for name, value in options.items()})
    print(json.dumps(camel(dataclasses.asdict(result))), flush=True)
