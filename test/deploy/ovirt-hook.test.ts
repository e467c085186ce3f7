/** The hook for oVirt, run by the real Python with a stand-in for vdsm's module `hooking`. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findProgram } from '../../src/system/find-program.ts';
import { tempFolder } from '../support/temp-folder.ts';

const HOOK = new URL('../../deploy/ovirt/50_avma', import.meta.url).pathname;
const DOMAIN =
  "<domain type='kvm'><name>web01</name><devices><channel type='unix'><source mode='bind'/>" +
  "<target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices></domain>";

/** As vdsm's: the domain is a file that the environment names. */
const HOOKING = `
import os
from xml.dom import minidom
def read_domxml():
    return minidom.parse(os.environ['_hook_domxml'])
def write_domxml(domain):
    with open(os.environ['_hook_domxml'], 'w') as file:
        file.write(domain.toxml())
`;

test.skipIf(findProgram('python3', process.env) === null)('gives a domain the channel, once', () => {
  const folder = tempFolder();
  const file = path.join(folder, 'domain.xml');
  fs.writeFileSync(file, DOMAIN);
  fs.writeFileSync(path.join(folder, 'hooking.py'), HOOKING);
  const run = () => {
    execFileSync('python3', [HOOK], {
      env: { ...process.env, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1', _hook_domxml: file },
    });
    return fs.readFileSync(file, 'utf8');
  };
  const once = run();
  expect(once).toContain(
    '<channel type="unix"><source mode="bind"/><target type="virtio" name="org.avma.activation.0"/></channel></devices>',
  );
  expect(once).toContain('org.qemu.guest_agent.0');
  expect(run()).toBe(once);
});
