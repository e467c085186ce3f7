#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: avma_host_certificate
short_description: Have a host of avma certified
version_added: 0.1.0
description:
  - Gives a host its identity if it has none, writes the request for the vendor into a file, and installs the
    certificate that the vendor made of it.
  - Run it twice. The first run leaves the request. The second one, when the vendor has answered, gets the certificate.
  - A request is written only while it is needed, and a certificate is installed only if the host does not have it. The
    next one may be installed before the present one ends.
options:
  name:
    description: The host's name, as guests show it. It counts when the identity is made. Default is the machine's name.
    type: str
  request:
    description:
      - The file on the host that the request is written to. It is left alone if it holds a request of this host.
      - Nothing in it is secret.
    type: path
  certificate:
    description: The vendor's certificate, a file on the host.
    type: path
  content:
    description: The vendor's certificate itself.
    # A template that gives JSON may reach the module as a dictionary.
    type: json
  renew_days:
    description: A request is written too when the certificate ends within so many days.
    type: int
    default: 30
  executable:
    description: The command avma, by its name or its path.
    type: str
    default: avma
attributes:
  check_mode:
    support: full
    description: A certificate is verified as if it were installed. Nothing is written.
  diff_mode:
    support: full
    description: Shows the certificate and the host that the request file is for.
author:
  - avma contributors
"""

EXAMPLES = r"""
- name: Write a request for the vendor
  avma.avma.avma_host_certificate:
    name: hv01
    request: /root/avma-request.json

- name: Install the certificate that the vendor sent
  avma.avma.avma_host_certificate:
    content: "{{ lookup('ansible.builtin.file', 'certificates/hv01.json') }}"
"""

RETURN = r"""
host:
  description: Name, hardware ID and state, as C(avma host status --json) shows them.
  returned: when the host has an identity
  type: dict
request_needed:
  description: Whether the vendor has to certify this host, or to do it again.
  returned: when the host has an identity
  type: bool
certificate:
  description: The certificate that is used now. Null if there is none.
  returned: when the host has an identity
  type: dict
code:
  description: On failure, the code of avma's error. See docs/errors.md of avma.
  returned: failure
  type: str
  sample: certificate-expired
"""

import base64
import json
import os
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible_collections.avma.avma.plugins.module_utils.avma import Avma

MINUTES_OF_A_DAY = 24 * 60


class HostCertificate(object):
    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.avma = Avma(module)
        self.before = {}
        self.after = {}
        self.changed = False

    def run(self):
        self.avma.require()
        status, error = self.avma.try_json(["host", "status"])
        if error is not None and error["code"] != "file-not-found":
            self.avma.fail(error)
        if status is None:
            status = self.make_identity()
        if status is None:
            # Check mode: without an identity there is neither a request nor a certificate to look at.
            self.end()
        # The certificate first: with it a request may not be needed any more.
        self.install_certificate(status)
        status = self.avma.json(["host", "status"])
        needed = self.is_request_needed(status)
        if needed and self.params["request"] is not None:
            self.write_request()
        self.end(
            host={member: status[member] for member in ("name", "hardwareId", "state", "folder")},
            request_needed=needed,
            certificate=status["certificate"],
        )

    def end(self, **result):
        self.module.exit_json(changed=self.changed, diff={"before": self.before, "after": self.after}, **result)

    def note(self, what, before, after):
        self.changed = True
        self.before[what], self.after[what] = before, after

    def make_identity(self):
        self.note("identity", None, self.params["name"] or "this machine's name")
        if self.module.check_mode:
            return None
        name = [] if self.params["name"] is None else ["--name", self.params["name"]]
        self.avma.json(["host", "init"] + name)
        return self.avma.json(["host", "status"])

    def install_certificate(self, status):
        content = self.certificate()
        if content is None:
            return
        activate = ["host", "activate", "-"]
        found = self.avma.json(activate + ["--dry-run"], data=content)
        # The host has it already, beside others perhaps.
        if found["outcome"] == "present":
            return
        self.note("certificate", status["certificate"], found["certificate"])
        if not self.module.check_mode:
            self.avma.json(activate, data=content)

    def certificate(self):
        """The certificate as text; None where the task names none."""
        if self.params["content"] is not None:
            return self.params["content"]
        file = self.params["certificate"]
        if file is None:
            return None
        try:
            with open(file, "rb") as opened:
                return to_text(opened.read(), errors="surrogate_or_replace")
        except (IOError, OSError) as thrown:
            self.module.fail_json(msg="Cannot read the certificate %s: %s" % (file, thrown.strerror))

    def is_request_needed(self, status):
        remaining = status["remainingMinutes"]
        return (
            status["state"] != "activated"
            or remaining is None
            or remaining < self.params["renew_days"] * MINUTES_OF_A_DAY
        )

    def write_request(self):
        file = self.params["request"]
        status, stdout, stderr = self.avma.run(["host", "request"])
        if status != 0:
            self.module.fail_json(msg="avma host request: %s" % stderr.strip(), rc=status)
        present, wanted = self.asked_by(file), identity_of(stdout)
        if present == wanted:
            return
        self.note("request", present, wanted)
        if self.module.check_mode:
            return
        descriptor, temporary = tempfile.mkstemp(dir=self.module.tmpdir)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(to_bytes(stdout))
        os.chmod(temporary, 0o644)
        self.module.atomic_move(temporary, file)

    def asked_by(self, file):
        """Which host the present request is of; None where there is none, or something else stands there."""
        if not os.path.exists(file):
            return None
        try:
            with open(file, "rb") as opened:
                return identity_of(opened.read())
        except (IOError, OSError) as thrown:
            self.module.fail_json(msg="Cannot read the request %s: %s" % (file, thrown.strerror))


def identity_of(request):
    """The host in a request: its name, hardware ID and keys, without the time; None for what is no request."""
    try:
        payload = json.loads(to_text(request))["payload"]
        padded = payload + "=" * (-len(payload) % 4)
        asked = json.loads(to_text(base64.urlsafe_b64decode(to_bytes(padded))))
        return {member: asked[member] for member in ("hostName", "hardwareId", "signingKey", "boxKey")}
    except (ValueError, KeyError, TypeError):
        return None


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str"},
            "request": {"type": "path"},
            "certificate": {"type": "path"},
            "content": {"type": "json"},
            "renew_days": {"type": "int", "default": 30},
            "executable": {"type": "str", "default": "avma"},
        },
        mutually_exclusive=[["certificate", "content"]],
        supports_check_mode=True,
    )
    HostCertificate(module).run()


if __name__ == "__main__":
    main()
