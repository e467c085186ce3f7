import { describe, expect, test } from 'vitest';
import { parseCommandLine } from '../../../src/cli/slmgr/command-line.ts';
import { usageLines } from '../../../src/cli/slmgr/usage.ts';
import { DATACENTER, FakeService, slmgr } from './fake-service.ts';

const service = new FakeService([DATACENTER]);
const usage = usageLines();

describe('a bad command line shows the usage and exits with 1', () => {
  test.each([
    ['', 'no arguments'],
    ['web01', 'no option'],
    ['web01 admin /dlv', 'a user without a password'],
    ['web01 admin - /dlv', 'a dash is an option'],
    ['web01 admin secret more /dlv', 'four positionals'],
    ['web01 admin secret', 'no option'],
  ])('%s (%s)', async (commandLine) => {
    const result = await slmgr(commandLine, service);
    expect(result.lines).toEqual(['Invalid combination of command parameters.', '', ...usage, '']);
    expect(result.exitStatus).toBe(1);
  });

  test.each([
    '/?',
    '/help',
    '--dlv',
    '/stao',
    '/ctao',
    '/iid',
    '/stc',
    '/d',
    '/dlvx',
    '/dlv:all',
    '-Help',
    '-',
    '/',
  ])('%s', async (option) => {
    const result = await slmgr(`${option} value`, service);
    expect(result.lines).toEqual([`Unrecognized option: ${option}`, '', ...usage, '']);
    expect(result.exitStatus).toBe(1);
  });

  test.each([
    ['/ipk', 'ipk', '<Product Key>'],
    ['-IPK', 'ipk', '<Product Key>'],
    ['/ilc', 'ilc', '<License file>'],
    ['/rearm-app', 'rearm-app', '<Application ID>'],
    ['/rearm-sku', 'rearm-sku', '<Activation ID>'],
    ['/atp', 'atp', '<Confirmation ID>'],
    ['/skms', 'skms', '<Name[:Port] | : port>'],
    ['/skms-domain', 'skms-domain', '<FQDN>'],
    ['/ril', 'ril', '<ILID> <ILvID>'],
    ['/ril 1', 'ril', '<ILID> <ILvID>'],
    ['/fta', 'fta', '<Certificate Thumbprint> [<PIN>]'],
    ['/sprt', 'sprt', '<Port>'],
    ['/sai', 'sai', '<Activation Interval>'],
    ['/sri', 'sri', '<Renewal Interval>'],
    ['/ad-activation-online', 'ad-activation-online', '<Product Key>'],
    ['/ad-activation-get-iid', 'ad-activation-get-iid', '<Product Key>'],
    ['/ad-activation-apply-cid', 'ad-activation-apply-cid', '<Product Key>'],
    ['/ad-activation-apply-cid KEY', 'ad-activation-apply-cid', '<Confirmation ID>'],
    ['/del-ao', 'del-ao', '<Activation Object DN | Activation Object RDN>'],
  ])('%s', async (commandLine, word, value) => {
    const result = await slmgr(commandLine, service);
    expect(result.lines).toEqual(['', `Error: option ${word} needs ${value}`, ...usage, '']);
    expect(result.exitStatus).toBe(1);
  });

  test('the licensing service is left alone', async () => {
    const openService = () => Promise.reject(new Error('opened'));
    for (const commandLine of ['', '/?', '/ipk']) {
      const result = await slmgr(commandLine, service, { openService });
      expect(result).toMatchObject({ advice: [], exitStatus: 1 });
      expect(result).not.toHaveProperty('fault');
    }
  });
});

describe('slmgr does not mind', () => {
  test.each(['/dli', '-dli', '/DLI', '-Dli', '. /dli', '. user password /dli', '/dli "" more', '. /dli'])(
    '%s',
    async (commandLine) => {
      expect(await slmgr(commandLine, service)).toEqual(await slmgr('/dli', service));
    },
  );

  test('more values than the option takes', async () => {
    expect(await slmgr('/cpky foo /bar', service)).toEqual(await slmgr('/cpky', service));
  });
});

test('values keep their case, and may begin with a slash', () => {
  expect(parseCommandLine(['/ilc', '/Etc/Avma/A.json'])).toEqual({
    remote: null,
    option: '/ilc',
    values: ['/Etc/Avma/A.json'],
  });
});

test('what stands before the option names another machine', () => {
  expect(parseCommandLine(['web01', '/dlv'])?.remote).toEqual({ machine: 'web01', user: '', password: '' });
  expect(parseCommandLine(['web01', 'admin', '', '/dlv'])?.remote).toEqual({
    machine: 'web01',
    user: 'admin',
    password: '',
  });
  expect(parseCommandLine(['localhost', '/dlv'])?.remote).toEqual({
    machine: 'localhost',
    user: '',
    password: '',
  });
});
