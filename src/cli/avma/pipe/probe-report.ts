import { AvmaError } from '../../../errors/avma-error.ts';
import { type Probe, whoIsThere } from '../../../guest/probe.ts';
import { certificateJson } from '../../../protocol/document-json.ts';
import { windowsText } from '../../../protocol/host-certificate.ts';
import { formatMinute } from '../../../schema/format-time.ts';
import { errorJson } from '../report-json.ts';
import type { Field } from '../table.ts';
import { candidateFields, type PipeChoice } from './pipe-choice.ts';

/** Why the host that was found, or not found, cannot activate this machine; null when it can. */
export function failureOf({ error, trustProblem, certificate, dates }: Probe): AvmaError | null {
  if (error !== null) return error;
  if (trustProblem !== null) return trustProblem;
  if (certificate === null) return null;
  const { notBefore, notAfter } = certificate;
  if (dates === 'expired') {
    return new AvmaError(
      'certificate-expired',
      `the host's certificate ended on ${formatMinute(notAfter)}, by this machine's clock`,
    );
  }
  if (dates === 'not yet valid') {
    return new AvmaError(
      'certificate-not-yet-valid',
      `the host's certificate begins on ${formatMinute(notBefore)}, by this machine's clock`,
    );
  }
  return null;
}

/** The report for programs. */
export function probeJson({ uri, from, candidates }: PipeChoice, probe: Probe): object {
  const { certificate, dates, anchor, trustProblem, timings, error } = probe;
  const failure = failureOf(probe);
  return {
    uri,
    from,
    candidates,
    answered: certificate !== null,
    status: uri === null ? null : whoIsThere(probe),
    host: certificate === null ? null : { ...certificateJson(certificate), dates },
    trust:
      certificate === null
        ? null
        : {
            vouched: anchor !== null,
            anchor: anchor === null ? null : { keyId: anchor.keyId, name: anchor.name },
            problem: trustProblem === null ? null : errorJson(trustProblem),
          },
    milliseconds: {
      open: tenths(timings.open),
      hello: tenths(timings.hello),
      verify: tenths(timings.verify),
    },
    error: error === null ? null : errorJson(error),
    problem: failure === null ? null : errorJson(failure),
  };
}

/** The report as rows: the answer first, then what else was looked for. */
export function probeFields(choice: PipeChoice, probe: Probe): Field[] {
  const { certificate, anchor, timings } = probe;
  if (choice.uri === null)
    return [['Pipe', { tone: 'bad', text: 'none found' }], ...candidateFields(choice, 'Looked for')];
  const fields: Field[] = [
    ['Pipe', `${choice.uri} (${FROM_TEXT[choice.from]})`],
    ['Status', { tone: failureOf(probe) === null ? 'good' : 'bad', text: whoIsThere(probe) }],
  ];
  if (certificate !== null) {
    const { hostName, hardwareId, notBefore, notAfter, serial } = certificate;
    const windows = windowsText(certificate);
    fields.push(
      ['Host', hostName],
      ['Hardware ID', hardwareId],
      ...(windows === null ? [] : [['Windows', windows] as Field]),
      ['Valid', `${formatMinute(notBefore)} to ${formatMinute(notAfter)}`],
      ['Serial', serial],
      [
        'Trust',
        anchor === null
          ? { tone: 'bad', text: 'no vendor that is trusted here vouches for it' }
          : { tone: 'good', text: `vendor "${anchor.name}" (${anchor.keyId}) vouches for it` },
      ],
    );
  }
  const steps = (['open', 'hello', 'verify'] as const).flatMap((step) => {
    const took = timings[step];
    return took === null ? [] : [`${step} ${took.toFixed(1)} ms`];
  });
  if (steps.length > 0) fields.push(['Timing', { tone: 'dim', text: steps.join(', ') }]);
  return [...fields, ...candidateFields(choice, 'Also looked')];
}

const FROM_TEXT: Record<PipeChoice['from'], string> = {
  argument: 'as named',
  configured: 'configured',
  found: 'found automatically',
  'not found': 'not found',
};

function tenths(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.round(milliseconds * 10) / 10;
}
