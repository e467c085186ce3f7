/** What a person sees on a terminal, and a program does not. util-linux's script gives the commands a terminal. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingScript } from '../support/script.ts';
import { undated } from '../support/undated.ts';
import { until } from '../support/until.ts';
import { builtCommand, type ServedHost, STANDARD_2012_R2, TestMachine } from './test-machine.ts';

const missing = missingScript();
if (missing !== undefined) process.stderr.write(`Tests on a terminal are skipped: ${missing}.\n`);

describe.skipIf(missing !== undefined)('on a terminal', () => {
  const machine = new TestMachine();
  let host: ServedHost;
  const silent = net.createServer((socket) => void waiting.add(socket.on('error', () => {})));
  /** The guests that the silent host lets wait. */
  const waiting = new Set<net.Socket>();

  beforeAll(async () => {
    await machine.certifyHost();
    host = await machine.serve();
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: 'unix:h.sock' } });
    await new Promise<void>((resolve) => silent.listen(machine.at('silent.sock'), resolve));
  });
  afterAll(async () => {
    for (const socket of waiting) socket.destroy();
    silent.close();
    await host.stop();
    await machine.close();
  });

  /** Everything that appears on the terminal, stdout and stderr alike. */
  const onTerminal = (
    command: string,
    env: NodeJS.ProcessEnv = {},
    onSeen: (seen: string, type: (keys: string) => void) => void = () => {},
  ): Promise<string> =>
    new Promise((resolve) => {
      const [name = '', ...args] = command.split(' ');
      const line = `'${builtCommand(name).join("' '")}' ${args.join(' ')}`;
      const child = execFile(
        'script',
        ['--quiet', '--return', '--command', line, '/dev/null'],
        { env: { ...machine.env, TERM: 'xterm', ...env }, cwd: machine.folder, encoding: 'utf8' },
        (_failed, stdout) => resolve(stdout.replaceAll('\r\n', '\n')),
      );
      let seen = '';
      child.stdout?.on('data', (text) => {
        seen += text;
        onSeen(seen, (keys) => void child.stdin?.write(keys));
      });
    });

  test('a host leaves out the checkpoints, which are for a log that is kept', async () => {
    const env = { AVMA_HOST_DIR: machine.at('watched') };
    await machine.mustRun('avma', ['host', 'init'], { env });
    const seen = await onTerminal('avma host serve --listen unix:w.sock', env, (text, type) => {
      if (text.includes('any guest') && !text.includes('^C')) type('\x03');
    });
    expect(seen).toContain('Stopped by SIGINT.');
    expect(seen).not.toContain('checkpoint');
    expect(fs.readFileSync(machine.at('watched/checkpoints.txt'), 'utf8')).toContain(
      'avma ledger checkpoint v1',
    );
    await until('another log has them', () => host.output().includes('Ledger: checkpoint '));
  });

  test('slmgr colors, and the text is the same to the byte', async () => {
    const colored = await onTerminal('slmgr /dli');
    const plain = await machine.run('slmgr', ['/dli']);
    expect(colored).toContain('\u001b[32mLicense Status: Licensed\u001b[39m');
    expect(undated(stripVTControlCharacters(colored))).toBe(undated(plain.stdout));
  });

  test('avma colors and marks what is good, and the text is the same besides', async () => {
    const env = { AVMA_PIPE: 'unix:h.sock' };
    const colored = await onTerminal('avma guest status', { ...env, LC_ALL: 'C.UTF-8' });
    const plain = await machine.run('avma', ['guest', 'status'], { env });
    expect(colored).toContain('\u001b[32m✓ licensed, 6 days 23 hours left');
    expect(stripVTControlCharacters(colored).replace('✓ ', '')).toBe(plain.stdout);
    expect(plain.stdout).not.toMatch(/[\u001b✓]/);
  });

  test('avma marks what is bad, and uses no symbol that the terminal may not have', async () => {
    const clone = { AVMA_VM_ID: '99999999-2222-4333-8444-555555555555' };
    const marked = await onTerminal('avma guest status', { ...clone, LC_ALL: 'C.UTF-8' });
    expect(marked).toContain('\u001b[31m✗ not licensed');
    const ascii = await onTerminal('avma guest status', { ...clone, LC_ALL: 'C' });
    expect(ascii).toContain('\u001b[31mnot licensed');
    expect(await onTerminal('avma guest activate nothing', { LC_ALL: 'C' })).toMatch(
      /^\u001b\[31mavma:\u001b\[39m no product key .*\u001b\[2m\[key-not-installed/,
    );
  });

  test.each([[{ NO_COLOR: '1' }], [{ TERM: 'dumb' }]])('avma heeds %j', async (env) => {
    for (const command of ['avma guest status', 'avma --help', 'avma guest stat']) {
      expect(await onTerminal(command, env)).not.toContain('\u001b');
    }
  });

  test.each([[{ NO_COLOR: '1' }], [{ TERM: 'dumb' }]])('%j asks for no color', async (env) => {
    expect(await onTerminal('slmgr /dli', env)).not.toContain('\u001b');
  });

  const SILENT = { AVMA_PIPE: 'unix:silent.sock', AVMA_DEADLINE: '1' };

  test('the Activating line is there before the wait, which shows and is taken off again', async () => {
    const seen = await onTerminal('slmgr /ato', { ...SILENT, AVMA_DEADLINE: '120' }, (text) => {
      if (/waiting for the host \.\.\. \d+ of/.test(text)) for (const socket of waiting) socket.destroy();
    });
    expect(seen).toMatch(
      /^Activating .*\n(?:\r\S waiting for the host \.\.\. \d+ of 120 s)+\r\u001b\[K\u001b\[31mError: 0xC004FD01 /,
    );
    const program = await machine.run('slmgr', ['/ato'], { env: SILENT });
    expect(stripVTControlCharacters(seen.replace(/(?:\r\S waiting .*? s)+\r/, ''))).toBe(
      `${program.stdout}slmgr: ${reasonOf(seen)}`,
    );
  });

  test('slmgr writes the same on stdout, line by line, as into a pipe', async () => {
    const onScreen = await onTerminal('slmgr /ato 2>/dev/null', { ...SILENT, NO_COLOR: '1' });
    expect(onScreen).toBe((await machine.run('slmgr', ['/ato'], { env: SILENT })).stdout);
  });

  describe('a failure of slmgr is explained on stderr, and to a program it is not', () => {
    const fresh = { AVMA_STATE_DIR: 'fresh', AVMA_PIPE: 'unix:nothing.sock' };

    test.each([
      ['/ato', SILENT, /^slmgr: no answer over unix:silent\.sock.*\.\n {7}\S.*\n$/m],
      ['/ato', fresh, /^slmgr: no product key is installed\.\n {7}Install one: slmgr \/ipk KEY\n$/m],
      ['/dlv', fresh, /^slmgr: no product key is installed\.\n {7}Install one: slmgr \/ipk KEY\n$/m],
      ['/xpr', fresh, /^slmgr: no product key is installed\.\n {7}Install one: slmgr \/ipk KEY\n$/m],
      ['/upk', fresh, /^slmgr: no product key is installed\.\n {7}Install one: slmgr \/ipk KEY\n$/m],
      [
        '/ato 1-2-3',
        fresh,
        /^slmgr: no product with the Activation ID 1-2-3 has a key\.\n {7}List .*: slmgr \/dlv all\n$/m,
      ],
      [
        `/ipk ${STANDARD_2012_R2}`,
        fresh,
        /^slmgr: the key is installed, but not activated: no host at .*\.\n {7}.* Then activate: slmgr \/ato\n$/m,
      ],
      ['/ipk WRONG', fresh, /^slmgr: .*\.\n {7}\S.*\n$/m],
    ])('slmgr %s', async (words, env, explained) => {
      expect(await onTerminal(`slmgr ${words}`, env)).toMatch(explained);
      fs.rmSync(machine.at('fresh'), { recursive: true, force: true });
      expect((await machine.run('slmgr', words.split(' '), { env })).stderr).toBe('');
      fs.rmSync(machine.at('fresh'), { recursive: true, force: true });
    });

    test.each(['/dlv', '/dli', '/xpr'])(
      'slmgr %s says why there is no license, and how the last attempt went',
      async (option) => {
        await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: fresh });
        const seen = await onTerminal(`slmgr ${option}`, fresh);
        expect(seen).toMatch(
          /^slmgr: Windows\(R\), ServerStandard edition is not activated; the grace ends on [-\d]+ [\d:]+ UTC; the last attempt, on [-\d]+ [\d:]+ UTC, failed: no host at unix:nothing\.sock .*\.\n {7}\S.* Activate: slmgr \/ato\n$/m,
        );
        expect((await machine.run('slmgr', [option], { env: fresh })).stderr).toBe('');
        fs.rmSync(machine.at('fresh'), { recursive: true, force: true });
      },
    );

    test('nothing is added to the report of a product that is licensed', async () => {
      expect(stripVTControlCharacters(await onTerminal('slmgr /dlv'))).not.toContain('slmgr: ');
    });

    test('not with //B', async () => {
      expect(await onTerminal('slmgr //B /ato', SILENT)).toBe('');
    });

    test('not where stderr goes to a file', async () => {
      expect(await onTerminal('slmgr /ato 2>/dev/null', SILENT)).not.toContain('slmgr: ');
    });
  });

  test('//U changes nothing on a terminal', async () => {
    const env = { NO_COLOR: '1' };
    expect(undated(await onTerminal('slmgr //U /xpr', env))).toBe(
      undated(await onTerminal('slmgr /xpr', env)),
    );
  });

  test('//T ends a run and says so after what was on the screen', async () => {
    let seen = '';
    // On a slow machine, a run of one second may end before it has begun to activate.
    for (let seconds = 1; !seen.includes('Activating') && seconds < 100; seconds *= 2) {
      seen = await onTerminal(`slmgr //T:${seconds} /ato`, { ...SILENT, AVMA_DEADLINE: '600' });
    }
    expect(stripVTControlCharacters(seen)).toMatch(
      /^Activating .*\n.*Script execution time was exceeded on script ".*\/bin\/slmgr"\.\nScript execution was terminated\.\n$/s,
    );
  });
});

/** The lines that explain a failure, from the reason on. */
function reasonOf(seen: string): string {
  return seen.slice(seen.indexOf('slmgr: ') + 'slmgr: '.length);
}
