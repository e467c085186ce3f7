import { CONDITIONS } from '../../protocol/answer.ts';
import { answerOf, certificateOf, licenseOf } from '../lease-verdict.ts';
import type { GuestLook } from '../looking.ts';
import type { DerivedReport } from '../product-report.ts';
import { isLicensed } from './agent-memory.ts';
import { activatable } from './license-summary.ts';

/** One value of a metric, and the labels that it has besides the product's. */
interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** One metric of node_exporter's textfile collector. */
interface Metric {
  readonly name: string;
  readonly help: string;
  /** Its samples for one product; none where there is nothing to say: 0 would be a time in 1970. */
  samplesOf(derived: DerivedReport): readonly Sample[];
}

/** A moment as two metrics: when it is, and how many seconds of trusted time were left at the agent's last look. */
function moment(
  name: string,
  help: string,
  of: (derived: DerivedReport) => number | null,
  labels: (derived: DerivedReport) => Sample['labels'] = () => ({}),
): Metric[] {
  const sample = (value: number, derived: DerivedReport): Sample => ({
    value,
    labels: labels(derived) ?? {},
  });
  return [
    {
      name: `${name}_timestamp_seconds`,
      help: `When ${help}.`,
      samplesOf(derived) {
        const at = of(derived);
        return at === null ? [] : [sample(at / 1000, derived)];
      },
    },
    {
      name: `${name}_remaining_seconds`,
      help: `Seconds until ${help}, at the last look of the agent; negative afterwards.`,
      samplesOf(derived) {
        const at = of(derived);
        return at === null ? [] : [sample(Math.round((at - derived.time.now) / 1000), derived)];
      },
    },
  ];
}

function once(value: number | null): readonly Sample[] {
  return value === null ? [] : [{ value }];
}

const licenseLabel = ({ verdict }: DerivedReport): Sample['labels'] => ({
  license_id: licenseOf(verdict)?.licenseId ?? '',
});

const METRICS: readonly Metric[] = [
  {
    name: 'avma_licensed',
    help: 'Whether the product is licensed now.',
    samplesOf: (derived) => once(isLicensed(derived) ? 1 : 0),
  },
  ...moment('avma_lease_expiry', 'the lease of the product ends', ({ verdict }) => {
    return answerOf(verdict)?.expiresAt ?? null;
  }),
  {
    name: 'avma_last_renewal_timestamp_seconds',
    help: 'When the host issued the lease of the product.',
    samplesOf({ verdict }) {
      const answer = answerOf(verdict);
      return once(answer === null ? null : answer.issuedAt / 1000);
    },
  },
  {
    name: 'avma_last_attempt_success',
    help: 'Whether the last activation of the product succeeded.',
    samplesOf: ({ lastAttempt }) =>
      once(lastAttempt === null ? null : lastAttempt.code === 'success' ? 1 : 0),
  },
  ...moment('avma_certificate_expiry', "the certificate of the product's host ends", ({ verdict }) => {
    return certificateOf(verdict)?.notAfter ?? null;
  }),
  ...moment('avma_certificate_grace_end', 'the renewal grace of that certificate ends', ({ verdict }) => {
    return certificateOf(verdict)?.graceUntil ?? null;
  }),
  ...moment(
    'avma_license_expiry',
    'the customer license of the product ends',
    ({ verdict }) => licenseOf(verdict)?.notAfter ?? null,
    licenseLabel,
  ),
  ...moment(
    'avma_license_grace_end',
    'the renewal grace of that license ends',
    ({ verdict }) => licenseOf(verdict)?.graceUntil ?? null,
    licenseLabel,
  ),
  {
    name: 'avma_license_condition',
    help: 'Whether the host noted this condition when it approved.',
    samplesOf({ verdict }) {
      const answer = answerOf(verdict);
      if (answer === null) return [];
      return CONDITIONS.map((condition) => ({
        value: answer.conditions.includes(condition) ? 1 : 0,
        labels: { condition },
      }));
    },
  },
];

/**
 * The license as node_exporter's textfile collector reads it: gauges, each with a sample for every product that has a
 * key and that a host can activate. Times are seconds since 1970 UTC. Pure.
 */
export function licenseMetrics(look: GuestLook): string {
  const products = activatable(look);
  return METRICS.map(({ name, help, samplesOf }) => {
    const lines = products.flatMap((derived) => {
      const { name: product, activationId } = derived.product;
      return samplesOf(derived).map(
        ({ value, labels }) =>
          `${name}{${labelText({ product, activation_id: activationId, ...labels })}} ${value}`,
      );
    });
    return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines].map((line) => `${line}\n`).join('');
  }).join('');
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',');
}

/** A label's value: the format knows three escapes. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
