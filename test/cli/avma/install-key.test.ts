/** `avma guest install-key`: the key comes from an argument, from stdin, from a pipe or from a file. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtCommand, type Ran, type ServedHost, STANDARD_2012_R2, TestMachine } from '../test-machine.ts';

const machine = new TestMachine();
let host: ServedHost;
const env = { AVMA_PIPE: 'unix:h.sock' };

beforeAll(async () => {
  await machine.certifyHost();
  host = await machine.serve();
  fs.writeFileSync(machine.at('key.txt'), `${STANDARD_2012_R2}\n`);
});
afterAll(async () => {
  await host.stop();
  await machine.close();
});

/** Runs a line of bash in which `avma` is the built command. */
function bash(line: string, more: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(
      'bash',
      ['-c', `avma() { '${builtCommand('avma').join("' '")}' "$@"; }; ${line}`],
      { env: { ...machine.env, ...env, ...more }, cwd: machine.folder, encoding: 'utf8' },
      (failed, stdout, stderr) =>
        resolve({ stdout, stderr, status: failed === null ? 0 : Number(failed.code ?? -1) }),
    );
  });
}

describe('a key is read once, and the product that it belongs to is named', () => {
  test.each([
    ['an argument', `avma guest install-key ${STANDARD_2012_R2}`],
    ['stdin that is a pipe', `echo ${STANDARD_2012_R2} | avma guest install-key -`],
    ['stdin that is a file', 'avma guest install-key - < key.txt'],
    ['a pipe that bash names', `avma guest install-key @<(printf ${STANDARD_2012_R2})`],
    ['a file', 'avma guest install-key @key.txt'],
    ['lower case, with blanks around it', `avma guest install-key ' ${STANDARD_2012_R2.toLowerCase()} '`],
  ])('%s', async (_what, line) => {
    const ran = await bash(`${line}; status=$?; avma guest reset --yes 2>&- >&-; exit $status`, {
      AVMA_STATE_DIR: machine.at('fresh'),
      AVMA_TRUST_DIR: machine.at('guest/trust.d'),
    });
    expect(ran.stderr).toMatch(
      /^Installed the key of "Windows\(R\), ServerStandard edition" \(it ends in MTB6V\)\.\n"Windows.*" is activated by host hv01 for (7 days|6 days 23 hours)\.\n$/,
    );
    expect(ran).toMatchObject({ stdout: '', status: 0 });
  });
});

test('a key whose activation failed stays installed, and the reason and the next step are said', async () => {
  const ran = await bash(`avma guest install-key ${STANDARD_2012_R2} --pipe unix:nobody.sock`, {
    AVMA_STATE_DIR: machine.at('hostless'),
  });
  expect(ran.status).toBe(0);
  expect(ran.stderr).toMatch(
    /^Installed the key of "Windows.*\nIt is not activated yet: no host at unix:nobody\.sock/,
  );
  expect(ran.stderr).toMatch(/\nStart the host \(avma host serve\)/);
});

test('a key that is not to be activated is installed, and no host is asked', async () => {
  const hostless = { AVMA_STATE_DIR: machine.at('image') };
  const asked = machine.events('host').length;
  const ran = await bash(`avma guest install-key ${STANDARD_2012_R2} --no-activate`, hostless);
  expect(ran).toMatchObject({ stdout: '', status: 0 });
  expect(ran.stderr).toMatch(
    /^Installed the key of "Windows.*\nIts license: initial grace\. The agent activates it; by hand: avma guest activate\.\n$/,
  );
  expect(machine.events('host')).toHaveLength(asked);
  const status = await bash('avma guest status --json', hostless);
  expect(JSON.parse(status.stdout).products).toMatchObject([
    { partialProductKey: 'MTB6V', lastAttempt: null },
  ]);
  expect(
    (await bash('avma guest install-key WWVGQ-PNHV9-B89P4-8GGM9-XXXXX --no-activate', hostless)).status,
  ).toBe(65);
});

test('a key that no catalog lists changes nothing', async () => {
  const ran = await bash('echo wrong | avma guest install-key -');
  expect(ran.status).toBe(65);
  expect(ran.stderr).toMatch(/\[key-invalid, 0xC004F050\]/);
});

describe('what is no key is not read without end', () => {
  test.each(['@/dev/zero', '@/dev/urandom', '@.'])('%s', async (argument) => {
    const ran = await bash(`ulimit -v 4000000; avma guest install-key ${argument}`);
    expect(ran.status).toBe(65);
    expect(ran.stderr).toMatch(/is (a device|a folder), not a plain file/);
  });
});
