import type { AvmaError } from '../../errors/avma-error.ts';
import { formatMinute } from '../../schema/format-time.ts';
import type { LicenseSummary, SummarizedProduct } from './license-summary.ts';

/** The sentences of the agent's log and of its status line. Pure. */

/** A pause in one unit: `12 seconds`, `5 minutes`, `2 hours`. @param milliseconds - Not negative. */
export function pauseText(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds < 120) return counted(seconds, 'second');
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? counted(minutes, 'minute') : counted(Math.round(minutes / 60), 'hour');
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** What became of the products between two looks, a sentence for each that changed. */
export function changeSentences(before: LicenseSummary | null, after: LicenseSummary): string[] {
  const earlier = before?.products ?? [];
  const find = (products: readonly SummarizedProduct[], id: string) =>
    products.find(({ activationId }) => activationId === id);
  const gone = earlier.filter(({ activationId }) => find(after.products, activationId) === undefined);
  return [
    ...gone.map(({ name }) => `The key of "${name}" was removed.`),
    ...after.products.flatMap((product) => {
      const known = find(earlier, product.activationId);
      return known !== undefined && JSON.stringify(known) === JSON.stringify(product)
        ? []
        : [stateSentence(product)];
    }),
  ];
}

/** `"Example" is licensed by host hv01 until 2026-12-01 11:08 UTC.`, and the other states in the same manner. */
function stateSentence(product: SummarizedProduct): string {
  const { name, state, reason, endsAt, host, notes } = product;
  const until = endsAt === null ? '' : ` until ${minute(endsAt)}`;
  switch (state) {
    case 'licensed':
      return [
        `"${name}" is licensed${host === null ? '' : ` by host ${host.name}`}${until}.`,
        ...notes.map(asSentence),
      ].join(' ');
    case 'initial-grace':
      return `"${name}" is not activated yet; its initial grace lasts${until}.`;
    case 'additional-grace':
      return `The lease of "${name}" has ended; its additional grace lasts${until}.`;
    default:
      return `"${name}" is not licensed${reason === null ? '' : `: ${reason.message} [${reason.code}]`}.`;
  }
}

/**
 * What the agent is doing, in one line for `systemctl status`.
 *
 * @param untilAttempt - Milliseconds until the next attempt; null where none is planned.
 * @param now - The wall clock, milliseconds since 1970 UTC.
 */
export function statusLine(summary: LicenseSummary, untilAttempt: number | null, now: number): string {
  const { products } = summary;
  if (products.length === 0) return 'No product key is installed; waiting for one.';
  const next = untilAttempt === null ? '' : ` Next activation: ${formatMinute(now + untilAttempt)}.`;
  const [first] = products;
  if (products.length === 1 && first !== undefined) return `${stateSentence(first)}${next}`;
  const licensed = products.filter(({ state }) => state === 'licensed').length;
  return `${licensed} of ${products.length} products are licensed.${next}`;
}

/** What an agent that has nothing to do says at its start. */
export const NO_KEY_YET =
  'No product key is installed yet: avma guest install-key KEY, or a key in /etc/avma/setup.yaml.';

/** `"Example" could not be activated: the host does not answer [host-silent]. Next try in 20 seconds.` */
export function failureSentence(name: string, error: AvmaError, untilRetry: number | null): string {
  const next = untilRetry === null ? '' : ` Next try in ${pauseText(untilRetry)}.`;
  return `"${name}" could not be activated: ${error.message} [${error.code}].${next}`;
}

/** A message, which begins in lower case and has no full stop, as a sentence. */
export function asSentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}

function minute(iso: string): string {
  return formatMinute(Date.parse(iso));
}
