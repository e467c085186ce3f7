#!/usr/bin/env python3
"""A vendor's program that asks whether it is licensed, with the vendor's root in it: gateway.py [--fresh] [FEATURE]...

--fresh asks the host now, by way of avma guest attest, and not the evidence of the last activation. avma_verify.py, from
verifiers/python, lies beside this file.
"""

import json
import os
import secrets
import subprocess
import sys
from datetime import datetime, timezone
from typing import NoReturn

from avma_verify import Claims, verify_license

# The member publicKey of your root.pub.json, or the whole file.
ROOT = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
PRODUCT = "3f0b9c3e-6d0f-4c3b-9a53-0a5d6d1c2e11"
# Only root can read it. Others take the VM ID from license.json.
VM_ID_FILE = "/sys/class/dmi/id/product_uuid"


def main() -> None:
    features = [word for word in sys.argv[1:] if word != "--fresh"]
    nonce = secrets.token_hex(16) if "--fresh" in sys.argv[1:] else None
    try:
        with open(f"{os.environ.get('AVMA_RUN_DIR', '/run/avma')}/license.json", encoding="utf-8") as file:
            license_file = json.load(file)
        if nonce is None:
            products = {product["activationId"]: product for product in license_file["products"]}
            evidence = products.get(PRODUCT, {}).get("evidence") or deny("not activated")
        else:
            evidence = subprocess.run(
                ["avma", "guest", "attest", PRODUCT, "--nonce", nonce], check=True, capture_output=True
            ).stdout
        published = license_file["vmId"]["value"]
        vendors = license_file["vendors"]
    except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as error:
        deny(f"no evidence: {error}")
    result = verify_license(
        evidence,
        roots=[ROOT],
        vm_id=vm_id(published),
        product=PRODUCT,
        now=datetime.now(timezone.utc),
        features=features,
        trust_updates=[update for vendor in vendors for update in vendor["trustUpdates"]],
        revocations=[vendor["revocations"] for vendor in vendors],
        nonce=nonce,
    )
    if not result.valid or result.claims is None:
        deny(str(result.reason))
    allow(result.claims)


def vm_id(published: str) -> str:
    try:
        with open(VM_ID_FILE, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return published


def allow(claims: Claims) -> None:
    assert claims.license is not None
    granted = [
        feature.name if feature.value is None else f"{feature.name}={feature.value}"
        for feature in claims.license.features
    ]
    until = datetime.fromtimestamp(claims.license.not_after / 1000, timezone.utc).date()
    print(f"yes: licensed to {claims.license.customer} until {until}, with {', '.join(sorted(granted))}")
    if claims.conditions:
        print(f"note: {', '.join(claims.conditions)}")


def deny(why: str) -> NoReturn:
    print(f"no: {why}")
    sys.exit(1)


main()
