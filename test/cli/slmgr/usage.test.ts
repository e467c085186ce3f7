import { describe, expect, test } from 'vitest';
import { OPTIONS } from '../../../src/cli/slmgr/options.ts';
import { joinLines } from '../../../src/cli/slmgr/run.ts';
import { usageLines } from '../../../src/cli/slmgr/usage.ts';

const lines = usageLines();

/** Every option as slmgr writes it, in order; an empty string is an empty line before what follows. */
const SYNTAX = [
  '',
  'Global Options:',
  '/ipk <Product Key>',
  '/ato [Activation ID]',
  '/dli [Activation ID | All]',
  '/dlv [Activation ID | All]',
  '/xpr [Activation ID]',
  '',
  'Advanced Options:',
  '/cpky ',
  '/ilc <License file>',
  '/rilc ',
  '/rearm ',
  '/rearm-app <Application ID>',
  '/rearm-sku <Activation ID>',
  '/upk [Activation ID]',
  '',
  '/dti [Activation ID]',
  '/atp <Confirmation ID> [Activation ID]',
  '',
  'Volume Licensing: Key Management Service (KMS) Client Options:',
  '/skms <Name[:Port] | : port> [Activation ID]',
  '/ckms [Activation ID]',
  '/skms-domain <FQDN> [Activation ID]',
  '/ckms-domain [Activation ID]',
  '/skhc ',
  '/ckhc ',
  '',
  'Volume Licensing: Token-based Activation Options:',
  '/lil ',
  '/ril <ILID> <ILvID>',
  '/ltc ',
  '/fta <Certificate Thumbprint> [<PIN>]',
  '',
  'Volume Licensing: Key Management Service (KMS) Options:',
  '/sprt <Port>',
  '/sai <Activation Interval>',
  '/sri <Renewal Interval>',
  '/sdns ',
  '/cdns ',
  '/spri ',
  '/cpri ',
  '/act-type [Activation-Type] [Activation ID]',
  '',
  'Volume Licensing: Active Directory (AD) Activation Options:',
  '/ad-activation-online <Product Key> [Activation Object name]',
  '/ad-activation-get-iid <Product Key>',
  '/ad-activation-apply-cid <Product Key> <Confirmation ID> [Activation Object name]',
  '/ao-list ',
  '/del-ao <Activation Object DN | Activation Object RDN>',
];

describe('the usage text', () => {
  test('begins with slmgr.vbs’s five lines', () => {
    expect(lines.slice(0, 5)).toEqual([
      'Windows Software Licensing Management Tool',
      'Usage: slmgr.vbs [MachineName [User Password]] [<Option>]',
      '           MachineName: Name of remote machine (default is local machine)',
      '           User:        Account with required privilege on remote machine',
      '           Password:    password for the previous account',
    ]);
  });

  test('has the 37 options in slmgr’s order, with its empty lines and trailing spaces', () => {
    expect(lines.slice(5).filter((line) => !line.startsWith('    '))).toEqual(SYNTAX);
    expect(OPTIONS).toHaveLength(37);
  });

  test('follows every option with one line of description, indented by four spaces', () => {
    for (const [at, line] of lines.entries()) {
      if (line.startsWith('/')) expect(lines[at + 1]).toMatch(/^ {4}\S.*[^\s.]$/);
    }
  });

  test('is one text: nothing shows that slmgr writes it in five pieces', () => {
    const text = joinLines(lines, '\n');
    expect(text).not.toContain('\n\n\n');
    expect(text.match(/\n\n/g)).toHaveLength(7);
    expect(text.endsWith('\n\n')).toBe(false);
  });
});
