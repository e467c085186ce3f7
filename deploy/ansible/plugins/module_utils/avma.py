# SPDX-License-Identifier: Apache-2.0
"""What the modules of this collection share: they run the command avma and read its JSON."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json

LICENSED = 1


class Avma(object):
    """The command avma on the machine that is managed."""

    def __init__(self, module):
        self.module = module
        self.executable = module.get_bin_path(module.params["executable"])

    def is_installed(self):
        return self.executable is not None

    def require(self):
        """Ends the module where the command is missing: in check mode it may be what an earlier task would install."""
        if self.is_installed():
            return
        wanted = self.module.params["executable"]
        if self.module.check_mode:
            self.module.exit_json(
                changed=True,
                msg="The command %s is not there yet, so what it would change is not known." % wanted,
            )
        self.module.fail_json(
            msg="The command %s is not on this machine. Install the package of avma, or set executable." % wanted
        )

    def run(self, arguments, data=None):
        """Exit status, stdout and stderr. Secrets go through data, which is stdin: every user can see arguments."""
        return self.module.run_command(
            [self.executable] + arguments,
            data=data,
            environ_update={"NO_COLOR": "1"},
        )

    def try_json(self, arguments, data=None):
        """The result and no error, or no result and the error, both as avma prints them with --json."""
        status, stdout, stderr = self.run(arguments + ["--json"], data)
        try:
            printed = json.loads(stdout)
        except ValueError:
            return None, {
                "schema": "avma.error/1",
                "code": "internal",
                "message": "avma %s printed no JSON and ended with status %d: %s"
                % (" ".join(arguments), status, (stderr or stdout).strip()),
                "hint": "Run the command by hand on the machine.",
                "exitStatus": status or 70,
            }
        if printed.get("schema") == "avma.error/1":
            return None, printed
        return printed, None

    def json(self, arguments, data=None, **result):
        """The result. An error of avma ends the module with avma's own words."""
        printed, error = self.try_json(arguments, data)
        if error is not None:
            self.fail(error, **result)
        return printed

    def fail(self, error, **result):
        self.module.fail_json(
            msg=sentence(error),
            code=error.get("code"),
            hresult=error.get("hresult"),
            hint=error.get("hint"),
            rc=error.get("exitStatus", 1),
            **result
        )


def sentence(error):
    """What happened and what to do now, as avma says it on a terminal."""
    message = error["message"][:1].upper() + error["message"][1:]
    return "%s. %s" % (message.rstrip("."), error.get("hint") or "")
