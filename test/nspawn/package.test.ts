/** The .deb on Debian 12 and 13 under their own systemd: what an administrator does with it, in that order. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MESSAGE_IDS } from '../../src/events/message-ids.ts';
import { makeSite, type Site } from '../e2e/host.ts';
import { PACKAGE_ROOT } from '../e2e/requirements.ts';
import { KEY, transcript } from '../e2e/transcripts.ts';
import { type BuiltPackage, builtPackage } from '../support/built-package.ts';
import { withVersion } from './deb.ts';
import { createMachine, type Machine } from './machine.ts';
import { missingForNspawn, SUITES } from './requirements.ts';
import { giveHost, licenseFile, lookUntil, serviceProperty } from './steps.ts';

const missing = missingForNspawn();
const built = missing === undefined ? await builtPackage() : { missing };
const title =
  'missing' in built ? `the package in Debian (skipped: ${built.missing})` : 'the package in Debian';

describe.skipIf('missing' in built).each(SUITES)(`${title}, %s`, (suite) => {
  const { deb: file } = built as BuiltPackage;
  let folder: string;
  let site: Site;
  let machine: Machine;
  let filesBefore: readonly string[];
  /** By performance.now(): when the product was not activated yet. */
  let unlicensedAt: number;

  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-package-'));
    site = makeSite(folder, PACKAGE_ROOT);
    machine = createMachine(suite);
    await machine.boot();
    filesBefore = allFiles(machine);
  });
  afterAll(async () => {
    await machine?.dispose();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const install = async (packageFile: string) => {
    fs.copyFileSync(packageFile, path.join(machine.root, 'root/avma.deb'));
    await machine.output('dpkg', '--install', '/root/avma.deb');
    fs.rmSync(path.join(machine.root, 'root/avma.deb'));
  };

  test('is installed by dpkg, and its agent runs', async () => {
    await install(file);
    expect(await serviceProperty(machine, 'avma-agent', 'ActiveState')).toBe('active');
    expect(await serviceProperty(machine, 'avma-agent', 'UnitFileState')).toBe('enabled');
    expect(await serviceProperty(machine, 'avma-agent', 'StatusText')).not.toBe('');
    expect(await serviceProperty(machine, 'avma-host', 'ActiveState')).toBe('inactive');
    expect(await serviceProperty(machine, 'avma-host', 'UnitFileState')).toBe('disabled');
    expect(await machine.output('systemctl', '--failed', '--no-legend')).toBe('');
  });

  test('has units that systemd finds nothing wrong with', async () => {
    const units = ['avma-agent.service', 'avma-setup.service', 'avma-host.service'];
    expect(await machine.run('systemd-analyze', 'verify', ...units)).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  test('exposes as little as the guides say', async () => {
    for (const [unit, guide] of [
      ['avma-agent', 'guest'],
      ['avma-host', 'host'],
    ]) {
      const said = await machine.output('systemd-analyze', 'security', '--no-pager', `${unit}.service`);
      const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(said) ?? [];
      const text = fs
        .readFileSync(path.join(PACKAGE_ROOT, `docs/${guide}.md`), 'utf8')
        .replaceAll(/\s+/g, ' ');
      expect(text).toContain(`\`systemd-analyze security ${unit}\` says ${exposure}`);
    }
  });

  test('skips a program whose product has no license, and its unit does not fail', async () => {
    installExamples(machine);
    await machine.output('systemctl', 'daemon-reload');
    await machine.output('systemctl', 'enable', '--now', 'appliance-license.path');
    await machine.output('systemctl', 'start', 'appliance');
    expect(await serviceProperty(machine, 'appliance', 'ActiveState')).toBe('inactive');
    expect(await machine.output('journalctl', '--unit=appliance', '--output=cat', '--no-pager')).toContain(
      "Skipped due to 'exec-condition'",
    );
    expect(await machine.output('systemctl', '--failed', '--no-legend')).toBe('');
  });

  test('gets a license by itself as soon as there are a host, an anchor and a key', async () => {
    machine.write(
      'etc/avma/on-change.d/10-note',
      '#!/bin/sh\ncat > /var/lib/avma/hook.json\nexec systemctl start --no-block hooked.service\n',
      0o755,
    );
    machine.write(
      'etc/systemd/system/hooked.service',
      '[Service]\nType=oneshot\nExecStart=touch /root/hooked\n',
    );
    giveHost(machine, site);
    await machine.output('systemctl', 'daemon-reload');
    await machine.output('systemctl', 'enable', '--now', 'avma-host');
    expect(await serviceProperty(machine, 'avma-host', 'ActiveState')).toBe('active');
    unlicensedAt = performance.now();
    machine.write('etc/avma/trust.d/vendor.json', fs.readFileSync(site.anchor));
    machine.write('etc/avma/setup.yaml', `schema: avma.setup/1\nkey: ${KEY}\n`, 0o600);
    await lookUntil('the license file says that the product is licensed', async () => {
      return (await licenseFile(machine))?.products[0]?.state === 'licensed';
    });
    await lookUntil('the agent says so in its status line', async () => {
      return /is licensed by host hv01/.test(await serviceProperty(machine, 'avma-agent', 'StatusText'));
    });
  });

  test('runs the hooks, which can start units outside the sandbox of the agent', async () => {
    await lookUntil('the unit that the hook starts has run', () => exists(machine, 'root/hooked'));
    const change = JSON.parse(fs.readFileSync(path.join(machine.root, 'var/lib/avma/hook.json'), 'utf8'));
    expect(change.schema).toBe('avma.license-change/1');
  });

  test('starts the program as soon as its product is licensed', async () => {
    await lookUntil('the path unit has started the program', async () => {
      return (await serviceProperty(machine, 'appliance', 'ActiveState')) === 'active';
    });
  });

  test('shows the license with slmgr /dlv, to root and to everybody', async () => {
    const lines = (await machine.output('slmgr', '/dlv')).trimEnd().split('\n');
    expect(lines).toEqual(transcript.licensed('hv01', unlicensedAt));
    const others = (await machine.output('runuser', '-u', 'daemon', '--', 'slmgr', '/dlv')).split('\n');
    expect(others).toContain('License Status: Licensed');
    expect(
      (await machine.run('runuser', '-u', 'daemon', '--', 'avma', 'guest', 'check', KEY.slice(-5))).status,
    ).toBe(0);
  });

  test('writes to the journal of its unit what it did, with fields', async () => {
    const json = await machine.output(
      'journalctl',
      ...['--unit=avma-agent', '--output=json', '--no-pager', `MESSAGE_ID=${MESSAGE_IDS[12309]}`],
    );
    const entries = json
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    expect(entries).toContainEqual(expect.objectContaining({ AVMA_CODE: 'success', AVMA_STATE: 'licensed' }));
  });

  test('has manual pages', async () => {
    const pages = await machine.output(
      'sh',
      '-c',
      'dpkg --listfiles avma | grep /share/man/ | grep -v "/man[0-9]*$"',
    );
    const files = pages
      .trim()
      .split('\n')
      .filter((page) => page.endsWith('.gz'));
    expect(files.length).toBeGreaterThan(3);
    for (const page of files) {
      const [, name, section] = /([^/]+)\.(\d)\.gz$/.exec(page) ?? [];
      expect(await machine.output('man', '--where', section ?? '', name ?? '')).toBe(`${page}\n`);
    }
    expect(await machine.output('man', '1', 'slmgr')).toContain('/dlv');
    expect(await machine.output('man', '8', 'avma-agent')).toContain('guest agent');
  });

  test('completes commands in bash', async () => {
    expect(await completions(machine, 'avma', 'gu')).toContain('guest');
    expect(await completions(machine, 'avma', 'guest', 'st')).toContain('status');
    expect(await completions(machine, 'slmgr', '/d')).toContain('/dlv');
  });

  test('is up again after its agent was killed', async () => {
    const killed = await serviceProperty(machine, 'avma-agent', 'MainPID');
    await machine.output('kill', '-KILL', killed);
    expect((await licenseFile(machine))?.products[0]?.state).toBe('licensed');
    await lookUntil('systemd has started the agent again', async () => {
      const pid = await serviceProperty(machine, 'avma-agent', 'MainPID');
      return (
        pid !== '0' &&
        pid !== killed &&
        (await serviceProperty(machine, 'avma-agent', 'ActiveState')) === 'active'
      );
    });
  });

  test('keeps license.json when agent and host are stopped', async () => {
    await machine.output('systemctl', 'stop', 'avma-agent');
    const stopped = await machine.output('systemctl', 'show', '-p', 'Result', '--value', 'avma-agent');
    expect(stopped.trim()).toBe('success');
    expect((await licenseFile(machine))?.products[0]?.state).toBe('licensed');
    await machine.output('systemctl', 'start', 'avma-agent');
  });

  test('is upgraded, and the license stays', async () => {
    const before = await machine.output('slmgr', '/dli');
    const invocation = await serviceProperty(machine, 'avma-agent', 'InvocationID');
    await install(withVersion(file, '9.9.9', folder));
    expect(await machine.output('dpkg-query', '--status', 'avma')).toContain('Version: 9.9.9\n');
    expect(await serviceProperty(machine, 'avma-agent', 'ActiveState')).toBe('active');
    expect(await serviceProperty(machine, 'avma-agent', 'InvocationID')).not.toBe(invocation);
    expect(undated(await machine.output('slmgr', '/dli'))).toBe(undated(before));
    expect(await machine.output('systemctl', '--failed', '--no-legend')).toBe('');
  });

  test('stops the program when its product has no license any more', async () => {
    await machine.output('slmgr', '/upk');
    await lookUntil('the path unit has stopped the program', async () => {
      return (await serviceProperty(machine, 'appliance', 'ActiveState')) === 'inactive';
    });
  });

  test('is removed, and a purge leaves nothing', async () => {
    await machine.output('systemctl', 'disable', '--now', 'appliance-license.path', 'appliance');
    removeOwnFiles(machine);
    await machine.output('dpkg', '--remove', 'avma');
    expect(await serviceProperty(machine, 'avma-agent', 'ActiveState')).toBe('inactive');
    expect(exists(machine, 'var/lib/avma/guest.state')).toBe(true);
    await machine.output('dpkg', '--purge', 'avma');
    expect(allFiles(machine).filter((name) => !filesBefore.includes(name))).toEqual([]);
    expect(filesBefore.filter((name) => !exists(machine, name))).toEqual([]);
    expect(await machine.output('sh', '-c', 'ls /run | grep -i avma || true')).toBe('');
    // systemd forgets a unit without a file when it has nothing else to do.
    await lookUntil('systemd has forgotten the units', async () => {
      return (await machine.output('systemctl', 'list-units', '--all', '--no-legend', '*avma*')) === '';
    });
    expect((await machine.run('pgrep', '-f', 'lib/avma')).status).not.toBe(0);
  });
});

/** Files that others write while a machine runs: logs, and the databases of dpkg and man. */
const NOT_OURS =
  /^(var\/log|var\/lib\/dpkg|var\/lib\/systemd|var\/cache\/(man|ldconfig|debconf)|var\/tmp|run|tmp)(\/|$)/;

/** The names of all files of a machine, from its root, in order; not what is in its memory only. */
function allFiles({ root }: Machine): string[] {
  const names = execFileSync('find', [root, '-xdev', '-mindepth', '1', '-printf', '%P\\0'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return names
    .split('\0')
    .filter((name) => name !== '' && !NOT_OURS.test(name))
    .sort();
}

function exists({ root }: Machine, file: string): boolean {
  return fs.lstatSync(path.join(root, file), { throwIfNoEntry: false }) !== undefined;
}

const EXAMPLES = path.join(PACKAGE_ROOT, 'deploy/systemd/examples');

const APPLIANCE = fs.readdirSync(EXAMPLES).filter((name) => name.startsWith('appliance'));

/** The units of deploy/systemd/examples for this test's product, and a program to run. */
function installExamples(machine: Machine): void {
  machine.write('usr/local/bin/appliance', '#!/bin/sh\nexec sleep infinity\n', 0o755);
  for (const unit of APPLIANCE) {
    const text = fs.readFileSync(path.join(EXAMPLES, unit), 'utf8');
    machine.write(`etc/systemd/system/${unit}`, text.replaceAll('Appliance0', 'ServerStandard'));
  }
}

/** What the test itself has put into the machine, outside of the package's folders. */
function removeOwnFiles({ root }: Machine): void {
  const units = [...APPLIANCE, 'hooked.service', 'avma-host.service.d'];
  for (const name of [
    ...units.map((unit) => `etc/systemd/system/${unit}`),
    'usr/local/bin/appliance',
    'root/hooked',
  ]) {
    fs.rmSync(path.join(root, name), { recursive: true, force: true });
  }
}

/** What bash offers for the last of the words. */
async function completions(machine: Machine, ...words: readonly string[]): Promise<string[]> {
  const script = `
    source /usr/share/bash-completion/bash_completion
    if declare -F _comp_load > /dev/null; then _comp_load "$1"; else _completion_loader "$1"; fi
    function=$(complete -p "$1" | sed 's/.*-F \\([^ ]*\\).*/\\1/')
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
    COMP_POINT=\${#COMP_LINE} COMP_TYPE=9 COMP_KEY=9
    "$function" "$1" "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const offered = await machine.output('bash', '-c', script, 'bash', ...words);
  return offered.split('\n').map((word) => word.trim());
}

/** Without the minutes and times, which move on. */
function undated(text: string): string {
  return text.replaceAll(/\d+\/\d+\/\d{4} .*|\d+ minute\(s\).*/g, '...');
}
