import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { exitStatusOf } from '../../../errors/hresult.ts';
import { type Probe, probePipe } from '../../../guest/probe.ts';
import { loadTrust } from '../../../guest/trust/trust-reader.ts';
import { pipeNotFound } from '../../../pipe/discovery.ts';
import { openPipe } from '../../../pipe/pipe-uri.ts';
import { pipeEnvironment } from '../../launcher.ts';
import { whileWaiting } from '../../terminal.ts';
import type { Context } from '../context.ts';
import { writeData, writeJson } from '../output.ts';
import { formatFields } from '../table.ts';
import { choosePipe, type PipeChoice } from './pipe-choice.ts';
import { failureOf, probeFields, probeJson } from './probe-report.ts';

interface ProbeOptions {
  /** Milliseconds. */
  readonly deadline?: number;
  readonly json?: boolean;
}

/** `avma pipe`. */
export function pipeCommand(context: Context): Command {
  const pipe = new Command('pipe').description('Test the pipe between guest and host');
  pipe
    .command('probe')
    .description('Show who is at the other end of a pipe, or look for a pipe')
    .argument('[uri]', 'the pipe (default: AVMA_PIPE, else the first that is found)')
    .option('--deadline <seconds>', 'how long the host may take to answer', parseDeadline)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Exit status: 0 when a host answered that could activate this machine. 82 when it could not: it is
not activated, its certificate is out of date, or no vendor trusted here vouches for it. 69 when
nobody answered.

Examples:
  avma pipe probe
  avma pipe probe unix:/run/avma/host.sock --deadline 3`,
    )
    .action((uri: string | undefined, options: ProbeOptions) => runProbe(context, uri, options));
  return pipe;
}

async function runProbe(context: Context, named: string | undefined, options: ProbeOptions): Promise<void> {
  const settings = context.settings();
  const choice = choosePipe(named, settings.pipe);
  const deadline = options.deadline ?? settings.deadline;
  const probe = await probeChoice(context, choice, deadline);
  const failure = failureOf(probe);
  if (options.json === true) {
    writeJson('avma.pipe-probe/1', probeJson(choice, probe));
    if (failure !== null) context.setExitStatus(exitStatusOf(failure.hresult, process.platform));
    return;
  }
  writeData(formatFields(probeFields(choice, probe), context.style));
  // The report is on stdout; throw as well, for the exit status and the hint.
  if (failure !== null) throw failure;
}

async function probeChoice(context: Context, choice: PipeChoice, deadline: number): Promise<Probe> {
  const { uri } = choice;
  if (uri === null) return nothingToProbe();
  const probing = probePipe({
    openPipe: () => openPipe(uri, pipeEnvironment(context.launcher)),
    trust: () => loadTrust(context.settings()),
    deadline,
    now: Date.now,
    elapsed: () => performance.now(),
  });
  return whileWaiting(`asking ${uri}`, probing, deadline);
}

/** The report lists the pipes that were looked for, so the error does not repeat them. */
function nothingToProbe(): Probe {
  const { code, hint } = pipeNotFound({ uri: null, candidates: [] });
  return {
    certificate: null,
    dates: null,
    anchor: null,
    trustProblem: null,
    timings: { open: null, hello: null, verify: null },
    error: new AvmaError(code, 'no pipe to a host was found', { hint }),
  };
}

function parseDeadline(text: string): number {
  const seconds = Number(text);
  if (seconds >= 0.1 && seconds <= 600) return seconds * 1000;
  throw new AvmaError('argument-invalid', `--deadline is "${text}", not a number of seconds from 0.1 to 600`);
}
