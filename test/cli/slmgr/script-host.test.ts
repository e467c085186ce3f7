import { describe, expect, test } from 'vitest';
import {
  CSCRIPT_BANNER,
  type HostCommandLine,
  readCscriptWords,
  readSlmgrWords,
  timeoutLines,
} from '../../../src/cli/slmgr/script-host.ts';

const words = (commandLine: string) => commandLine.split(' ').filter((word) => word !== '');
const folder = {
  resolve: (script: string) => (script.startsWith('/') ? script : `/home/${script}`),
  exists: (path: string) => path === '/home/other.vbs' || path === '/home/noextension',
};
const cscript = (commandLine: string) => readCscriptWords(words(commandLine), folder);
const slmgr = (commandLine: string) => readSlmgrWords(words(commandLine), '/opt/avma/bin/slmgr');

const DEFAULTS = { banner: true, batch: false, unicode: false, timeoutSeconds: 0 };
const linesOf = (read: HostCommandLine) => (read.kind === 'answer' ? read.lines : []);

test('the banner is cscript’s', () => {
  expect(CSCRIPT_BANNER).toEqual([
    'Microsoft (R) Windows Script Host Version 5.812',
    'Copyright (C) Microsoft Corporation. All rights reserved.',
    '',
  ]);
});

test('the end of the time is reported in two lines', () => {
  expect(timeoutLines('C:\\Windows\\System32\\slmgr.vbs')).toEqual([
    'Script execution time was exceeded on script "C:\\Windows\\System32\\slmgr.vbs".',
    'Script execution was terminated.',
  ]);
});

describe('cscript takes its own options and slmgr gets the rest', () => {
  test.each([
    ['slmgr.vbs /dlv', {}, ['/dlv']],
    ['//NoLogo slmgr.vbs /dlv', { banner: false }, ['/dlv']],
    ['/NoLogo C:/Windows/System32/SLMGR.VBS -dli', { banner: false }, ['-dli']],
    ['-nologo slmgr.vbs -dli', { banner: false }, ['-dli']],
    ['-NOLOGO -b slmgr.vbs /dlv', { banner: false, batch: true }, ['/dlv']],
    ['//nologo C:\\Windows\\System32\\slmgr.vbs /dlv All', { banner: false }, ['/dlv', 'All']],
    ['slmgr.vbs //NoLogo /dlv', { banner: false }, ['/dlv']],
    ['slmgr.vbs /dlv //NoLogo', { banner: false }, ['/dlv']],
    ['slmgr.vbs /NoLogo', {}, ['/NoLogo']],
    ['slmgr.vbs -nologo', {}, ['-nologo']],
    ['slmgr.vbs /B', {}, ['/B']],
    ['//E:VBScript //S //X //D //I //H:CScript //Job:x slmgr.vbs', {}, []],
    ['/b /e:vbscript /t:60 /u slmgr.vbs /xpr', { batch: true, unicode: true, timeoutSeconds: 60 }, ['/xpr']],
    ['slmgr.vbs /ato //t:5 //U //b', { batch: true, unicode: true, timeoutSeconds: 5 }, ['/ato']],
    ['/windows/system32/slmgr.vbs web01 /dlv', {}, ['web01', '/dlv']],
    ['slmgr.vbs', {}, []],
  ])('%s', (commandLine, options, slmgrArgv) => {
    expect(cscript(commandLine)).toMatchObject({
      kind: 'run',
      options: { ...DEFAULTS, ...options },
      slmgrArgv,
    });
  });
});

describe('slmgr never sees a word that begins with two slashes', () => {
  test.each([
    ['//B /ato', { batch: true }, ['/ato']],
    ['/dli //nologo', { banner: false }, ['/dli']],
    ['//T:5 /ato', { timeoutSeconds: 5 }, ['/ato']],
    ['//u /ipk //I KEY', { unicode: true }, ['/ipk', 'KEY']],
    ['/nologo', {}, ['/nologo']],
    ['-b', {}, ['-b']],
    ['//B', { batch: true }, []],
  ])('%s', (commandLine, options, slmgrArgv) => {
    expect(slmgr(commandLine)).toEqual({
      kind: 'run',
      options: { ...DEFAULTS, ...options },
      script: '/opt/avma/bin/slmgr',
      slmgrArgv,
    });
  });
});

describe('of options that contradict each other the last one counts', () => {
  test.each([
    ['//NoLogo //Logo /dlv', {}],
    ['//Logo //NoLogo /dlv', { banner: false }],
    ['//B //I /dlv', {}],
    ['//I //B //B /dlv', { batch: true }],
    ['//T:5 //T:9 /dlv', { timeoutSeconds: 9 }],
    ['//T:5 //T:0 /dlv', {}],
    ['//T:32767 /dlv', { timeoutSeconds: 32_767 }],
  ])('%s', (commandLine, options) => {
    expect(slmgr(commandLine)).toMatchObject({ kind: 'run', options: { ...DEFAULTS, ...options } });
  });
});

describe('what the script host refuses, with exit status 1', () => {
  test.each([
    ['//Q slmgr.vbs /dlv', 'Input Error: Unknown option "//Q" specified.'],
    ['/Frobnicate slmgr.vbs', 'Input Error: Unknown option "/Frobnicate" specified.'],
    ['-q slmgr.vbs', 'Input Error: Unknown option "-q" specified.'],
    ['slmgr.vbs //T:soon /dlv', 'Input Error: Unknown option "//T:soon" specified.'],
    ['slmgr.vbs //T: /dlv', 'Input Error: Unknown option "//T:" specified.'],
    ['slmgr.vbs //T:-1 /dlv', 'Input Error: Unknown option "//T:-1" specified.'],
    ['slmgr.vbs //T:32768 /dlv', 'Input Error: Unknown option "//T:32768" specified.'],
    ['slmgr.vbs //', 'Input Error: Unknown option "//" specified.'],
    ['slmgr.vbs ///B', 'Input Error: Unknown option "///B" specified.'],
    ['slmgr.vbs //? //Q', 'Input Error: Unknown option "//Q" specified.'],
    ['//NoLogo', 'Input Error: There is no script file specified.'],
    ['-nologo -u', 'Input Error: There is no script file specified.'],
    ['notslmgr.vbs', 'Input Error: Can not find script file "/home/notslmgr.vbs".'],
    ['no"quote.vbs', 'Input Error: Can not find script file "/home/no"quote.vbs".'],
    ['other.vbs /dlv', 'Input Error: There is no script engine for file extension ".vbs".'],
    ['noextension', 'Input Error: There is no script engine for file extension "".'],
  ])('cscript %s', (commandLine, line) => {
    expect(cscript(commandLine)).toMatchObject({ kind: 'answer', lines: [line], exitStatus: 1 });
  });

  test('slmgr refuses the same words', () => {
    expect(slmgr('//Q /dlv')).toMatchObject({
      kind: 'answer',
      lines: ['Input Error: Unknown option "//Q" specified.'],
      exitStatus: 1,
    });
  });
});

describe('the usage of the script host', () => {
  test.each([
    ['//?', 0],
    ['slmgr.vbs //?', 0],
    ['-?', 0],
    ['', 1],
  ])('cscript %s', (commandLine, exitStatus) => {
    const read = cscript(commandLine);
    expect(read).toMatchObject({ kind: 'answer', exitStatus });
    const [first, blank, heading, ...rest] = linesOf(read);
    expect([first, blank, heading]).toEqual([
      'Usage: CScript scriptname.extension [option...] [arguments...]',
      '',
      'Options:',
    ]);
    expect(rest.at(-1)).toBe('');
    for (const line of rest.slice(0, -1)) expect(line).toMatch(/^ \/\/\S+ +\S/);
  });

  test('names every option that is accepted', () => {
    const named = linesOf(slmgr('//?'))
      .map((line) => /^ \/\/([A-Za-z]+)/.exec(line)?.[1]?.toLowerCase())
      .filter((option) => option !== undefined);
    const all = ['b', 'd', 'e', 'h', 'h', 'i', 'job', 'logo', 'nologo', 's', 't', 'x', 'u'];
    expect(named.toSorted()).toEqual(all.toSorted());
  });
});
