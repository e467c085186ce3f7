/** The log of a service whose stderr is systemd's journal, against a datagram socket in the journal's place. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openServiceLog, type ServiceLog } from '../../src/daemon/journal-log.ts';
import { findProgram } from '../../src/system/find-program.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

/** Receives datagrams on the socket, and writes each to stdout with a NUL behind it. */
const RECEIVER = `use Socket; unlink $ARGV[0]; $| = 1; socket(S, AF_UNIX, SOCK_DGRAM, 0); bind(S, sockaddr_un($ARGV[0]));
print "\\0"; while (defined recv(S, $_, 65536, 0)) { print "$_\\0" }`;

interface Journal {
  readonly socket: string;
  /** The entries that came, as their fields. */
  entries(): Record<string, string>[];
  readonly process: ChildProcess;
}

async function journal(socket = path.join(tempFolder(), 'journal')): Promise<Journal> {
  const process = spawn('perl', ['-e', RECEIVER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void process.kill());
  let text = '';
  process.stdout.on('data', (piece) => {
    text += piece;
  });
  await until('the socket is there', () => text !== '');
  const entries = () =>
    text
      .split('\0')
      .filter((entry) => entry !== '')
      .map((entry) =>
        Object.fromEntries(
          entry
            .trimEnd()
            .split('\n')
            .map((line) => line.split(/=(.*)/s, 2)),
        ),
      );
  return { socket, entries, process };
}

function openLog(
  socket: string,
  env: NodeJS.ProcessEnv = process.env,
): { log: ServiceLog; stderr: string[] } {
  const stderr: string[] = [];
  const log = openServiceLog({
    ...{ env, socket, identifier: 'avma-host', isJournal: true },
    stderr: (line) => stderr.push(line),
  });
  onTestFinished(() => log.close());
  return { log, stderr };
}

/** A folder for PATH that has only these programs. */
function pathWith(...names: readonly string[]): NodeJS.ProcessEnv {
  const folder = tempFolder();
  for (const name of names) {
    const file = name === 'python3' ? '/usr/bin/python3' : findProgram(name, process.env);
    if (file !== null) fs.symlinkSync(file, path.join(folder, name));
  }
  return { PATH: folder };
}

test('without a journal a line is a line', () => {
  const stderr: string[] = [];
  const { write } = openServiceLog({ env: {}, identifier: 'x', stderr: (line) => stderr.push(line) });
  write('One\nline.', { level: 'error', fields: { AVMA_CODE: 'refused' } });
  expect(stderr).toEqual(['One\\u{a}line.']);
});

describe.each([
  ['perl', findProgram('perl', process.env) !== null],
  ['python3', fs.existsSync('/usr/bin/python3')],
])('through %s', (program, isThere) => {
  test.skipIf(!isThere)('an entry has its priority and its fields, and is nowhere else', async () => {
    const { socket, entries } = await journal();
    const { log, stderr } = openLog(socket, pathWith(program));
    log.write('Refused: no.', {
      level: 'notice',
      fields: { AVMA_CODE: 'vm-refused', AVMA_VM: 'a\nPRIORITY=0' },
    });
    log.write('Näher: plain.');
    await log.close();
    await until('both have come', () => entries().length === 2);
    expect(entries()).toEqual([
      {
        ...{ MESSAGE: 'Refused: no.', PRIORITY: '5', SYSLOG_IDENTIFIER: 'avma-host' },
        ...{ SYSLOG_PID: String(process.pid), AVMA_CODE: 'vm-refused', AVMA_VM: 'a\\u{a}PRIORITY=0' },
      },
      expect.objectContaining({ MESSAGE: 'Näher: plain.', PRIORITY: '6' }),
    ]);
    expect(stderr).toEqual([]);
  });

  test.skipIf(!isThere)('what the journal does not take is on stderr, with its priority', async () => {
    const { log, stderr } = openLog(path.join(tempFolder(), 'nobody'), pathWith(program));
    log.write('Refused: no.', { level: 'warning' });
    await log.close();
    expect(stderr).toEqual(['<4>Refused: no.']);
  });
});

test('without a program that sends, each line has its priority', () => {
  const { log, stderr } = openLog('/nowhere', pathWith());
  log.write('Failed: it.', { level: 'error' });
  log.write('Approved: it.');
  expect(stderr).toEqual(['<3>Failed: it.', '<6>Approved: it.']);
});

test('a journal that hangs keeps nothing waiting: what is too much for it is on stderr', async () => {
  const { socket, process: receiver, entries } = await journal();
  const { log, stderr } = openLog(socket);
  receiver.kill('SIGSTOP');
  for (let nth = 0; nth < 1500; nth++) log.write(`Line ${nth}.`);
  expect(stderr).toHaveLength(500);
  receiver.kill('SIGCONT');
  await log.close();
  await until('the others have come', () => entries().length === 1000);
  expect(stderr).toHaveLength(500);
});
