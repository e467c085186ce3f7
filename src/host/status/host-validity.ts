import { DAY_MS } from '../../schema/durations.ts';
import { formatDuration } from '../../schema/format-duration.ts';
import { formatMinute } from '../../schema/format-time.ts';
import type { HostHoldings } from '../holdings/holdings.ts';
import {
  consequence,
  gapSentence,
  RENEW_CERTIFICATE,
  retiredSentence,
  type Subject,
  subjectName,
  subjectsOf,
} from '../holdings/subjects.ts';

/** Days before its end from which a certificate or a license is shown with a warning. */
export const WARNING_DAYS = 30;

/** What a host's certificates are worth at one time, and what to do about them and about its licenses. */
export interface HostValidity {
  /** `activated` and `in grace`: the host approves guests. */
  readonly state: 'not activated' | 'not yet valid' | 'activated' | 'in grace' | 'expired' | 'revoked';
  /** Until no certificate is valid any more, those that follow counted in; null where none is valid now. */
  readonly remainingMs: number | null;
  readonly warnings: readonly string[];
  readonly nextSteps: readonly string[];
}

/** @param now - Milliseconds since 1970 UTC. Pure. */
export function hostValidityOf(
  holdings: Pick<HostHoldings, 'certificates' | 'licenses' | 'vendors'>,
  now: number,
): HostValidity {
  const subjects = subjectsOf(holdings, now);
  const certificates = subjects.filter(({ kind }) => kind === 'certificate');
  const ends = certificates.flatMap(({ coverage }) => coverage.endsAt ?? []);
  const state = stateOf(certificates);
  return {
    state,
    remainingMs: ends.length === 0 ? null : Math.max(...ends) - now,
    warnings: subjects.flatMap((subject) => warningsOf(subject, now)),
    nextSteps: [...firstSteps(state), ...new Set(subjects.flatMap((subject) => stepsOf(subject, now)))],
  };
}

function stateOf(certificates: readonly Subject[]): HostValidity['state'] {
  const states = certificates.map(({ coverage }) => coverage.state);
  if (states.includes('valid')) return 'activated';
  if (states.includes('in grace')) return 'in grace';
  if (states.includes('not yet valid')) return 'not yet valid';
  if (states.includes('ended')) return 'expired';
  return certificates.length === 0 ? 'not activated' : 'revoked';
}

function firstSteps(state: HostValidity['state']): readonly string[] {
  return state === 'not activated' ? [RENEW_CERTIFICATE] : [];
}

function warningsOf(subject: Subject, now: number): readonly string[] {
  const { state, endsAt, graceUntil, gaps } = subject.coverage;
  const name = `the ${subjectName(subject)}`;
  const retired = retiredSentence(subject);
  if (retired !== undefined) return [retired];
  const gapSentences = gaps.map((gap) => gapSentence(subject, gap, now).replace(/\.$/, ''));
  switch (state) {
    case 'none':
      return [`the vendor has revoked ${name}: ${consequence(subject)}`];
    case 'ended':
      return [`${name} has ended: ${consequence(subject)}`];
    case 'in grace':
      return [
        `${name} has ended; its renewal grace ends on ${formatMinute(graceUntil ?? now)}, and from then on ${consequence(subject)}`,
        ...gapSentences,
      ];
    case 'valid': {
      if (endsAt === null || endsAt - now > WARNING_DAYS * DAY_MS) return gapSentences;
      const grace =
        graceUntil !== null && graceUntil > endsAt
          ? `its renewal grace ends on ${formatMinute(graceUntil)}, and from then on ${consequence(subject)}`
          : `from then on ${consequence(subject)}`;
      return [`${name} ends in ${formatDuration(endsAt - now)}; ${grace}`, ...gapSentences];
    }
    case 'not yet valid':
      return gapSentences;
  }
}

function stepsOf(subject: Subject, now: number): readonly string[] {
  const { kind, coverage } = subject;
  const { state, endsAt, gaps } = coverage;
  const [gap] = gaps;
  if (state === 'not yet valid') {
    const begins = formatMinute(gap?.until ?? now);
    return kind === 'certificate'
      ? [`Wait until ${begins}, or correct this machine's clock`]
      : [`Get a license for the time until ${begins}: avma host license add FILE`];
  }
  if (state === 'none' && subject.revoked.length > 0 && subject.retired.length === 0) {
    return kind === 'certificate'
      ? [`Ask the vendor why it was revoked. If there is to be a new one: ${RENEW_CERTIFICATE}`]
      : ['Ask the vendor why it was revoked. If there is to be a new one: avma host license add FILE'];
  }
  const isLong =
    retiredSentence(subject) === undefined && endsAt !== null && endsAt - now > WARNING_DAYS * DAY_MS;
  if (isLong) return [];
  return kind === 'certificate'
    ? [`Renew it: ${RENEW_CERTIFICATE}`]
    : ['Get the next license: avma host license add FILE'];
}

/** Whether the host approves guests. */
export function isActivated({ state }: Pick<HostValidity, 'state'>): boolean {
  return state === 'activated' || state === 'in grace';
}
