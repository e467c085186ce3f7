/** Where events go under a real systemd: into its journal, and when not. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MESSAGE_IDS } from '../../src/events/message-ids.ts';
import { KEY } from '../e2e/transcripts.ts';
import { type BuiltPackage, builtPackage } from '../support/built-package.ts';
import { createMachine, type Machine } from './machine.ts';
import { missingForNspawn } from './requirements.ts';
import { lookUntil } from './steps.ts';

const missing = missingForNspawn();
const built = missing === undefined ? await builtPackage() : { missing };
const title =
  'missing' in built ? `events under systemd (skipped: ${built.missing})` : 'events under systemd';

describe.skipIf('missing' in built)(title, () => {
  const { deb } = built as BuiltPackage;
  let machine: Machine;

  beforeAll(async () => {
    machine = createMachine('bookworm');
    await machine.boot();
    fs.copyFileSync(deb, path.join(machine.root, 'root/avma.deb'));
    await machine.output('dpkg', '--install', '/root/avma.deb');
    // An agent would write events of its own.
    await machine.output('systemctl', 'stop', 'avma-agent');
    // No host answers in here: each activation is an event that says so.
    await machine.run('avma', 'guest', 'install-key', KEY);
  });
  afterAll(async () => {
    await machine?.dispose();
  });

  type Entry = Readonly<Record<string, string>>;

  /** What the journal holds under these conditions, once all that was written is in it. */
  async function journal(...conditions: readonly string[]): Promise<Entry[]> {
    await machine.output('journalctl', '--sync');
    const json = await machine.output('journalctl', '--output=json', '--no-pager', ...conditions);
    return json
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Entry);
  }
  const activations = () => journal(`MESSAGE_ID=${MESSAGE_IDS[12309]}`);

  /** The activations that the command adds to the journal, and to events.jsonl. */
  async function addedBy(program: string, ...args: readonly string[]) {
    const before = (await activations()).length;
    const lines = eventLines();
    expect((await machine.run(program, ...args)).status).not.toBe(0);
    return { entries: (await activations()).slice(before), lines: eventLines() - lines };
  }
  const eventLines = () =>
    fs.readFileSync(path.join(machine.root, 'var/lib/avma/events.jsonl'), 'utf8').split('\n').length - 1;
  const configure = (events: object) => machine.write('etc/avma/config.json', JSON.stringify({ events }));
  const underSystemd = ['systemd-run', '--quiet', '--wait', '--unit=try', '--collect'] as const;

  test('a command that somebody types writes no entry, and its event is in events.jsonl', async () => {
    expect(await addedBy('avma', 'guest', 'activate')).toEqual({ entries: [], lines: 1 });
    // A shell that a service has started hands this variable on.
    const handedOn = ['env', 'JOURNAL_STREAM=8:12345', 'avma', 'guest', 'activate'] as const;
    expect(await addedBy(...handedOn)).toEqual({ entries: [], lines: 1 });
  });

  test('a command of a service writes one, with a field for each member', async () => {
    const { entries, lines } = await addedBy(...underSystemd, 'avma', 'guest', 'activate');
    expect(lines).toBe(1);
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      ...{
        PRIORITY: '3',
        SYSLOG_IDENTIFIER: 'avma',
        OBJECT_SYSTEMD_UNIT: 'try.service',
        _TRANSPORT: 'journal',
      },
      ...{ AVMA_EVENT_ID: '12309', AVMA_KIND: 'activation', AVMA_OUTCOME: 'Invalid Host' },
      ...{ AVMA_CODE: 'pipe-not-found', AVMA_STATE: 'initial-grace', AVMA_TRIGGER: 'command' },
      MESSAGE: expect.stringMatching(/^Invalid Host: .* \[pipe-not-found\]$/),
      AVMA_VM_ID: expect.stringMatching(/^[0-9a-f-]{36}$/),
      AVMA_ACTIVATION_ID: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(entries[0]).not.toHaveProperty('AVMA_HOST_NAME');
  });

  test('the configuration decides otherwise', async () => {
    configure({ journald: true });
    expect((await addedBy('avma', 'guest', 'activate')).entries).toHaveLength(1);
    configure({ journald: false });
    expect(await addedBy(...underSystemd, 'avma', 'guest', 'activate')).toEqual({ entries: [], lines: 1 });
  });

  test('the agent writes entries of its own, found by their MESSAGE_ID', async () => {
    configure({});
    await machine.output('systemctl', 'start', 'avma-agent');
    await machine.output('systemctl', 'stop', 'avma-agent');
    for (const [eventId, kind] of [
      [1, 'agent-started'],
      [2, 'agent-stopped'],
    ] as const) {
      const entry = (await journal(`MESSAGE_ID=${MESSAGE_IDS[eventId]}`)).at(-1);
      expect(entry).toMatchObject({
        ...{
          PRIORITY: '6',
          AVMA_KIND: kind,
          AVMA_CODE: 'success',
          OBJECT_SYSTEMD_UNIT: 'avma-agent.service',
        },
      });
    }
  });

  test('syslog gets a line where the configuration asks for it', async () => {
    configure({ syslog: true });
    expect(await addedBy('avma', 'guest', 'activate')).toEqual({ entries: [], lines: 1 });
    const line = (await journal('SYSLOG_IDENTIFIER=avma', '_TRANSPORT=syslog')).at(-1);
    expect(line).toMatchObject({ PRIORITY: '3', SYSLOG_FACILITY: '3' });
    expect(line?.MESSAGE).toMatch(/^Invalid Host: .* \[pipe-not-found\] eventId="12309" kind="activation"/);
  });

  test('the agent says in the journal what a setup file has set', async () => {
    configure({});
    machine.write('etc/avma/setup.yaml', 'schema: avma.setup/1\npipe: unix:/srv/nowhere.sock\n', 0o600);
    await machine.output('systemctl', 'start', 'avma-agent');
    const applied = () => journal(`MESSAGE_ID=${MESSAGE_IDS[3]}`);
    await lookUntil('the setup is applied', async () => (await applied()).length > 0);
    const entries = await applied();
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      ...{ AVMA_KIND: 'setup-applied', AVMA_TRIGGER: 'setup', PRIORITY: '6' },
      MESSAGE: 'the pipe from /etc/avma/setup.yaml was applied',
    });
    // The unit before the agent has applied it; a change is applied by the agent itself, which also has a log.
    machine.write('etc/avma/setup.yaml', 'schema: avma.setup/1\npipe: unix:/srv/other.sock\n', 0o600);
    await lookUntil('the change is applied', async () => (await applied()).length > 1);
    await machine.output('systemctl', 'stop', 'avma-agent');
    const lines = await machine.output('journalctl', '--output=cat', '--no-pager');
    expect(lines.match(/the pipe from \/etc\/avma\/setup\.yaml was applied/gi)).toHaveLength(2);
  });
});
