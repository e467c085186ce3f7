/** Scripts that were written for Windows call `cscript slmgr.vbs`, and read what it prints, through bin/cscript. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { minutesLeft } from '../support/minutes-left.ts';
import { type ServedHost, STANDARD_2012_R2, TestMachine } from './test-machine.ts';

const machine = new TestMachine();
let host: ServedHost;
const startedAt = performance.now();

beforeAll(async () => {
  await machine.certifyHost();
  host = await machine.serve();
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: 'unix:h.sock' } });
});
afterAll(async () => {
  await host.stop();
  await machine.close();
});

const SLMGR = String.raw`c:\windows\system32\slmgr.vbs`;
const BANNER =
  'Microsoft (R) Windows Script Host Version 5.812\r\nCopyright (C) Microsoft Corporation. All rights reserved.\r\n\r\n';

test.each([
  [['//nologo', SLMGR, '-dlv']],
  [['/NoLogo', '-I', '//E:VBScript', '//T:600', 'slmgr.vbs', '/DLV']],
  [[SLMGR, '/dlv', '//NOLOGO']],
  [['//nologo', '/mnt/c/Windows/System32/SLMGR.VBS', '/dlv', 'all of this', 'is ignored']],
])('cscript %j prints /dlv with CRLF line ends and without a banner', async (argv) => {
  const { stdout, status } = await machine.run('cscript', argv);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^Software licensing service version: /);
  expect(stdout.replaceAll('\r\n', '')).not.toContain('\n');
});

test('the banner comes first unless it is told not to', async () => {
  const { stdout } = await machine.run('cscript', [SLMGR, '/xpr']);
  expect(stdout.startsWith(`${BANNER}Windows(R), ServerStandard edition:\r\n    Automatic`)).toBe(true);
});

test('exit statuses are passed on', async () => {
  expect((await machine.run('cscript', ['//nologo', SLMGR, '/ipk', 'wrong'])).status).toBe(65);
  expect((await machine.run('cscript', ['//nologo', SLMGR])).status).toBe(1);
  expect((await machine.run('cscript', ['//nologo', 'other.vbs'])).status).toBe(1);
});

describe('readers find what they look for', () => {
  test("Salt's win_license", async () => {
    const { stdout } = await machine.run('cscript', ['C:\\Windows\\System32\\slmgr.vbs', '/dli']);
    const found = /Name: (.*)\r\nDescription: (.*)\r\nPartial Product Key: (.*)\r\nLicense Status: (.*)/.exec(
      stdout,
    );
    expect(found?.slice(1).map((text) => text.trim())).toEqual([
      'Windows(R), ServerStandard edition',
      'Windows(R) Operating System, VIRTUAL_MACHINE_ACTIVATION channel',
      'MTB6V',
      'Licensed',
    ]);
  });

  test("Checkmk's win_license", async () => {
    const { stdout } = await machine.run('cscript', ['//nologo', SLMGR, '/dli']);
    const lines = stdout.split('\r\n').filter((line) => line.trim() !== '');
    const value = (line: string) => line.slice(line.indexOf(':') + 1).trim();
    const status = lines.find((line) => line.split(/\s+/)[0] === 'License');
    const expiration = lines.find((line) => line.includes('expiration'));
    expect(value(status ?? '')).toBe('Licensed');
    expect(Number(/(\d+) minute/.exec(value(expiration ?? ''))?.[1])).toBeOneOf(
      minutesLeft(startedAt, 10_080),
    );
  });
});
