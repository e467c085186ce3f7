import { DAY_MS } from '../../schema/durations.ts';
import { formatMinute } from '../../schema/format-time.ts';
import type { LogLevel } from '../../system/notify.ts';
import type { HostHoldings } from './holdings.ts';
import {
  consequence,
  gapSentence,
  RENEW_CERTIFICATE,
  retiredSentence,
  type Subject,
  subjectName,
  subjectsOf,
} from './subjects.ts';

/** The stages of what a host needs from a vendor. Each is reported once. */
type Stage =
  | 'revoked'
  | 'retired'
  | 'not yet valid'
  | 'good'
  | '30 days'
  | '7 days'
  | '1 day'
  | 'in grace'
  | 'ended';

/** A sentence, and how much it matters. */
export interface Notice {
  readonly text: string;
  readonly level: LogLevel;
}

/** From these a clock that goes on, or is set, may lead to a valid one. */
const NOT_VALID: readonly Stage[] = ['not yet valid', 'in grace', 'ended'];

/** What was reported last: for each subject its stage, and what it consisted of. */
export type Said = ReadonlyMap<string, { readonly stage: Stage; readonly ids: readonly string[] }>;

/**
 * The sentences about a running host's certificates and licenses that are due now: that one is there, begins, ends in
 * 30, 7 or 1 days, is in its renewal grace, has ended, is revoked, or that the host has no certificate. Pure.
 *
 * @param now - The host's clock, milliseconds since 1970 UTC.
 * @param last - What was reported last; null: nothing, the host is starting.
 */
export function noticesOf(
  holdings: Pick<HostHoldings, 'host' | 'certificates' | 'licenses' | 'vendors'>,
  now: number,
  last: Said | null,
): { readonly said: Said; readonly notices: readonly Notice[] } {
  const subjects = subjectsOf(holdings, now);
  const said = new Map(
    subjects.map((subject) => [subject.key, { stage: stageOf(subject, now), ids: subject.ids }]),
  );
  const notices = subjects.flatMap((subject) => noticesOn(subject, now, last));
  return { said, notices: [...introduction(holdings, subjects, said, last), ...notices] };
}

/** The sentence about the host as a whole. */
function introduction(
  { host }: Pick<HostHoldings, 'host'>,
  subjects: readonly Subject[],
  said: Said,
  last: Said | null,
): readonly Notice[] {
  const certificates = (keys: Iterable<string>) => [...keys].some((key) => key.startsWith('certificate '));
  if (!certificates(said.keys())) {
    if (last !== null && !certificates(last.keys())) return [];
    const what = last === null ? 'This host is not activated' : 'The host certificate is gone';
    return [warning(`${what}: it refuses all guests. To activate it: ${RENEW_CERTIFICATE}.`)];
  }
  if (last !== null) return [];
  const answering = subjects.filter(
    ({ kind, coverage }) => kind === 'certificate' && ['valid', 'in grace'].includes(coverage.state),
  );
  if (answering.length === 0) return [];
  const text = `Host ${host.name} answers guests: ${answering.map(subjectName).join(', ')}.`;
  return [{ text, level: 'info' }];
}

function noticesOn(subject: Subject, now: number, last: Said | null): readonly Notice[] {
  const before = last?.get(subject.key);
  const stage = stageOf(subject, now);
  const added = subject.ids.filter((id) => before?.ids.includes(id) !== true);
  const isNew = last !== null && added.length > 0;
  if (!isNew && before?.stage === stage) return [];
  const isValidAgain =
    !isNew && before !== undefined && NOT_VALID.includes(before.stage) && subject.coverage.state === 'valid';
  const good = [
    ...(isNew ? added.map((id) => `A ${subjectName(subject)} was added: ${id}${until(subject)}.`) : []),
    ...(isValidAgain ? [`The ${subjectName(subject)} is valid now.`] : []),
  ];
  return [
    ...good.map((text): Notice => ({ text, level: 'notice' })),
    ...sentencesOf(subject, stage, now).map(warning),
  ];
}

function warning(text: string): Notice {
  return { text, level: 'warning' };
}

/** The end of all that follow one another. */
function until({ coverage, kind }: Subject): string {
  return coverage.endsAt === null
    ? ''
    : `; with it there is a valid ${kind} until ${formatMinute(coverage.endsAt)}`;
}

function stageOf(subject: Subject, now: number): Stage {
  const { coverage, revoked } = subject;
  const { state, endsAt } = coverage;
  if (retiredSentence(subject) !== undefined) return 'retired';
  if (state === 'none') return revoked.length > 0 ? 'revoked' : 'ended';
  if (endsAt === null) return state === 'valid' ? 'good' : state;
  const left = endsAt - now;
  if (left <= DAY_MS) return '1 day';
  if (left <= 7 * DAY_MS) return '7 days';
  return left <= 30 * DAY_MS ? '30 days' : 'good';
}

/** What an operator has to see to. */
function sentencesOf(subject: Subject, stage: Stage, now: number): readonly string[] {
  const { coverage, kind } = subject;
  const [gap] = coverage.gaps;
  const ahead = gap === undefined ? [] : [gapSentence(subject, gap, now)];
  const name = `The ${subjectName(subject)}`;
  const renew = `To renew it: ${kind === 'certificate' ? RENEW_CERTIFICATE : 'avma host license add FILE'}.`;
  switch (stage) {
    case 'good':
      return ahead;
    case 'revoked':
      return [`The vendor has revoked the ${subjectName(subject)}: ${consequence(subject)}.`];
    case 'retired': {
      const sentence = retiredSentence(subject) ?? '';
      return [`${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}. ${renew}`];
    }
    case 'not yet valid':
      return [`${name} is not valid yet. ${ahead.join(' ')} If that is wrong, look at this host's clock.`];
    case 'ended':
      return [`${name} has ended: ${consequence(subject)}. ${renew}`];
    case 'in grace':
      return [
        `${name} has ended and is in its renewal grace, until ${formatMinute(coverage.graceUntil ?? now)}; from then on ${consequence(subject)}. ${renew}`,
        ...ahead,
      ];
    default: {
      const ends = coverage.endsAt ?? now;
      return [
        `${name} ends on ${formatMinute(ends)}, ${inTime(ends - now)}${graceText(subject)}. ${renew}`,
        ...ahead,
      ];
    }
  }
}

/** `; its renewal grace ends on ...`, and what comes then. */
function graceText(subject: Subject): string {
  const { endsAt, graceUntil } = subject.coverage;
  return graceUntil === null || graceUntil === endsAt
    ? `; from then on ${consequence(subject)}`
    : `; its renewal grace ends on ${formatMinute(graceUntil)}, and from then on ${consequence(subject)}`;
}

/** `in 6 days`, `in 23 hours`: rounded down, so that nobody counts on time that is not there. */
function inTime(left: number): string {
  const days = Math.floor(left / DAY_MS);
  const [count, unit] = days >= 1 ? [days, 'day'] : [Math.floor((left * 24) / DAY_MS), 'hour'];
  return count === 0 ? 'in less than an hour' : `in ${count} ${unit}${count === 1 ? '' : 's'}`;
}
