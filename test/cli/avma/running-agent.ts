import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { until } from '../../support/until.ts';
import { ROOT, type TestMachine } from '../test-machine.ts';

/** `avma guest agent` as a process of its own. */
export interface RunningAgent {
  readonly child: ChildProcess;
  /** What it has said so far. */
  log(): string;
  /** Resolves when it has said that, and fails if it ends before. */
  saying(text: string | RegExp): Promise<void>;
  /** Its exit status, or the signal that killed it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/** Starts the agent of a machine and resolves when it has said that it runs. {@link TestMachine.close} ends it. */
export async function startAgent(machine: TestMachine, env: NodeJS.ProcessEnv = {}): Promise<RunningAgent> {
  const child = spawn(process.execPath, [path.join(ROOT, 'bin/avma'), 'guest', 'agent'], {
    env: { ...machine.env, ...env },
    cwd: machine.folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  machine.adopt(child);
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  let hasEnded = false;
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (status, signal) => {
      hasEnded = true;
      resolve(status ?? signal);
    });
  });
  const saying = (text: string | RegExp) =>
    until(`the agent says ${text}`, () => {
      if (typeof text === 'string' ? output.includes(text) : text.test(output)) return true;
      if (hasEnded) throw new Error(`the agent ended: ${output}`);
      return false;
    }).then(() => {});
  await saying('The agent keeps this machine activated');
  return {
    child,
    log: () => output,
    saying,
    ended,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}

/** Writes a file of the machine's trust folder anew: news for an agent, which then tries again. */
export function nudge(machine: TestMachine): void {
  const folder = machine.at('guest/trust.d');
  for (const name of fs.readdirSync(folder)) {
    const file = path.join(folder, name);
    const bytes = fs.readFileSync(file);
    fs.writeFileSync(`${file}.new`, bytes);
    fs.renameSync(`${file}.new`, file);
  }
}
