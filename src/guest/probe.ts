import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import type { AvmaErrorCode } from '../errors/codes.ts';
import type { Pipe } from '../pipe/pipe.ts';
import type { Envelope } from '../protocol/envelope.ts';
import {
  decodeUnverifiedCertificate,
  type HostCertificate,
  verifyHostCertificate,
} from '../protocol/host-certificate.ts';
import type { TrustAnchor } from '../protocol/trust-anchor.ts';
import type { VendorTrust } from '../protocol/vendor-trust.ts';
import { withDeadline } from '../system/deadline.ts';
import { askForCertificate } from './exchange.ts';

/** What one `hello` shows about the other end of a pipe. */
export interface Probe {
  /** The host's certificate, perhaps not trusted; null when no host answered with one. */
  readonly certificate: HostCertificate | null;
  /** Whether the certificate is valid by this machine's clock; null without a certificate. */
  readonly dates: 'valid' | 'in grace' | 'expired' | 'not yet valid' | null;
  /** The trusted root that the certificate is signed with; null when there is none, and `trustProblem` says why. */
  readonly anchor: TrustAnchor | null;
  readonly trustProblem: AvmaError | null;
  readonly timings: ProbeTimings;
  /** Why no host answered with a certificate. */
  readonly error: AvmaError | null;
}

/** How long each step took, in milliseconds; null for a step that was not reached. */
interface ProbeTimings {
  /** Loading the transport and checking the URI. */
  readonly open: number | null;
  /** Opening the pipe, sending `hello`, and receiving the offer or a fault. */
  readonly hello: number | null;
  /** Verifying the certificate against the trust anchors. */
  readonly verify: number | null;
}

interface ProbeEnvironment {
  openPipe(): Promise<Pipe>;
  trust(): VendorTrust;
  /** For opening the pipe and `hello` together, in milliseconds. */
  readonly deadline: number;
  now(): number;
  /** Milliseconds of a clock that does not run backwards. */
  elapsed(): number;
}

/** Opens the pipe, sends `hello`, verifies the offer, and closes the pipe. Never throws: the result has the error. */
export async function probePipe(environment: ProbeEnvironment): Promise<Probe> {
  const timings: { -readonly [Step in keyof ProbeTimings]: ProbeTimings[Step] } = {
    open: null,
    hello: null,
    verify: null,
  };
  const timed = async <T>(step: keyof ProbeTimings, work: () => T | Promise<T>): Promise<T> => {
    const started = environment.elapsed();
    try {
      return await work();
    } finally {
      timings[step] = environment.elapsed() - started;
    }
  };
  const nothing = { certificate: null, dates: null, anchor: null, trustProblem: null, timings };
  let pipe: Pipe | undefined;
  try {
    const offer = await withDeadline(environment.deadline, async (signal) => {
      const opened = await timed('open', () => environment.openPipe());
      pipe = opened;
      return timed('hello', () => askForCertificate(opened, signal));
    });
    const { certificate: envelope } = offer;
    const certificate = decodeUnverifiedCertificate(envelope);
    if (certificate === undefined) {
      throw new AvmaError('response-malformed', 'what the host offers is not a host certificate');
    }
    const trust = await timed('verify', () => vouch(envelope, environment));
    return { certificate, dates: judgeDates(certificate, environment.now()), ...trust, timings, error: null };
  } catch (thrown) {
    return { ...nothing, error: toAvmaError(thrown, 'cannot probe the pipe') };
  } finally {
    await pipe?.close();
  }
}

function vouch(envelope: Envelope, environment: ProbeEnvironment): Pick<Probe, 'anchor' | 'trustProblem'> {
  try {
    return { anchor: verifyHostCertificate(envelope, environment.trust()).root, trustProblem: null };
  } catch (thrown) {
    return { anchor: null, trustProblem: toAvmaError(thrown, 'cannot read the trust anchors') };
  }
}

function judgeDates({ notBefore, notAfter, graceUntil }: HostCertificate, now: number): Probe['dates'] {
  if (now < notBefore) return 'not yet valid';
  if (now < notAfter) return 'valid';
  return now < graceUntil ? 'in grace' : 'expired';
}

/** What a failure says about the other end, for the codes that opening a pipe and `hello` can fail with. */
const WHO_IS_THERE: Partial<Record<AvmaErrorCode, string>> = {
  'host-not-activated': 'reachable, not activated',
  'protocol-unsupported': 'reachable, but it speaks another version of the protocol',
  throttled: 'reachable, but it takes no more requests over this pipe for now',
  'response-malformed': 'something answered that is not a host',
  'host-silent': 'no answer in time',
  'host-gone': 'the other end went away before it answered',
  'host-absent': 'no host is there',
  'pipe-busy': 'another process holds the pipe',
  'access-denied': 'this user may not open the pipe',
  'pipe-not-found': 'the pipe does not exist',
  'file-not-found': 'the pipe does not exist',
  'pipe-uri-invalid': 'not a pipe that can be opened here',
};

/** One line: who answered, or what the failure says about the other end. */
export function whoIsThere({ dates, error }: Pick<Probe, 'dates' | 'error'>): string {
  if (dates === 'valid') return 'reachable, activated';
  if (dates !== null) return `reachable, certificate ${dates} by this machine's clock`;
  return (error === null ? undefined : WHO_IS_THERE[error.code]) ?? 'unknown';
}
