import type { LoadedProduct } from '../catalog/product.ts';
import { toAvmaError } from '../errors/avma-error.ts';
import type { DocumentEnvelope } from '../protocol/envelope.ts';
import type { Trigger } from '../protocol/messages.ts';
import { withDeadline } from '../system/deadline.ts';
import type { GuestBasis, GuestContext } from './context.ts';
import { type ExchangeOutcome, exchangeActivation } from './exchange.ts';
import { writeAgentEvent } from './guest-events.ts';
import type { GuestState } from './guest-state.ts';
import { expectedOf } from './lease-verdict.ts';
import { deriveReport } from './product-report.ts';
import { takeDocument } from './trust/trust-changes.ts';
import { refusedEvent, trustEvents } from './trust/trust-events.ts';
import type { TrustNewsReport } from './trust/trust-news.ts';

/** What a host is asked for. */
export interface HostQuestion {
  readonly trigger: Trigger;
  /** A program's own, which the host repeats in its answer; absent: none. */
  readonly nonce?: string;
}

/** What became of it, and the URI of the pipe that it went over; null when none could be opened. */
export interface AskOutcome {
  readonly pipe: string | null;
  readonly outcome: ExchangeOutcome;
}

/**
 * Asks the host for an answer about a product, under one deadline, and keeps what it handed on about whom to trust. The
 * answer itself is the caller's. Throws nothing but mistakes of this program: a failure is in the outcome.
 */
export async function askHost(
  context: GuestContext,
  product: LoadedProduct,
  basis: GuestBasis,
  question: HostQuestion,
): Promise<AskOutcome> {
  const asked = await exchangeWithin(context, product, basis, question);
  await keepNews(context, asked.outcome);
  return asked;
}

async function exchangeWithin(
  context: GuestContext,
  product: LoadedProduct,
  basis: GuestBasis,
  { trigger, nonce }: HostQuestion,
): Promise<AskOutcome> {
  const { environment, vmId } = context;
  const { report } = deriveReport(product, basis);
  let pipeUri: string | null = null;
  try {
    const outcome = await withDeadline(environment.deadline, async (signal, extend) => {
      const pipe = await environment.openPipe();
      pipeUri = pipe.uri;
      const { status, reason, remainingMinutes } = report.license;
      return exchangeActivation({
        pipe,
        facts: {
          vmId: vmId.value,
          activationId: product.activationId,
          edition: product.edition,
          version: product.version,
          nonce: nonce ?? null,
          license: { status, reason, remainingMinutes },
          guestClock: basis.clock.wall,
          log: {
            machineName: environment.machineName,
            iaid: report.virtualMachineActivation.iaid,
            client: environment.client,
            trigger,
          },
        },
        knownHost: basis.state.host,
        trust: basis.trust,
        followTrustUpdates: environment.followTrustUpdates,
        product: expectedOf(vmId.value, product),
        licenses: heldLicenses(basis.state),
        signal,
        extend,
      }).finally(() => pipe.close());
    });
    return { pipe: pipeUri, outcome };
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot activate');
    const news: TrustNewsReport = { trust: basis.trust, taken: [], problems: [] };
    return { pipe: pipeUri, outcome: { kind: 'failed', error, exchangeId: null, hostName: null, news } };
  }
}

/** The customer licenses that are kept with activations. */
function heldLicenses({ products }: GuestState): DocumentEnvelope[] {
  return Object.values(products).flatMap(({ activation }) => activation?.license ?? []);
}

/**
 * Keeps the trust updates and revocation lists that an exchange has brought, each with its events. One that cannot be
 * kept is an event too: the next exchange brings it again.
 */
async function keepNews(context: GuestContext, outcome: ExchangeOutcome): Promise<void> {
  const { taken, problems } = outcome.news;
  const hostName = outcome.kind === 'activated' ? outcome.result.answer.hostName : outcome.hostName;
  for (const problem of problems) writeAgentEvent(context, refusedEvent(problem, hostName));
  for (const document of taken) {
    try {
      const change = await takeDocument(context.environment, document);
      for (const event of change === null ? [] : trustEvents(document, change)) {
        writeAgentEvent(context, { ...event, hostName });
      }
    } catch (thrown) {
      const error = toAvmaError(thrown, 'cannot keep the document');
      if (error.code === 'internal') throw error;
      writeAgentEvent(context, refusedEvent(error, hostName));
    }
  }
}
