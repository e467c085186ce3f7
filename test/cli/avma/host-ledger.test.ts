/** The ledger of a host that runs and was stopped: verified, changed, exported, folded. */
import fs from 'node:fs';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY, HOUR } from '../../support/clock.ts';
import { approval, refusal, writeLedger } from '../../support/ledger-entries.ts';
import { type ServedHost, TestMachine } from '../test-machine.ts';

const ALL_RUN = process.env.AVMA_TEST_VM === 'required';
const machine = new TestMachine();
let host: ServedHost;
const env = { AVMA_PIPE: 'unix:h.sock' };

beforeAll(async () => {
  await machine.certifyHost();
  host = await machine.serve();
  const load = ['host', 'load', '--pipe', 'unix:h.sock', '--requests', '16', '--product', 'MTB6V'];
  await machine.mustRun('avma', load, { env });
});
afterAll(() => machine.close());

const ledger = (args: readonly string[], folder = 'host') =>
  machine.run('avma', ['host', 'ledger', ...args], { env: { AVMA_HOST_DIR: machine.at(folder) } });

async function verdict(args: readonly string[] = [], folder = 'host') {
  const { stdout, status } = await ledger(['verify', ...args, '--json'], folder);
  const { problems, ...more } = JSON.parse(stdout);
  const found = problems.map(({ kind, from, to }: Record<string, unknown>) => `${kind} ${from} ${to}`);
  return { found, status, ...more };
}

/** A copy of the host's folder, changed by these statements of SQL. */
function changed(name: string, ...statements: readonly string[]): string {
  fs.cpSync(machine.at('host'), machine.at(name), { recursive: true });
  const database = new Database(machine.at(`${name}/ledger.db`));
  for (const statement of statements) database.exec(statement);
  database.close();
  return name;
}

test('beside a running host: whole, with a checkpoint, and the host folds what it is asked to', async () => {
  const { stdout, stderr, status } = await ledger(['verify']);
  expect(stdout).toMatch(/^Records +1[78]$/m);
  expect(stdout).toMatch(/^Verdict +.*whole$/m);
  expect([stderr, status]).toEqual(['', 0]);
  const fold = await ledger(['fold', '--before', '2020-01-01', '--json']);
  expect(JSON.parse(fold.stdout)).toMatchObject({ dryRun: false, renewals: 0, refusals: 0, days: null });
});

describe('of a host that was stopped', () => {
  let head = 0;
  beforeAll(async () => {
    expect(await host.stop()).toBe(0);
    const whole = await verdict();
    expect(whole).toMatchObject({ whole: true, status: 0 });
    expect(whole.checkpoints.newest.seq).toBe(whole.head.seq);
    head = whole.head.seq;
  });

  test('one byte of one record: verify names it', async () => {
    const folder = changed(
      'byte',
      "update records set text = replace(text, 'approved', 'approve!') where seq = 7",
    );
    const { stdout, stderr, status } = await ledger(['verify'], folder);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^Problems +.*record 7 was changed: its digest does not fit it \(20\d\d-/m);
    expect(stderr).toMatch(/^Next: keep this ledger as it is/);
    expect(await verdict([], folder)).toMatchObject({ whole: false, found: ['changed 7 7'] });
  });

  test('the last ten are gone: verify says so, and how many', async () => {
    const folder = changed('short', `delete from records where seq > ${head - 10}`);
    const { stdout, status } = await ledger(['verify'], folder);
    expect(stdout).toMatch(/the last 10 records are missing, or more: the checkpoint of 20\d\d-/);
    expect(status).toBe(1);
    // Also from the file alone, and from the host's log alone.
    const database = new Database(machine.at(`${folder}/ledger.db`));
    database.exec('delete from checkpoints');
    database.close();
    expect((await verdict([], folder)).found).toEqual([`end-missing ${head - 9} ${head}`]);
    // A backup ends early, and is whole by itself.
    expect((await verdict(['--ledger', `sqlite:${machine.at(`${folder}/ledger.db`)}`])).found).toEqual([]);
    fs.rmSync(machine.at(`${folder}/checkpoints.txt`));
    expect((await verdict([], folder)).found).toEqual([]);
    fs.writeFileSync(machine.at('host.log'), host.output());
    const log = ['--checkpoints', 'host.log'];
    expect((await verdict(log, folder)).found).toEqual([`end-missing ${head - 9} ${head}`]);
  });

  test.runIf(ALL_RUN)(
    'with AVMA_TEST_VM=required, an export is verified with the same verdict, and never written over another',
    async () => {
      for (const [folder, out] of [
        ['host', 'whole.jsonl'],
        [changed('gap', 'delete from records where seq between 4 and 5'), 'gap.jsonl'],
      ] as const) {
        const { stderr } = await ledger(['export', '-o', out], folder);
        expect(stderr).toMatch(/^Wrote \d+ lines to /);
        expect(await verdict([out], folder)).toEqual(await verdict([], folder));
        expect((await ledger(['export', '-o', out], folder)).status).not.toBe(0);
        expect(fs.statSync(machine.at(out)).mode & 0o777).toBe(0o600);
      }
      const { stdout } = await ledger(['export', '--since', '1h']);
      expect(stdout).toBe(
        fs.readFileSync(machine.at('whole.jsonl'), 'utf8').replace(/"first":1/, '"first":1'),
      );
      // Who cuts an export, and has it say that it is a part, does not get it called more than a part.
      const lines = stdout.trimEnd().split('\n');
      const cut = [
        lines[0]?.replace('"endsEarly":false', '"endsEarly":true'),
        ...lines.slice(1, -11),
        '{"end":null}',
      ];
      fs.writeFileSync(machine.at('cut.jsonl'), `${cut.join('\n')}\n`);
      expect((await ledger(['verify', 'cut.jsonl'])).stdout).toMatch(
        /^Ends +before its ledger did, as it says/m,
      );
      expect(await verdict(['cut.jsonl'])).toMatchObject({ endsEarly: true });
      // Where there is no host there is no key for the checkpoints.
      const elsewhere = await verdict(['whole.jsonl'], 'nowhere');
      expect(elsewhere).toMatchObject({ whole: true, checkpoints: { checked: null } });
    },
  );

  test('fold says what it would do, and refuses days that are too near', async () => {
    const dry = await ledger(['fold', '--before', '30d', '--dry-run', '--json']);
    expect(JSON.parse(dry.stdout)).toMatchObject({
      dryRun: true,
      folds: 0,
      days: null,
      renewalsBefore: null,
    });
    const { stderr, status } = await ledger(['fold', '--before', 'yesterday']);
    expect(stderr).toMatch(/the last 14 days are not folded\. \[argument-invalid/);
    expect(status).toBe(64);
  });
});

test.runIf(ALL_RUN)(
  'with AVMA_TEST_VM=required, a ledger of JSON Lines of an older avma: verified, taken over, folded, and whole all the time',
  async () => {
    await machine.mustRun('avma', ['host', 'init'], { env: { AVMA_HOST_DIR: machine.at('older') } });
    const days = Array.from({ length: 60 }, (_, nth) => Date.now() - (80 - nth) * DAY + HOUR);
    const file = writeLedger(
      machine.at('older'),
      days.flatMap((time) => [approval(1, time), refusal(2, time)]),
    );
    expect(await verdict([file], 'older')).toMatchObject({ whole: true, records: 120, folded: 0 });
    expect(await verdict([], 'older')).toMatchObject({ whole: true, records: 120 });
    const fold = await ledger(['fold', '--before', '40d', '--unreported', '--json'], 'older');
    expect(JSON.parse(fold.stdout)).toMatchObject({ dryRun: false, renewals: 38, refusals: 40, folds: 1 });
    // 42 are left, and marks of the takeover and of the fold.
    expect(await verdict([], 'older')).toMatchObject({ whole: true, records: 44, folded: 78 });
    await ledger(['export', '-o', 'older.jsonl'], 'older');
    expect(await verdict(['older.jsonl'], 'older')).toEqual(await verdict([], 'older'));
  },
);
