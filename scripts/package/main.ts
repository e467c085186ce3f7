import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { makeDeb } from './deb.ts';
import { makeExecutable } from './executable.ts';
import type { Processor } from './pinned.ts';
import { run } from './run.ts';
import { fillStage } from './stage.ts';

/** @returns the exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string' },
      version: { type: 'string' },
      maintainer: { type: 'string', default: 'avma <avma@example.org>' },
    },
  });
  const root = process.cwd();
  const out = path.join(root, 'out');
  const processor: Processor = 'x64';
  const record = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const version = values.version ?? record.version;
  const executable = path.join(out, `linux-${processor}`);
  const packages = await makeExecutable({ root, processor, version, target: executable });
  const stage = path.join(out, 'build', `stage-${processor}`);
  const epoch = Number(await run('git', ['log', '-1', '--format=%ct'], { cwd: root }));
  const date = new Date(epoch * 1000).toISOString().slice(0, 10);
  fillStage({ root, executable, stage, setting: { version, date } });
  const { maintainer } = values;
  const deb = await makeDeb({ root, stage, out, processor, version, maintainer, packages, epoch });
  console.log(deb);
  return 0;
}
