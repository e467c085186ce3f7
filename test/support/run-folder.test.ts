/** That tests which leave something behind are found out. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { closeRunFolder, openRunFolder } from './run-folder.ts';
import { tempFolder } from './temp-folder.ts';
import { until } from './until.ts';

/** A process that would never end, and whose end is waited for when the test is over. */
function endless(options: { cwd?: string; env?: NodeJS.ProcessEnv }) {
  const child = spawn('sleep', ['infinity'], { stdio: 'ignore', ...options });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { pid: child.pid as number, ended };
}

test('a run that left nothing has nothing to report', async () => {
  const outside = tempFolder();
  expect(await closeRunFolder(openRunFolder(outside), 0)).toEqual([]);
  expect(fs.readdirSync(outside)).toEqual([]);
});

test('a file and a folder that were left are named, and removed', async () => {
  const outside = tempFolder();
  const folder = openRunFolder(outside);
  fs.mkdirSync(path.join(folder, 'avma-t-1'));
  fs.writeFileSync(path.join(folder, 'avma-t-1', 'f'), '');
  expect(await closeRunFolder(folder, 0)).toEqual(['avma-t-1', 'avma-t-1/f']);
  expect(fs.readdirSync(outside)).toEqual([]);
});

test.skipIf(process.platform !== 'linux')('a process that was left is named, and ended', async () => {
  const folder = openRunFolder(tempFolder());
  const inIt = endless({ cwd: folder });
  const withIt = endless({ env: { ...process.env, TMPDIR: folder } });
  const left = await until('both are seen', async () => {
    const environment = fs.readFileSync(`/proc/${withIt.pid}/environ`, 'utf8');
    return environment.includes(folder) && closeRunFolder(folder, 0);
  });
  expect(left.toSorted()).toEqual(
    [inIt, withIt].map(({ pid }) => `process ${pid}: sleep infinity`).toSorted(),
  );
  await Promise.all([inIt.ended, withIt.ended]);
});

test('what a killed run left is removed by the next, and what belongs to a running one stays', async () => {
  const outside = tempFolder();
  const ended = endless({});
  process.kill(ended.pid, 'SIGKILL');
  await ended.ended;
  for (const pid of [ended.pid, process.pid]) {
    fs.mkdirSync(path.join(outside, `avma-run-${pid}-other`));
    fs.writeFileSync(path.join(outside, `avma-run-${pid}-other`, 'f'), '');
  }
  const folder = openRunFolder(outside);
  expect(fs.readdirSync(outside).toSorted()).toEqual(
    [path.basename(folder), `avma-run-${process.pid}-other`].toSorted(),
  );
});
