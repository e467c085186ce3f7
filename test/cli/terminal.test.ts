/** What a person sees on a terminal, and a program does not. util-linux's script gives the commands a terminal. */
import { execFile, execFileSync } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT, type ServedHost, STANDARD_2012_R2, TestMachine } from './test-machine.ts';

function scriptIsMissing(): boolean {
  try {
    execFileSync('script', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    process.stderr.write("Tests on a terminal are skipped: util-linux's script is missing.\n");
    return true;
  }
}

describe.skipIf(scriptIsMissing())('on a terminal', () => {
  const machine = new TestMachine();
  let host: ServedHost;
  const silent = net.createServer(() => {});

  beforeAll(async () => {
    await machine.certifyHost();
    host = await machine.serve();
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: 'unix:h.sock' } });
    await new Promise<void>((resolve) => silent.listen(machine.at('silent.sock'), resolve));
  });
  afterAll(async () => {
    silent.close();
    await host.stop();
    machine.close();
  });

  /** Everything that appears on the terminal, stdout and stderr alike. */
  const onTerminal = (command: string, env: NodeJS.ProcessEnv = {}): Promise<string> =>
    new Promise((resolve) => {
      const line = `'${process.execPath}' '${path.join(ROOT, 'bin')}/'${command}`;
      execFile(
        'script',
        ['--quiet', '--return', '--command', line, '/dev/null'],
        { env: { ...machine.env, TERM: 'xterm', ...env }, cwd: machine.folder, encoding: 'utf8' },
        (_failed, stdout) => resolve(stdout.replaceAll('\r\n', '\n')),
      );
    });

  test('slmgr colours, and the text is the same to the byte', async () => {
    const coloured = await onTerminal('slmgr /dli');
    const plain = await machine.run('slmgr', ['/dli']);
    expect(coloured).toContain('\u001b[32mLicense Status: Licensed\u001b[39m');
    expect(stripVTControlCharacters(coloured)).toBe(plain.stdout);
  });

  test.each([[{ NO_COLOR: '1' }], [{ TERM: 'dumb' }]])('%j asks for no colour', async (env) => {
    expect(await onTerminal('slmgr /dli', env)).not.toContain('\u001b');
  });

  test('a wait longer than a moment shows, and what is shown is taken off again', async () => {
    const env = { AVMA_PIPE: 'unix:silent.sock', AVMA_DEADLINE: '1.5' };
    const seen = await onTerminal('slmgr /ato', env);
    expect(seen).toMatch(/\r\S waiting for the host \.\.\. 1 s\r\u001b\[K.*Activating /s);
    expect(seen).toContain('look at the host, then try again.');
    const program = await machine.run('slmgr', ['/ato'], { env });
    expect(program.stdout).not.toContain('waiting');
    expect(program.stderr).toBe('');
  });
});
