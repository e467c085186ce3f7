import { Command } from 'commander';
import { AvmaError } from '../../errors/avma-error.ts';
import { formatHresult } from '../../errors/hresult.ts';
import { type Probe, probePipe, whoIsThere } from '../../guest/probe.ts';
import { loadTrustAnchors } from '../../guest/trust-store.ts';
import { type Discovery, discoverPipe, pipeNotFound } from '../../pipe/discovery.ts';
import { systemEnvironment } from '../../pipe/environment.ts';
import { openPipe } from '../../pipe/pipe-uri.ts';
import { pipeEnvironment } from '../launcher.ts';
import { whileWaiting } from '../terminal.ts';
import type { Context } from './context.ts';
import { formatInstant, formatRows, say, writeData, writeJson } from './output.ts';

export function pipeCommand(context: Context): Command {
  const pipe = new Command('pipe').description('the pipe between guest and host');
  pipe
    .command('probe')
    .description('say who is at the other end of a pipe, or look for one; exits with 0 when a host answered')
    .argument('[uri]', 'the pipe; without it the one that this guest would take')
    .option('--deadline <seconds>', 'how long the host may take to answer', parseDeadline)
    .option('--json', 'as JSON')
    .action((uri: string | undefined, options: { deadline?: number; json?: boolean }) =>
      runProbe(context, uri, options),
    );
  return pipe;
}

/** Which pipe is probed, and how it came to be that one. */
interface Choice {
  readonly uri: string | null;
  readonly from: 'argument' | 'configured' | 'found' | 'not found';
  /** What discovery saw; empty when the command line names the pipe. */
  readonly candidates: Discovery['candidates'];
}

async function runProbe(
  context: Context,
  named: string | undefined,
  options: { deadline?: number; json?: boolean },
): Promise<void> {
  const settings = context.settings();
  const choice = choose(named, settings.pipe);
  const { uri } = choice;
  const probe =
    uri === null
      ? nothingToProbe(choice)
      : await whileWaiting(
          `asking ${uri}`,
          probePipe({
            openPipe: () => openPipe(uri, pipeEnvironment(context.launcher)),
            anchors: () => loadTrustAnchors(settings.trustFolders),
            deadline: options.deadline ?? settings.deadline,
            now: Date.now,
            elapsed: () => performance.now(),
          }),
        );
  if (options.json === true) writeJson('avma.pipe-probe/1', toJson(choice, probe));
  else writeData(formatRows(toRows(choice, probe)));
  // Said on stdout and thrown all the same: the exit status and the hint are the error's.
  if (probe.error !== null) throw probe.error;
  if (probe.trustProblem !== null) say(`Guests here will not believe it. ${probe.trustProblem.hint}`);
}

function choose(named: string | undefined, configured: string | undefined): Choice {
  if (named !== undefined) return { uri: named, from: 'argument', candidates: [] };
  const { uri, candidates } = discoverPipe(systemEnvironment());
  if (configured !== undefined) return { uri: configured, from: 'configured', candidates };
  return { uri, from: uri === null ? 'not found' : 'found', candidates };
}

function nothingToProbe({ candidates }: Choice): Probe {
  return {
    certificate: null,
    dates: null,
    anchor: null,
    trustProblem: null,
    timings: { open: null, hello: null, verify: null },
    error: pipeNotFound({ uri: null, candidates }),
  };
}

function toJson({ uri, from, candidates }: Choice, probe: Probe): object {
  const { certificate, dates, anchor, trustProblem, timings, error } = probe;
  const problem = (of: AvmaError | null) =>
    of === null
      ? null
      : { code: of.code, hresult: formatHresult(of.hresult), message: of.message, hint: of.hint };
  return {
    uri,
    from,
    candidates,
    answered: certificate !== null,
    there: uri === null ? null : whoIsThere(probe),
    host: certificate === null ? null : { ...certificate, dates },
    trust:
      certificate === null
        ? null
        : {
            vouched: anchor !== null,
            anchor: anchor === null ? null : { name: anchor.name, keyId: anchor.keyId, file: anchor.file },
            problem: problem(trustProblem),
          },
    milliseconds: timings,
    error: problem(error),
  };
}

function toRows(choice: Choice, probe: Probe): [string, string][] {
  const { certificate, anchor, trustProblem } = probe;
  const rows: [string, string][] = choice.candidates.map((candidate, index) => [
    index === 0 ? 'Looked for' : '',
    candidateText(candidate, choice),
  ]);
  if (choice.uri === null) return [...rows, ['Pipe', 'none found']];
  rows.push(['Pipe', `${choice.uri} (${fromText(choice)})`], ['There', whoIsThere(probe)]);
  if (certificate !== null) {
    rows.push(
      ['Host', certificate.hostName],
      ['Hardware ID', certificate.hardwareId],
      ['Edition', `${certificate.edition} ${certificate.osVersion}`],
      ['Licensing', certificate.licensing],
      ['Valid', `${formatInstant(certificate.notBefore)} to ${formatInstant(certificate.notAfter)}`],
      ['Serial', certificate.serial],
      [
        'Trust',
        anchor === null
          ? `no: ${trustProblem?.message}`
          : `vouched for by "${anchor.name}" (${anchor.keyId})`,
      ],
    );
  }
  const steps = (['open', 'hello', 'verify'] as const).flatMap((step) => {
    const took = probe.timings[step];
    return took === null ? [] : [`${step} ${took.toFixed(1)} ms`];
  });
  if (steps.length > 0) rows.push(['Took', steps.join(', ')]);
  return rows;
}

function candidateText({ uri, verdict, reason }: Discovery['candidates'][number], { from }: Choice): string {
  if (verdict === 'unasked') return `${uri}: ${reason}`;
  // Discovery chose it, but the configuration comes first.
  const shown = verdict === 'chosen' && from === 'configured' ? 'present' : verdict;
  return `${uri}: ${shown}, ${reason}`;
}

function fromText({ from }: Choice): string {
  return from === 'argument' ? 'as named' : from;
}

function parseDeadline(text: string): number {
  const seconds = Number(text);
  if (seconds >= 0.1 && seconds <= 600) return seconds * 1000;
  throw new AvmaError('argument-invalid', `--deadline is "${text}", not a number of seconds from 0.1 to 600`);
}
