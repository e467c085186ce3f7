/** What the documents tell a reader to type works as it stands there, and leaves nothing behind. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

/** A walk that fails half-way leaves no host running. */
const END_JOBS = "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n";

/** The first shell block under a heading. */
function blockUnder(file: string, heading: string): string {
  const section = fs.readFileSync(path.join(ROOT, file), 'utf8').split(`\n## ${heading}\n`)[1] ?? '';
  return /^```sh\n(.*?)^```/ms.exec(section)?.[1] ?? '';
}

/** Runs the lines as a reader's shell would, in an empty folder that is his home. */
async function run(script: string, folder: string) {
  const env = {
    PATH: `${path.join(ROOT, 'bin')}:${process.env.PATH}`,
    HOME: folder,
    XDG_STATE_HOME: path.join(folder, 'not-to-be-used'),
    AVMA_CONFIG: path.join(folder, 'config.json'),
    AVMA_TRUST_DIR: path.join(folder, 'none'),
    AVMA_VM_ID: '7d1f2c3e-5b6a-4f80-9c12-0a1b2c3d4e5f',
  };
  fs.writeFileSync(env.AVMA_CONFIG, '{}');
  const printed = await promisify(execFile)('bash', ['-e', '-c', END_JOBS + script], {
    cwd: folder,
    env,
  });
  fs.rmSync(env.AVMA_CONFIG);
  return printed;
}

test("the README's walk activates a guest and cleans up", async () => {
  const folder = tempFolder();
  const { stdout } = await run(blockUnder('README.md', 'The walk by hand'), folder);
  expect(stdout).toContain('License Status: Licensed');
  expect(stdout).toMatch(/^licensed: "Acme Gateway" until .* UTC, with vpn, throughput=10$/m);
  expect(fs.readdirSync(folder)).toEqual([]);
});

test("automation's host and guest for CI activate and clean up", async () => {
  const folder = tempFolder();
  const block = blockUnder('docs/automation.md', 'CI: a host, a guest and nothing else');
  const { stderr } = await run(block, folder);
  expect(stderr).toContain('Installed the key');
  expect(fs.readdirSync(folder)).toEqual([]);
});
