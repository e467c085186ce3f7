/** The same against OpenSSH's own server; skipped where there is none. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runOverSsh } from '../../../src/cli/slmgr/remote.ts';
import { SSHD_IS_MISSING, type Sshd, startSshd } from '../../support/sshd.ts';

const USER = os.userInfo().username;

describe.skipIf(SSHD_IS_MISSING)('over OpenSSH', () => {
  let sshd: Sshd;
  let folder: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    sshd = await startSshd();
    folder = sshd.folder;
    const slmgr = path.join(folder, 'slmgr');
    fs.writeFileSync(slmgr, '#!/bin/sh\nprintf "%s\\n" "$@"\nprintf "caf\\351\\n"\nexit 84\n', {
      mode: 0o755,
    });
    env = { ...process.env, ...sshd.env, AVMA_REMOTE_SLMGR: slmgr };
  });
  afterAll(() => sshd.stop());

  test('arguments, bytes and exit status survive', async () => {
    const values = ['/ilc', 'a  b', "it's", '', '$HOME `id` "*" \\ ~ !', '-x', 'two\nlines'];
    expect(await runOverSsh({ machine: '127.0.0.1', user: USER, password: '' }, values, { env })).toEqual({
      kind: 'answered',
      output: Buffer.from([...values, 'caf\xe9', ''].join('\n'), 'latin1'),
      exitStatus: 84,
    });
  });

  test('a machine without slmgr is told from one that cannot be reached', async () => {
    const machine = { machine: '127.0.0.1', user: '', password: '' };
    const missing = {
      ...env,
      AVMA_REMOTE_SLMGR: path.join(folder, 'nothing-here'),
      AVMA_SSH: `${env['AVMA_SSH']}`,
    };
    expect(await runOverSsh(machine, ['/dlv'], { env: missing })).toEqual({ kind: 'no-slmgr' });
    const strange = { ...env, AVMA_SSH: env['AVMA_SSH']?.replace(/user$/, 'stranger') };
    expect(await runOverSsh(machine, ['/dlv'], { env: strange })).toEqual({
      kind: 'not-connected',
      hresult: 0x800706ba,
    });
  });

  test('a host key that is not the known one is not connected to', async () => {
    fs.writeFileSync(path.join(folder, 'known_hosts'), '');
    expect(await runOverSsh({ machine: '127.0.0.1', user: '', password: '' }, ['/dlv'], { env })).toEqual({
      kind: 'not-connected',
      hresult: 0x800706ba,
    });
  });
});
