/** The vendor's root through the real command: its passphrase, on a terminal too, and the log of its signatures. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseBySchema } from '../../support/json-schemas.ts';
import { missingScript } from '../../support/script.ts';
import { until } from '../../support/until.ts';
import { builtCommand, TestMachine } from '../test-machine.ts';

const machine = new TestMachine();
const PASSPHRASE = 'correct horse battery';
const avma = (...args: string[]) => machine.run('avma', args);
const certify = (...args: string[]) => avma('vendor', 'certify', 'request.json', ...args);

beforeAll(async () => {
  await machine.mustRun('avma', ['host', 'init', '--name', 'hv01']);
  fs.writeFileSync(machine.at('request.json'), (await machine.mustRun('avma', ['host', 'request'])).stdout);
  fs.writeFileSync(machine.at('pass'), `${PASSPHRASE}\n`);
  fs.writeFileSync(machine.at('wrong'), 'another one\n');
  fs.writeFileSync(machine.at('empty'), '\n');
  await machine.mustRun('avma', ['vendor', 'init', '--out', 'open', '--name', 'Open Ltd']);
  const sealed = ['vendor', 'init', '--out', 'sealed', '--passphrase-file', 'pass', '--json'];
  const { stdout } = await machine.mustRun('avma', sealed);
  expect(parseBySchema(stdout, 'vendor-init')).toMatchObject({ passphrase: true });
});
afterAll(() => machine.close());

describe('a key with a passphrase', () => {
  test('signs with the passphrase of a file', async () => {
    const ran = await certify('--key', 'sealed/root.key', '--passphrase-file', 'pass');
    expect(ran.status, ran.stderr).toBe(0);
    expect(ran.stdout).toContain('host-certificate');
    expect(fs.readFileSync(machine.at('sealed/root.key'), 'utf8')).not.toContain('PRIVATE');
  });

  test.each([
    ['a wrong one', 'wrong', 'passphrase-wrong'],
    ['an empty one', 'empty', 'passphrase-missing'],
    ['a file that is not there', 'nowhere', 'file-not-found'],
  ])('signs nothing with %s', async (_what, file, code) => {
    const log = fs.readFileSync(machine.at('sealed/vendor-log.jsonl'), 'utf8');
    const ran = await certify('--key', 'sealed/root.key', '--passphrase-file', file);
    expect(ran.status).not.toBe(0);
    expect(ran.stdout).toBe('');
    expect(ran.stderr).toContain(`[${code},`);
    expect(fs.readFileSync(machine.at('sealed/vendor-log.jsonl'), 'utf8')).toBe(log);
  });

  test('is named as such where there is no terminal to ask on', async () => {
    const ran = await setsid('vendor', 'certify', 'request.json', '--key', 'sealed/root.key');
    expect(ran).toContain('sealed/root.key needs a passphrase, and there is no terminal to ask on');
    expect(ran).toContain('--passphrase-file FILE.');
  });

  test('is changed, and taken away', async () => {
    fs.cpSync(machine.at('sealed'), machine.at('changed'), { recursive: true });
    const change = ['vendor', 'passphrase', '--key', 'changed/root.key', '--passphrase-file'];
    fs.writeFileSync(machine.at('new'), 'something else entirely');
    const changed = await machine.mustRun('avma', [
      ...change,
      'pass',
      '--new-passphrase-file',
      'new',
      '--json',
    ]);
    expect(parseBySchema(changed.stdout, 'vendor-passphrase')).toMatchObject({ passphrase: true });
    expect((await avma(...change, 'pass', '--remove')).stderr).toContain('[passphrase-wrong,');
    expect((await avma(...change, 'new', '--remove', '--new-passphrase-file', 'new')).stderr).toContain(
      'contradict',
    );
    await machine.mustRun('avma', [...change, 'new', '--remove']);
    expect((await certify('--key', 'changed/root.key')).status).toBe(0);
  });

  test('is made of one without: the file alone changes', async () => {
    fs.cpSync(machine.at('open'), machine.at('given'), { recursive: true });
    const give = ['vendor', 'passphrase', '--key', 'given/root.key', '--new-passphrase-file'];
    expect((await avma(...give, 'empty')).stderr).toContain('[passphrase-missing,');
    expect(fs.readFileSync(machine.at('given/root.key'), 'utf8')).toContain('PRIVATE');
    const given = await machine.mustRun('avma', [...give, 'pass']);
    expect(given.stderr).toContain('Copies and backups of the file are still without one');
    expect(fs.readFileSync(machine.at('given/root.key'), 'utf8')).not.toContain('PRIVATE');
  });
});

/** Runs avma without a terminal, also where the tests have one. */
function setsid(...args: string[]): Promise<string> {
  const [file, ...script] = builtCommand('avma');
  const child = spawn(file, [...script, ...args], { env: machine.env, cwd: machine.folder, detached: true });
  machine.adopt(child);
  return outputOf(child);
}

function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  return new Promise((resolve) => child.once('close', () => resolve(output)));
}

describe.skipIf(missingScript() !== undefined)('on a terminal', () => {
  /** Types each answer when its question is there; what appears meanwhile, and the exit status at its end. */
  async function dialog(args: string, turns: readonly (readonly [question: string, keys: string])[]) {
    const line = `'${builtCommand('avma').join("' '")}' ${args}; echo "status $?"`;
    const child = spawn('script', ['--quiet', '--command', line, '/dev/null'], {
      env: { ...machine.env, TERM: 'dumb' },
      cwd: machine.folder,
    });
    machine.adopt(child);
    let seen = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      seen += text;
    });
    let isOver = false;
    const ended = new Promise<void>((resolve) =>
      child.once('close', () => {
        isOver = true;
        resolve();
      }),
    );
    for (const [question, keys] of turns) {
      await until(`the question ${question}`, () => {
        if (isOver) throw new Error(`the command ended: ${seen}`);
        return seen.includes(question);
      });
      child.stdin.write(keys);
    }
    await ended;
    return seen.replaceAll('\r', '');
  }

  const SIGN = 'vendor certify request.json --key sealed/root.key --out';

  test('the passphrase is asked for, and not shown', async () => {
    const seen = await dialog(`${SIGN} asked.json`, [['Passphrase of sealed/root.key: ', `${PASSPHRASE}\r`]]);
    expect(seen).toContain('Passphrase of sealed/root.key: \nSigned:');
    expect(seen).toContain('status 0');
    expect(seen).not.toContain('horse');
    expect(fs.existsSync(machine.at('asked.json'))).toBe(true);
  });

  test('keys that erase do what they do elsewhere', async () => {
    const keys = `wrong\x15${PASSPHRASE}ä€\x7f\x7f\r`;
    const seen = await dialog(`${SIGN} erased.json`, [['root.key: ', keys]]);
    expect(seen).toContain('status 0');
  });

  test.each([
    ['a wrong one', 'wrong horse\r', 'passphrase-wrong'],
    ['nothing', '\r', 'passphrase-missing'],
    ['the end of the input', '\x04', 'passphrase-missing'],
  ])('%s signs nothing', async (_what, keys, code) => {
    const seen = await dialog(`${SIGN} none.json`, [['root.key: ', keys]]);
    expect(seen).toContain(`[${code},`);
    expect(fs.existsSync(machine.at('none.json'))).toBe(false);
  });

  test('Ctrl-C ends the command, and leaves the terminal as it was', async () => {
    const seen = await dialog(`${SIGN} none.json; stty -a`, [['root.key: ', '\x03']]);
    expect(seen).toMatch(/(?<!-)icanon/);
    expect(seen).toMatch(/(?<!-)\becho\b/);
    expect(fs.existsSync(machine.at('none.json'))).toBe(false);
  });

  test('a new one is asked for twice', async () => {
    const seen = await dialog('vendor init --out asked --passphrase', [
      ['New passphrase of asked/root.key: ', `${PASSPHRASE}\r`],
      ['Once more: ', `${PASSPHRASE}\r`],
    ]);
    expect(seen).toContain('status 0');
    const differ = await dialog('vendor init --out differ --passphrase', [
      ['New passphrase of differ/root.key: ', `${PASSPHRASE}\r`],
      ['Once more: ', 'another one\r'],
    ]);
    expect(differ).toContain('the two passphrases are not the same');
    expect(fs.existsSync(machine.at('differ'))).toBe(false);
  });
});

describe('the vendor log', () => {
  const log = ['vendor', 'log', '--key', 'open/root.key'];

  test('lists all that was signed, and whose', async () => {
    const before = await avma(...log);
    expect(before.stderr).toContain('there is no vendor log open/vendor-log.jsonl');
    await Promise.all([1, 2, 3, 4].map((days) => certify('--key', 'open/root.key', '--days', String(days))));
    await certify('--key', 'open/root.key', '--dry-run');
    const { stdout, stderr, status } = await avma(...log);
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(5);
    expect(stdout).toMatch(
      /UTC {2}host certificate {2}[0-9a-f]{16} {2}[\d-]{10} \d\d:\d\d UTC {2}[0-9a-f]{16} {2}hv01\n/,
    );
    expect(stderr).toBe('open/vendor-log.jsonl: 4 signatures, and the chain of lines holds.\n');
    const read = parseBySchema((await avma(...log, '--json')).stdout, 'vendor-log');
    expect(read).toMatchObject({ whole: true, problem: null, entries: { length: 4 } });
  });

  test('that was changed is named with its line: status 1, and the rest is shown', async () => {
    const lines = fs.readFileSync(machine.at('open/vendor-log.jsonl'), 'utf8').split('\n');
    lines.splice(1, 1);
    fs.writeFileSync(machine.at('changed.jsonl'), lines.join('\n'));
    const { stdout, stderr, status } = await avma('vendor', 'log', '--log', 'changed.jsonl');
    expect(status).toBe(1);
    expect(stdout.trimEnd().split('\n')).toHaveLength(4);
    expect(stderr).toContain('lines before line 2 are missing, or were changed or moved');
    const ran = await avma('vendor', 'log', '--log', 'changed.jsonl', '--json');
    expect(ran.status).toBe(1);
    expect(parseBySchema(ran.stdout, 'vendor-log')).toMatchObject({ whole: false, problem: { line: 2 } });
  });

  test('lies elsewhere for a key on a medium that cannot be written', async () => {
    const ran = await certify('--key', 'open/root.key', '--log', 'nowhere/log.jsonl');
    expect(ran.status).not.toBe(0);
    expect(ran.stdout).toBe('');
    expect(ran.stderr).toContain('the vendor log cannot be written, so nothing was signed');
    expect((await certify('--key', 'open/root.key', '--log', 'other.jsonl')).status).toBe(0);
    expect(fs.existsSync(machine.at('other.jsonl'))).toBe(true);
  });

  test('needs to be named', async () => {
    expect((await avma('vendor', 'log')).stderr).toContain('missing: --key <file> or --log <file>');
  });
});
