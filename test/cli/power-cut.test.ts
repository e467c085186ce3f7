/**
 * No answer leaves before its record is on the disk. A process that is killed loses nothing that it had written, so
 * only
 * the system calls show it: each answer is written to its socket after the database's log was flushed.
 */
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findProgram } from '../../src/system/find-program.ts';
import { playLoad } from '../support/host-load.ts';
import { TestMachine } from './test-machine.ts';

const machine = new TestMachine();
const required = process.env.AVMA_TEST_VM === 'required';
const canTrace = process.platform === 'linux' && findProgram('strace', process.env) !== null;
if (required && !canTrace) throw new Error('strace is missing: apt-get install strace');

beforeAll(() => (canTrace ? machine.certifyHost('10.0.26100') : undefined));
afterAll(() => machine.close());

/** What happened to the database's log between two answers. */
interface Answered {
  readonly written: number;
  /** How many of those writes were made before a flush began that had ended when the answer was written. */
  readonly flushed: number;
}

const CALL = /^(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed)(.*)$/;

/** Reads what `strace -f -y` wrote, line by line in the order in which calls began and ended. */
function answersIn(trace: string): Answered[] {
  const answers: Answered[] = [];
  /** Of each thread, how many writes there had been when the flush that it is in began. */
  const flushing = new Map<string, number>();
  let [written, flushed, before] = [0, 0, 0];
  for (const line of trace.split('\n')) {
    const [, thread = '', call = '', rest = ''] = CALL.exec(line) ?? [];
    const begins = !line.includes(' resumed>');
    const ends = !line.includes('<unfinished ...>');
    if (begins && call === 'pwrite64' && rest.includes('ledger.db-wal>')) written += 1;
    if (/^f(data)?sync$/.test(call)) {
      if (begins && rest.includes('ledger.db-wal>')) flushing.set(thread, written);
      if (ends && / = 0$/.test(line)) flushed = Math.max(flushed, flushing.get(thread) ?? 0);
      if (ends) flushing.delete(thread);
    }
    if (begins && rest.includes('avma/1 response ')) {
      answers.push({ written: written - before, flushed: flushed - before });
      before = written;
    }
  }
  return answers;
}

test.skipIf(!canTrace)('an answer is written to its socket when its record was flushed', async () => {
  const calls = 'trace=pwrite64,write,writev,sendto,sendmsg,fsync,fdatasync';
  const strace = ['strace', '-D', '-f', '-qq', '-y', '-s', '64', '-e', calls, '-o', 'trace.txt'];
  const host = await machine.serve([], 'h.sock', { under: strace });
  const load = await playLoad(machine, ['--requests', '20', '--connections', '1']);
  expect(load).toMatchObject({ requests: 20, failures: 0 });
  await host.stop();
  const answers = answersIn(fs.readFileSync(machine.at('trace.txt'), 'utf8'));
  expect(answers).toHaveLength(20);
  expect(answers.filter(({ written }) => written === 0)).toEqual([]);
  expect(answers.filter(({ flushed }) => flushed <= 0)).toEqual([]);
});
