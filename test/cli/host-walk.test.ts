/**
 * An operator's host from its first day: activations, what the views say of them, what a VM holds is freed, a ledger
 * that is verified, exported, changed by a byte and cut, and a host that goes on after kill -9. All by
 * the built commands. AVMA_TEST_TRANSCRIPT=FILE writes down what was typed and what was printed.
 */
import fs from 'node:fs';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ran, type RunOptions, type ServedHost, STANDARD_2012_R2, TestMachine } from './test-machine.ts';

const machine = new TestMachine();
const transcript: string[] = [];
let host: ServedHost;

async function typed(command: 'avma' | 'slmgr', line: string, options: RunOptions = {}): Promise<Ran> {
  const ran = await machine.run(command, line.split(' '), options);
  transcript.push(`# ${command} ${line}`, ran.stderr + ran.stdout);
  if (ran.status !== 0) transcript.push(`(exit status ${ran.status})\n`);
  return ran;
}

const vmId = (number: number) => `6f2a1d3c-1111-4222-8333-${String(number).padStart(12, '0')}`;

function guest(number: number, pipe = host.uri): NodeJS.ProcessEnv {
  const [AVMA_STATE_DIR, AVMA_RUN_DIR] = [machine.at(`guest${number}`), machine.at(`run${number}`)];
  return { AVMA_STATE_DIR, AVMA_RUN_DIR, AVMA_VM_ID: vmId(number), AVMA_PIPE: pipe };
}

async function activate(number: number): Promise<void> {
  const env = guest(number);
  await machine.mustRun('avma', ['guest', 'trust', 'add', 'v/root.pub.json'], { env });
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
}

const IS_WANTED = process.env.AVMA_TEST_VM === 'required';

describe.skipIf(!IS_WANTED)('with AVMA_TEST_VM=required', () => {
  beforeAll(async () => {
    await machine.certifyHost('10.0.26100');
    host = await machine.serve();
    for (const number of [1, 2]) await activate(number);
  });
  afterAll(async () => {
    await host?.stop();
    await machine.close();
    const file = process.env.AVMA_TEST_TRANSCRIPT;
    if (file !== undefined) fs.writeFileSync(file, transcript.join('\n'));
  });

  describe('an operator looks at a running host', () => {
    test('which says what it did', async () => {
      const status = await typed('avma', 'host status --check');
      expect(status).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/^Guests +2 licensed, of 2 known/m),
      });
      expect(status.stdout).toMatch(/^Last hour +2 approved, 0 refused$/m);
      const guests = (await typed('avma', 'host guests')).stdout.split('\n');
      expect(guests.filter((line) => /ServerStandard +licensed/.test(line))).toHaveLength(2);
      expect((await typed('avma', `host guests ${vmId(2)}`)).stdout).toMatch(/approved +\d{4}-\d\d-\d\d/);
      expect((await typed('avma', 'host events --since today')).stdout).toMatch(/approved +ServerStandard/);
      expect((await typed('avma', 'host seats')).stdout).toMatch(/2 VMs/);
      expect((await typed('avma', 'host top')).stdout).toMatch(/hv01/);
    });

    test('which bears a load of 20 guests', async () => {
      const load = `host load --requests 20 --guests 20 --connections 4 --pipe ${host.uri} --json`;
      const ran = await typed('avma', load, { env: { AVMA_TRUST_DIR: machine.at('v') } });
      expect(JSON.parse(ran.stdout)).toMatchObject({ requests: 20, failures: 0 });
      // What a status says of the ledger is a moment old, and longer where reading it took long.
      await expect
        .poll(async () => (await typed('avma', 'host status')).stdout)
        .toMatch(/^Guests +22 licensed, of 22 known/m);
    });

    test('and frees what a VM holds', async () => {
      expect(await typed('avma', `host release ${vmId(1)}`)).toMatchObject({ status: 0 });
      expect((await typed('avma', `host guests ${vmId(1)}`)).stdout).toMatch(/^Present +no/m);
    });
  });

  describe('the ledger', () => {
    test('is whole while the host runs, and its export too', async () => {
      expect(await typed('avma', 'host ledger verify')).toMatchObject({ status: 0, stdout: WHOLE });
      expect(await typed('avma', 'host ledger export -o out.jsonl')).toMatchObject({ status: 0 });
      expect(await typed('avma', 'host ledger verify out.jsonl')).toMatchObject({ status: 0, stdout: WHOLE });
    });

    test('has all answers after kill -9, and the host goes on', async () => {
      await host.stop('SIGKILL');
      expect(await typed('avma', 'host ledger verify')).toMatchObject({ status: 0, stdout: WHOLE });
      expect((await typed('avma', 'host status')).stdout).toMatch(/^Running +no/m);
      host = await machine.serve();
      await activate(3);
      expect((await typed('avma', 'host guests')).stdout.match(/ licensed /g)).toHaveLength(23);
      await host.stop();
      expect(await typed('avma', 'host ledger verify')).toMatchObject({ status: 0, stdout: WHOLE });
    });

    test('shows which record was changed by one byte', async () => {
      spoil(
        () => "update records set text = replace(text, 'ServerStandard', 'ServerStandart') where seq = 9",
      );
      const verified = await typed('avma', 'host ledger verify');
      expect(verified.status).toBe(1);
      expect(verified.stdout).toMatch(/^Problems +record 9 was changed/m);
      expect(verified.stdout).not.toMatch(/record (8|10) /);
      spoil(
        () => "update records set text = replace(text, 'ServerStandart', 'ServerStandard') where seq = 9",
      );
      expect(await typed('avma', 'host ledger verify')).toMatchObject({ status: 0, stdout: WHOLE });
    });

    test('shows that the last ten records are gone, and the checkpoints of them', async () => {
      spoil(
        (head) =>
          `delete from records where seq > ${head - 10}; delete from checkpoints where seq > ${head - 10}`,
      );
      const verified = await typed('avma', 'host ledger verify');
      expect(verified.status).toBe(1);
      expect(verified.stdout).toMatch(/^Problems +the last 10 records are missing/m);
    });
  });

  const WHOLE = expect.stringMatching(/^Verdict +whole$/m);

  /** Changes the ledger of a host that does not run, as somebody would who has its file. */
  function spoil(sql: (head: number) => string): void {
    const database = new Database(machine.at('host/ledger.db'));
    const { head } = database.prepare('select max(seq) as head from records').get([]) as { head: number };
    database.exec(sql(head));
    database.close();
  }
});
