import { answerOf } from '../lease-verdict.ts';
import type { GuestLook } from '../looking.ts';
import { isLicensed } from './agent-memory.ts';
import { activatable } from './license-summary.ts';

/** One metric of node_exporter's textfile collector. */
interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly { readonly labels: string; readonly value: number }[];
}

/**
 * The license as node_exporter's textfile collector reads it: four gauges, each with a sample for every product that
 * has a key and that a host can activate. Times are seconds since 1970 UTC. Pure.
 */
export function licenseMetrics(look: GuestLook): string {
  const products = activatable(look).map((derived) => {
    const { product, verdict, lastAttempt } = derived;
    const answer = answerOf(verdict);
    return {
      labels: `product="${escaped(product.name)}",activation_id="${escaped(product.activationId)}"`,
      licensed: isLicensed(derived) ? 1 : 0,
      expiry: answer === null ? null : answer.expiresAt / 1000,
      renewal: answer === null ? null : answer.issuedAt / 1000,
      attempt: lastAttempt === null ? null : lastAttempt.code === 'success' ? 1 : 0,
    };
  });
  const samplesOf = (value: 'licensed' | 'expiry' | 'renewal' | 'attempt') =>
    products.flatMap((product) => {
      const { labels, [value]: number } = product;
      return number === null ? [] : [{ labels, value: number }];
    });
  return [
    {
      name: 'avma_licensed',
      help: 'Whether the product is licensed now.',
      samples: samplesOf('licensed'),
    },
    {
      name: 'avma_lease_expiry_timestamp_seconds',
      help: 'When the lease of the product ends or ended.',
      samples: samplesOf('expiry'),
    },
    {
      name: 'avma_last_renewal_timestamp_seconds',
      help: 'When the host issued the lease of the product.',
      samples: samplesOf('renewal'),
    },
    {
      name: 'avma_last_attempt_success',
      help: 'Whether the last activation of the product succeeded.',
      samples: samplesOf('attempt'),
    },
  ]
    .map(formatMetric)
    .join('');
}

function formatMetric({ name, help, samples }: Metric): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`];
  for (const { labels, value } of samples) lines.push(`${name}{${labels}} ${value}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** A label's value: the format knows three escapes. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
