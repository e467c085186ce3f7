#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: avma_guest_key
short_description: Install a product key on a guest of avma, and activate it
version_added: 0.1.0
description:
  - Installs a client key with C(avma guest install-key) and activates the product through the machine's host.
  - A key that is installed already is left alone, and so is a product that is licensed.
  - The key is handed to avma on its standard input. It is in no argument list, in no log and in no diff.
  - Whatever is wrong with the key or the activation is said in avma's own words.
options:
  key:
    description:
      - The client key, five groups of five characters. A catalog on the machine has to list it.
    type: str
    required: true
  activate:
    description:
      - Whether the product has to be licensed when the task has ended. A product that is not is activated, and the
        task fails when that does not succeed. The key stays installed.
      - With C(false) no host is asked. The agent activates later.
    type: bool
    default: true
  executable:
    description: The command avma, by its name or its path.
    type: str
    default: avma
attributes:
  check_mode:
    support: full
    description: The key is looked up in the catalogs, so a wrong one fails. Nothing is written, and no host is asked.
  diff_mode:
    support: full
    description: Shows the product, the end of its key and the state of its license.
author:
  - avma contributors
"""

EXAMPLES = r"""
- name: Install the client key and activate
  avma.avma.avma_guest_key:
    key: "{{ vault_appliance_key }}"

- name: Install the client key in an image, where no host answers
  avma.avma.avma_guest_key:
    key: "{{ vault_appliance_key }}"
    activate: false
"""

RETURN = r"""
product:
  description: The product of the key, as C(avma guest status --json) shows it. In check mode as it is before the change.
  returned: when avma is installed
  type: dict
licensed:
  description: Whether the product is licensed now.
  returned: when avma is installed
  type: bool
code:
  description: On failure, the code of avma's error. See docs/errors.md of avma.
  returned: failure
  type: str
  sample: key-invalid
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.avma.avma.plugins.module_utils.avma import LICENSED, Avma


def shown(product, key_end, license_text):
    return {"product": product["name"], "key": key_end and "ends in %s" % key_end, "license": license_text}


def main():
    module = AnsibleModule(
        argument_spec={
            "key": {"type": "str", "required": True, "no_log": True},
            "activate": {"type": "bool", "default": True},
            "executable": {"type": "str", "default": "avma"},
        },
        supports_check_mode=True,
    )
    key = module.params["key"].strip()
    activate = module.params["activate"]
    avma = Avma(module)
    avma.require()

    found = avma.json(["guest", "install-key", "-", "--dry-run"], data=key)
    product = found["product"]
    licensed = product["license"]["status"] == LICENSED
    must_install = not found["installed"]
    must_activate = activate and (must_install or not licensed)
    before = shown(product, product["partialProductKey"], product["license"]["statusText"])
    if not must_install and not must_activate:
        module.exit_json(changed=False, product=product, licensed=licensed)
    if module.check_mode:
        text = "licensed" if activate else "not activated yet"
        after = shown(product, key[-5:].upper(), text)
        module.exit_json(
            changed=True,
            product=product,
            licensed=licensed,
            diff={"before": before, "after": after},
        )

    error = None
    if must_install:
        options = [] if activate else ["--no-activate"]
        installed = avma.json(["guest", "install-key", "-"] + options, data=key)
        product, error = installed["product"], installed["activationError"]
    else:
        activated, error = avma.try_json(["guest", "activate", product["activationId"]])
        if error is None:
            product = activated["products"][0]
    licensed = product["license"]["status"] == LICENSED
    if error is not None:
        avma.fail(error, changed=must_install, product=product, licensed=licensed)
    module.exit_json(
        changed=True,
        product=product,
        licensed=licensed,
        diff={
            "before": before,
            "after": shown(product, product["partialProductKey"], product["license"]["statusText"]),
        },
    )


if __name__ == "__main__":
    main()
