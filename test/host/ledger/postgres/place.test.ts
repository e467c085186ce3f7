/** Where a database is, as URL, environment and password file say. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { passwordFromFile, passwordIn } from '../../../../src/host/ledger/postgres/password.ts';
import {
  connectionAttempts,
  connectionConfig,
  placeText,
  postgresPlace,
} from '../../../../src/host/ledger/postgres/place.ts';
import { MIGRATIONS } from '../../../../src/host/ledger/postgres/schema.ts';
import { sha256Hex } from '../../../../src/system/sha256.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

describe('a URL', () => {
  test('says all of it', () => {
    const url = 'postgres://us%40er:p%3Aw@db.example:6432/le%20dger?sslmode=verify-full&sslrootcert=/ca.pem';
    expect(postgresPlace(url, {})).toEqual({
      ...{ host: 'db.example', port: 6432, user: 'us@er', password: 'p:w', database: 'le dger' },
      ...{ sslMode: 'verify-full', sslRootCert: '/ca.pem', sslCert: null, sslKey: null },
    });
  });

  test('leaves the rest to the environment, as other programs do', () => {
    const env = {
      PGHOST: 'h',
      PGPORT: '1',
      PGUSER: 'u',
      PGDATABASE: 'd',
      PGPASSWORD: 'p',
      PGSSLMODE: 'require',
    };
    expect(postgresPlace('postgres://', env)).toMatchObject({
      ...{ host: 'h', port: 1, user: 'u', database: 'd', password: 'p', sslMode: 'require' },
    });
  });

  test('may name a folder of sockets, and an address of IPv6', () => {
    expect(postgresPlace('postgres:///d?host=/run/pg&user=u', {})).toMatchObject({
      host: '/run/pg',
      user: 'u',
    });
    expect(postgresPlace('postgresql://u@[::1]/d', {})).toMatchObject({ host: '::1', port: 5432 });
  });

  test.each([
    'mysql://h/d',
    'postgres://h/d?sslmode=perhaps',
    'postgres://h/d?sslmod=require',
    'postgres://h/%zz',
    'postgres:///d?host=h&port=0',
  ])('%s is none: argument-invalid', (url) => {
    expect(() => postgresPlace(url, {})).toThrow(expect.objectContaining({ code: 'argument-invalid' }));
  });

  test('is shown without the password', () => {
    for (const url of [
      'postgres://u:secret@h/d',
      'postgres://u:secret@[::1]:1/d',
      'postgres:///d?host=/s&user=u',
    ]) {
      expect(placeText(postgresPlace(url, { PGPASSWORD: 'secret' }))).not.toContain('secret');
    }
  });
});

describe('sslmode', () => {
  const place = (url: string) => postgresPlace(url, {});
  test('prefer, the default, takes a plain connection where there is no TLS; sockets have none', () => {
    expect(connectionAttempts(place('postgres://u@h/d'))).toEqual(['tls', 'plain']);
    expect(connectionAttempts(place('postgres://u@h/d?sslmode=require'))).toEqual(['tls']);
    expect(connectionAttempts(place('postgres://u@h/d?sslmode=disable'))).toEqual(['plain']);
    expect(connectionAttempts(place('postgres:///d?host=/run&sslmode=verify-full'))).toEqual(['plain']);
  });

  test.each([
    ['require', { rejectUnauthorized: false }],
    ['verify-ca', { rejectUnauthorized: true, checkServerIdentity: expect.any(Function) }],
    ['verify-full', { rejectUnauthorized: true, servername: 'h' }],
  ])('%s checks what its name says', (mode, ssl) => {
    const env = { HOME: tempFolder() };
    expect(connectionConfig(place(`postgres://u@h/d?sslmode=${mode}`), 'tls', env).ssl).toEqual(
      mode === 'require' ? expect.objectContaining(ssl) : ssl,
    );
  });
});

describe('the password file', () => {
  const wanted = { host: 'db', port: 5432, user: 'avma', database: 'ledger' };

  test.each<[string, string | null]>([
    ['db:5432:ledger:avma:secret', 'secret'],
    ['# a comment\nother:*:*:*:no\n*:*:*:*:any', 'any'],
    ['db:5432:ledger:avma:with\\:colon\\\\', 'with:colon\\'],
    ['db:5433:ledger:avma:other port', null],
    ['db:5432:ledger', null],
    ['', null],
  ])('%j', (text, password) => {
    expect(passwordIn(text, wanted)).toBe(password);
  });

  test('finds a folder of sockets as localhost', () => {
    expect(passwordIn('localhost:*:*:*:here', { ...wanted, host: '/run/postgresql' })).toBe('here');
  });

  test('that others may read is refused, and one that is not there is none', () => {
    const folder = tempFolder();
    const env = { HOME: folder };
    expect(passwordFromFile(wanted, env)).toBeNull();
    fs.writeFileSync(path.join(folder, '.pgpass'), '*:*:*:*:secret', { mode: 0o644 });
    expect(() => passwordFromFile(wanted, env)).toThrow(expect.objectContaining({ code: 'access-denied' }));
    fs.chmodSync(path.join(folder, '.pgpass'), 0o600);
    expect(passwordFromFile(wanted, env)).toBe('secret');
    expect(() => passwordFromFile(wanted, { PGPASSFILE: path.join(folder, 'no') })).toThrow(
      expect.objectContaining({ code: 'file-not-found' }),
    );
  });
});

test('a step between versions of the tables that was released is never changed', () => {
  expect(MIGRATIONS.map((step) => sha256Hex(step))).toEqual([
    'd6846ce471e2acf2d333c8a47755f5f1f89365ec60ee4cadfd24997a910560dd',
  ]);
});
