/** A host's reports from the command line, beside the running host, and what a vendor makes of them. */
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faketimeLibrary, STANDARD_2012_R2, TestMachine } from '../test-machine.ts';

const machine = new TestMachine();
const KEY = ['--key', 'v/root.pub.json'];
const report = (...args: string[]) => machine.run('avma', ['vendor', 'report', ...args]);

beforeAll(async () => {
  await machine.certifyHost();
  const host = await machine.serve();
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: 'unix:h.sock' } });
  // The host runs on while the report is made.
  await machine.mustRun('avma', ['host', 'report', '-o', '1.json']);
  await machine.mustRun('slmgr', ['/ato'], { env: { AVMA_PIPE: 'unix:h.sock' } });
  expect(await host.stop()).toBe(0);
  await machine.mustRun('avma', ['host', 'report', '-o', '2.json']);
  await machine.mustRun('avma', ['host', 'report', '-o', '3.json']);
});
afterAll(() => machine.close());

const decode = (name: string) => {
  const file = JSON.parse(fs.readFileSync(machine.at(name), 'utf8'));
  return JSON.parse(Buffer.from(file.report.payload, 'base64url').toString());
};

test('each answer is in one report, the marks of start and stop too', async () => {
  const approved = ['1.json', '2.json', '3.json'].map((name) =>
    decode(name).days.reduce((sum: number, day: { approved: number }) => sum + day.approved, 0),
  );
  expect(approved).toEqual([1, 1, 0]);
  const { stdout } = await machine.mustRun('avma', ['host', 'ledger', 'export']);
  const lines = stdout.split('\n').filter((line) => line.startsWith('{"previous":'));
  expect(decode('1.json').ledger.count + decode('2.json').ledger.count).toBe(lines.length);
  expect(lines.map((line) => JSON.parse(line).mark ?? JSON.parse(line).decision)).toEqual([
    'started',
    'approved',
    'approved',
    'stopped',
  ]);
  expect(decode('1.json').incidents).toMatchObject([{ kind: 'channel-without-vm' }]);
});

test('without -o the report goes to stdout, and what it says to stderr', async () => {
  const { stdout, stderr } = await machine.mustRun('avma', ['host', 'report']);
  expect(JSON.parse(stdout)).toMatchObject({ schema: 'avma.usage-report/1', names: null });
  expect(stderr).toMatch(/^Reported:\n {2}Host +hv01 /);
  expect(stderr).toMatch(/Next: send it to the vendor/);
});

describe('the vendor', () => {
  test('verifies reports in a row', async () => {
    const { stdout, status } = await report('verify', '1.json', '2.json', '3.json', ...KEY);
    expect(stdout).toMatch(/3 reports of 1 host: all hold\.\n$/);
    expect(status).toBe(0);
  });

  test('is told where a page went', async () => {
    const { stdout, stderr } = await report('merge', '1.json', '2.json', ...KEY, '--html', '-o', 'page.html');
    expect([stdout, stderr]).toEqual(['', 'Wrote page.html.\n']);
  });

  test('gives a folder that somebody sent, whatever else lies in it', async () => {
    fs.mkdirSync(machine.at('usb/more'), { recursive: true });
    for (const name of ['1.json', '2.json', '3.json']) {
      fs.copyFileSync(machine.at(name), machine.at(`usb/${name}`));
    }
    fs.copyFileSync(machine.at('v/root.pub.json'), machine.at('usb/root.pub.json'));
    fs.writeFileSync(machine.at('usb/notes.json'), '{ no JSON');
    expect((await report('verify', 'usb', ...KEY)).stdout).toMatch(/3 reports of 1 host: all hold\.\n$/);
    const { stderr, status } = await report('verify', 'usb/more', ...KEY);
    expect(stderr).toMatch(/there is no usage report in usb\/more\. \[file-not-found/);
    expect(status).toBe(66);
  });

  test('is shown a damaged report of a folder', async () => {
    fs.mkdirSync(machine.at('cut'));
    fs.writeFileSync(machine.at('cut/1.json'), fs.readFileSync(machine.at('1.json')).subarray(0, 900));
    const { stdout, status } = await report('verify', 'cut', ...KEY);
    expect(stdout).toMatch(/^report-invalid /m);
    expect(status).toBe(1);
  });

  test('is shown a gap, with exit status 1', async () => {
    const { stdout, status } = await report('verify', '1.json', '3.json', ...KEY);
    expect(stdout).toMatch(/^report-gap +nothing is reported from .* between 1\.json and 3\.json$/m);
    expect(stdout).toMatch(/These reports do not hold\.\n$/);
    expect(status).toBe(1);
  });

  test('is shown a changed line, and refuses to add it up', async () => {
    const text = fs.readFileSync(machine.at('1.json'), 'utf8');
    const file = JSON.parse(text);
    const payload = Buffer.from(file.report.payload, 'base64url')
      .toString()
      .replace('"approved":1', '"approved":0');
    file.report.payload = Buffer.from(payload).toString('base64url');
    fs.writeFileSync(machine.at('changed.json'), JSON.stringify(file));
    const verified = await report('verify', 'changed.json', ...KEY);
    expect(verified.stdout).toMatch(/^report-invalid +changed\.json was changed after host hv01 signed it/m);
    expect(verified.status).toBe(1);
    const merged = await report('merge', 'changed.json', '2.json', ...KEY);
    expect(merged.stderr).toMatch(/changed\.json was changed after host hv01 signed it.*\[report-invalid/);
    expect(merged.status).not.toBe(0);
  });

  test('has to name a root to verify and to merge, and none to look', async () => {
    expect((await report('verify', '1.json')).stderr).toMatch(/--key root\.pub\.json/);
    expect((await report('merge', '1.json')).stderr).toMatch(/--key root\.pub\.json/);
    const shown = await report('show', '1.json');
    expect(shown.stdout).toMatch(/^Host +hv01 /);
    expect(shown.stderr).toMatch(/^Signatures were not checked/);
  });

  test('gets a table for spreadsheets and a page for browsers', async () => {
    const csv = await report('merge', '1.json', '2.json', ...KEY, '--csv');
    expect(csv.stdout).toMatch(/^\uFEFFdate,product,/);
    await machine.mustRun('avma', [
      'vendor',
      'report',
      'merge',
      '1.json',
      '2.json',
      ...KEY,
      '--html',
      '-o',
      'u.html',
    ]);
    const page = fs.readFileSync(machine.at('u.html'), 'utf8');
    expect(page).toMatch(/^<!DOCTYPE html>\n[\s\S]*<svg [\s\S]*<\/html>\n$/);
    // Entities only: the page is the same in every encoding.
    expect(page).toMatch(/^[\t\n -~]*$/);
    expect((await report('merge', '1.json', ...KEY, '--html', '--csv')).status).not.toBe(0);
  });
});

test('a host whose certificate has ended reports all the same', async ({ skip }) => {
  if (faketimeLibrary() === undefined) skip('libfaketime is not installed');
  const { stdout } = await machine.mustRun('avma', ['host', 'report'], { faketime: '+3y' });
  fs.writeFileSync(machine.at('late.json'), stdout);
  const verified = await report('verify', 'late.json', ...KEY);
  expect(verified.stdout).toMatch(/^certificate-expired /m);
  expect(verified.stdout).toMatch(/: all hold\.\n$/);
});

describe('a host of two vendors', () => {
  const beta = new TestMachine();
  const hostReport = (...args: string[]) => beta.run('avma', ['host', 'report', ...args]);

  beforeAll(async () => {
    await beta.certifyHost();
    await beta.mustRun('avma', ['vendor', 'init', '--out', 'w', '--name', 'Beta Inc']);
    fs.writeFileSync(beta.at('again.json'), (await beta.mustRun('avma', ['host', 'request'])).stdout);
    const args = ['vendor', 'certify', 'again.json', '--key', 'w/root.key', '--days', '30'];
    fs.writeFileSync(beta.at('beta.json'), (await beta.mustRun('avma', args)).stdout);
    await beta.mustRun('avma', ['host', 'activate', 'beta.json']);
  });
  afterAll(() => beta.close());

  test('makes no report before one of them is named, and lists them', async () => {
    const { stdout, stderr, status } = await hostReport();
    expect(stdout).toBe('');
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/certificates of 2 vendors, and a report is for one of them/);
    expect(stderr.match(/[0-9a-f]{16}/g)).toHaveLength(2);
    expect((await hostReport('--vendor', 'Nobody')).stderr).toMatch(
      /no vendor of this host is called "Nobody"/,
    );
  });

  test('makes one for each, that the other cannot read', async () => {
    const [, key = ''] = /([0-9a-f]{16}); /.exec((await hostReport()).stderr) ?? [];
    const { stderr } = await beta.mustRun('avma', ['host', 'report', '--vendor', key, '-o', 'one.json']);
    expect(stderr).toMatch(new RegExp(`^ {2}Products +those of .*\\(${key}\\)$`, 'm'));
    const read = ['v', 'w'].map((folder) =>
      beta.run('avma', ['vendor', 'report', 'verify', 'one.json', '--key', `${folder}/root.pub.json`]),
    );
    expect((await Promise.all(read)).map(({ status }) => status).toSorted()).toEqual([0, 1]);
  });

  test('makes one for both, if it is asked for', async () => {
    const { stderr } = await beta.mustRun('avma', ['host', 'report', '--all-vendors', '-o', 'all.json']);
    expect(stderr).toMatch(/^ {2}Products +those of all vendors$/m);
    for (const folder of ['v', 'w']) {
      await beta.mustRun('avma', [
        'vendor',
        'report',
        'verify',
        'all.json',
        '--key',
        `${folder}/root.pub.json`,
      ]);
    }
    expect((await hostReport('--all-vendors', '--vendor', 'x')).stderr).toMatch(/exclude each other/);
  });
});

test('a period that was reported gives the same report again', async () => {
  const period = ['--from', '2026-01-01', '--to', '2026-01-31'];
  const first = await machine.mustRun('avma', ['host', 'report', ...period]);
  const again = await machine.mustRun('avma', ['host', 'report', ...period]);
  expect(again.stdout).toBe(first.stdout);
  expect(again.stderr).toMatch(/^This period was reported before/);
});

test('a period that is none is refused, with the option that was wrong', async () => {
  const wrong = await machine.run('avma', ['host', 'report', '--from', '2026-13-01']);
  expect(wrong.stderr).toMatch(/--from is "2026-13-01", which names no time/);
  const future = await machine.run('avma', ['host', 'report', '--to', '2199-01-01']);
  expect(future.stderr).toMatch(/2199-01-02 00:00 UTC, which is not over yet/);
});
