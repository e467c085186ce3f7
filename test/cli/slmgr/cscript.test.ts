import { describe, expect, test } from 'vitest';
import { CSCRIPT_BANNER, parseCscript } from '../../../src/cli/slmgr/cscript.ts';

const parse = (commandLine: string) => parseCscript(commandLine.split(' ').filter((word) => word !== ''));

test('the banner is cscript’s', () => {
  expect(CSCRIPT_BANNER).toEqual([
    'Microsoft (R) Windows Script Host Version 5.812',
    'Copyright (C) Microsoft Corporation. All rights reserved.',
    '',
  ]);
});

describe('the script host takes its own options and slmgr gets the rest', () => {
  test.each([
    ['slmgr.vbs /dlv', true, ['/dlv']],
    ['//NoLogo slmgr.vbs /dlv', false, ['/dlv']],
    ['//nologo C:\\Windows\\System32\\slmgr.vbs /dlv All', false, ['/dlv', 'All']],
    ['/NoLogo C:/Windows/System32/SLMGR.VBS -dli', false, ['-dli']],
    ['slmgr.vbs //NoLogo /dlv', false, ['/dlv']],
    ['slmgr.vbs /dlv //NoLogo', false, ['/dlv']],
    ['slmgr.vbs /NoLogo', true, ['/NoLogo']],
    ['//B //E:VBScript //T:60 //U //S //X //D //I //H:CScript //Job:x slmgr.vbs', true, []],
    ['/b /e:vbscript /t:60 /u slmgr.vbs /xpr', true, ['/xpr']],
    ['//NoLogo //Logo slmgr.vbs /xpr', true, ['/xpr']],
    ['/windows/system32/slmgr.vbs web01 /dlv', true, ['web01', '/dlv']],
    ['slmgr.vbs', true, []],
  ])('%s', (commandLine, banner, slmgrArgv) => {
    expect(parse(commandLine)).toEqual({ banner, slmgrArgv });
  });
});

describe('what cscript cannot run', () => {
  test.each([
    ['', 'cscript: name the script: cscript //NoLogo slmgr.vbs /dlv'],
    ['//NoLogo', 'cscript: name the script: cscript //NoLogo slmgr.vbs /dlv'],
    ['other.vbs /dlv', 'cscript: other.vbs cannot be run: this cscript runs slmgr.vbs only.'],
    ['notslmgr.vbs', 'cscript: notslmgr.vbs cannot be run: this cscript runs slmgr.vbs only.'],
    ['//Frobnicate slmgr.vbs', 'cscript: //Frobnicate is not an option of the script host.'],
    ['slmgr.vbs //T:soon /dlv', 'cscript: //T:soon is not an option of the script host.'],
  ])('%s', (commandLine, error) => {
    expect(parse(commandLine)).toMatchObject({ slmgrArgv: [], error });
  });
});
