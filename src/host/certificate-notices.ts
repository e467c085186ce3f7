import { type HostCertificate, windowsText } from '../protocol/host-certificate.ts';
import { DAY_MS } from '../schema/durations.ts';
import { formatMinute } from '../schema/format-time.ts';

/** The stages of a certificate. Each is reported once for a certificate. */
type Stage = 'none' | 'not yet valid' | 'in grace' | 'good' | '30 days' | '7 days' | '1 day' | 'ended';

/** The stages in which the host approves guests. */
const ANSWERING: readonly Stage[] = ['good', '30 days', '7 days', '1 day', 'in grace'];

/** The stage that was reported last, and of which certificate. */
export interface SaidOfCertificate {
  readonly serial: string | null;
  readonly stage: Stage;
}

const RENEW = 'avma host request > request.json, have the vendor certify it, avma host activate CERTIFICATE';

/**
 * The sentences about a running host's certificate that are due now: that it is missing, begins, is
 * replaced, ends in 30, 7 or 1 days, or has ended. Pure.
 *
 * @param certificate - The installed one; undefined: there is none.
 * @param now - The host's clock, milliseconds since 1970 UTC.
 * @param last - What was reported last; null: nothing, the host is starting.
 */
export function certificateNotices(
  certificate: HostCertificate | undefined,
  now: number,
  last: SaidOfCertificate | null,
): { readonly said: SaidOfCertificate; readonly notices: readonly string[] } {
  const said: SaidOfCertificate = {
    serial: certificate?.serial ?? null,
    stage: stageOf(certificate, now),
  };
  if (last !== null && last.serial === said.serial && last.stage === said.stage) return { said, notices: [] };
  if (certificate === undefined) {
    const what = last === null ? 'This host is not activated' : 'The host certificate is gone';
    return { said, notices: [`${what}: it refuses all guests. To activate it: ${RENEW}.`] };
  }
  const notices = [introduction(certificate, said, last), sentenceOf(said.stage, certificate, now)];
  return { said, notices: notices.filter((notice) => notice !== undefined) };
}

function introduction(
  certificate: HostCertificate,
  said: SaidOfCertificate,
  last: SaidOfCertificate | null,
): string | undefined {
  const { hostName, notAfter } = certificate;
  const windows = windowsText(certificate);
  if (last === null) {
    const answers = ANSWERING.includes(said.stage);
    const runs = windows === null ? '' : ` (${windows})`;
    return answers ? `Host ${hostName}${runs} answers guests.` : undefined;
  }
  if (last.serial === said.serial) return undefined;
  const runs = windows === null ? '' : `${windows}, `;
  return `A new host certificate is in use: ${runs}until ${formatMinute(notAfter)}.`;
}

function stageOf(certificate: HostCertificate | undefined, now: number): Stage {
  if (certificate === undefined) return 'none';
  const left = certificate.notAfter - now;
  if (now >= certificate.graceUntil) return 'ended';
  if (now < certificate.notBefore) return 'not yet valid';
  if (left <= 0) return 'in grace';
  if (left <= DAY_MS) return '1 day';
  if (left <= 7 * DAY_MS) return '7 days';
  return left <= 30 * DAY_MS ? '30 days' : 'good';
}

function sentenceOf(stage: Stage, certificate: HostCertificate, now: number): string | undefined {
  const { notBefore, notAfter, graceUntil } = certificate;
  switch (stage) {
    case 'none':
    case 'good':
      return undefined;
    case 'ended':
      return `The host certificate ended on ${formatMinute(notAfter)}: this host refuses all guests until it has a new one. To renew it: ${RENEW}.`;
    case 'not yet valid':
      return `The host certificate begins on ${formatMinute(notBefore)}: this host refuses all guests until then. If that is wrong, look at this host's clock.`;
    case 'in grace':
      return `The host certificate ended on ${formatMinute(notAfter)} and is in its renewal grace until ${formatMinute(graceUntil)}: this host then refuses all guests. To renew it: ${RENEW}.`;
    default:
      return `The host certificate ends on ${formatMinute(notAfter)}, ${inTime(notAfter - now)}: this host refuses all guests when its renewal grace has ended too, on ${formatMinute(graceUntil)}. To renew it: ${RENEW}.`;
  }
}

/** `in 6 days`, `in 23 hours`: rounded down, so that nobody counts on time that is not there. */
function inTime(left: number): string {
  const days = Math.floor(left / DAY_MS);
  const [count, unit] = days >= 1 ? [days, 'day'] : [Math.floor((left * 24) / DAY_MS), 'hour'];
  return count === 0 ? 'in less than an hour' : `in ${count} ${unit}${count === 1 ? '' : 's'}`;
}
