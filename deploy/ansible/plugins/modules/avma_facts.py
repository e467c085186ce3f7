#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: avma_facts
short_description: Facts about the license of a machine, from avma
version_added: 0.1.0
description:
  - Reads what avma says of this machine and keeps it as the fact C(avma).
  - Nothing is written on the machine, not even the time, which avma otherwise saves when it shows a license.
  - What cannot be read does not fail the task. It is C(null), and C(avma.errors) says why.
options:
  gather:
    description:
      - What to read. C(guest) is C(avma guest status --json) and wants root. C(host) is C(avma host status --json), of a
        virtualization host. C(license) is the license file, which every user may read.
    type: list
    elements: str
    choices: [guest, host, license]
    default: [guest]
  license_file:
    description: The license file.
    type: path
    default: /run/avma/license.json
  executable:
    description: The command avma, by its name or its path.
    type: str
    default: avma
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  facts:
    support: full
author:
  - avma contributors
"""

EXAMPLES = r"""
- name: Read the license
  avma.avma.avma_facts:

- name: Fail where a guest is not licensed
  ansible.builtin.assert:
    that: avma.guest.licensed
    fail_msg: "{{ avma.guest.products | map(attribute='nextSteps') | flatten | join(' ') }}"

- name: Read the license as an ordinary user
  avma.avma.avma_facts:
    gather: [license]
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: always
  type: complex
  contains:
    avma:
      description: All of them.
      returned: always
      type: complex
      contains:
        installed:
          description: Whether the command avma is there.
          type: bool
          returned: always
        version:
          description: Its version. Null where it is not there.
          type: str
          returned: always
        guest:
          description: C(avma guest status --json), see docs/schemas/guest-status.schema.json of avma.
          type: dict
          returned: always
        host:
          description: C(avma host status --json), see docs/schemas/host-status.schema.json of avma.
          type: dict
          returned: always
        license:
          description: The license file, see docs/schemas/license.schema.json of avma.
          type: dict
          returned: always
        errors:
          description: What could not be read, and why. Each has C(what), C(code), C(message) and C(hint).
          type: list
          elements: dict
          returned: always
"""

import json

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_text
from ansible_collections.avma.avma.plugins.module_utils.avma import Avma

COMMANDS = {"guest": ["guest", "status", "--read-only"], "host": ["host", "status"]}


def read_license(file):
    """The license file, or the error."""
    try:
        with open(file, "rb") as opened:
            return json.loads(to_text(opened.read())), None
    except (IOError, OSError) as thrown:
        return None, {"code": "file-not-found", "message": "cannot read %s: %s" % (file, thrown.strerror), "hint": ""}
    except ValueError:
        return None, {"code": "file-invalid", "message": "%s is no JSON" % file, "hint": ""}


def main():
    module = AnsibleModule(
        argument_spec={
            "gather": {
                "type": "list",
                "elements": "str",
                "choices": ["guest", "host", "license"],
                "default": ["guest"],
            },
            "license_file": {"type": "path", "default": "/run/avma/license.json"},
            "executable": {"type": "str", "default": "avma"},
        },
        supports_check_mode=True,
    )
    avma = Avma(module)
    facts = {
        "installed": avma.is_installed(),
        "version": None,
        "guest": None,
        "host": None,
        "license": None,
        "errors": [],
    }
    if avma.is_installed():
        status, stdout, _stderr = avma.run(["--version"])
        facts["version"] = stdout.strip() if status == 0 else None
    for what in module.params["gather"]:
        if what == "license":
            facts[what], error = read_license(module.params["license_file"])
        elif avma.is_installed():
            facts[what], error = avma.try_json(COMMANDS[what])
        else:
            error = {"code": "file-not-found", "message": "the command avma is not there", "hint": ""}
        if error is not None:
            kept = {member: error.get(member) for member in ("code", "message", "hint")}
            facts["errors"].append(dict(kept, what=what))
    module.exit_json(changed=False, ansible_facts={"avma": facts})


if __name__ == "__main__":
    main()
