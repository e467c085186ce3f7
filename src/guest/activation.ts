import fs from 'node:fs';
import path from 'node:path';
import type { LoadedProduct } from '../catalog/product.ts';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { HRESULT } from '../errors/hresult.ts';
import type { LicenseStateName } from '../events/guest-event.ts';
import type { Trigger } from '../protocol/messages.ts';
import { printable } from '../schema/printable.ts';
import { withLockedFile } from '../storage/folder-lock.ts';
import { debug } from '../system/debug.ts';
import { type GuestBasis, type GuestContext, readBasis, readCatalog, readClock } from './context.ts';
import type { ActivationResult, ExchangeOutcome } from './exchange.ts';
import { ACTIVATED_MESSAGE, writeGuestEvent } from './guest-events.ts';
import type { LastAttempt } from './guest-state.ts';
import { licenseStateName } from './license-report.ts';
import { evidenceNotes } from './license-terms.ts';
import { deriveReport } from './product-report.ts';
import * as changes from './state-changes.ts';

/** What is to be activated, and what started it. */
interface Attempt {
  readonly activationId: string;
  readonly trigger: Trigger;
}

/**
 * One activation: one exchange with the host under one deadline. What became of it is event 12309, and the product's
 * last attempt in the state. A failure changes nothing else: a lease that the guest holds goes on.
 *
 * @throws {AvmaError} `key-not-installed`, `channel-unsupported`; what the state's file, the pipe and the host's answer
 *   fail with (docs/protocol.md, section 7).
 */
export function activateProduct(context: GuestContext, attempt: Attempt): Promise<void> {
  return inTurn(context, () => activateNow(context, attempt));
}

/**
 * Runs `work` while no other process activates on this machine: a pipe carries one exchange at a time, and some can be
 * opened by one process only. So a running agent and a command do not get in each other's way. A process that holds the
 * turn for longer than an activation may take is not waited for.
 *
 * Not to be called from within `work`.
 */
export async function inTurn<T>(context: GuestContext, work: () => Promise<T>): Promise<T> {
  const { stateFolder, deadline } = context.environment;
  try {
    fs.accessSync(stateFolder, fs.constants.W_OK);
  } catch (thrown) {
    // Nobody else activates where there is no folder. Who may not write is told by the work itself, with an event.
    if (toAvmaError(thrown, 'cannot take turns').code === 'internal') throw thrown;
    return work();
  }
  return withLockedFile(path.join(stateFolder, ACTIVATION_LOCK), deadline + TURN_MARGIN_MS, work);
}

const ACTIVATION_LOCK = 'activation.lock';

/** How long an activation may take beyond its deadline, to store what came of it. */
const TURN_MARGIN_MS = 2000;

/** As {@link activateProduct}, for a caller that has the turn. */
export async function activateNow(context: GuestContext, attempt: Attempt): Promise<void> {
  const { product, basis } = await prepared(context, attempt);
  // Loaded by the commands that talk to a host, not by those that show; so is the wire itself.
  const { askHost } = await import('./asking.ts');
  const { pipe, outcome } = await askHost(context, product, basis, attempt);
  if (outcome.kind === 'failed') {
    // By the trust as it is now: the host may have handed on that the lease stands on nothing any more.
    const { report } = deriveReport(product, { ...basis, trust: outcome.news.trust });
    const state = licenseStateName(report.license.status);
    return fail(context, { ...attempt, state }, pipe, outcome);
  }
  await keep(context, attempt, product, pipe, outcome.result);
}

/** Everything that can go wrong before a host is asked. */
async function prepared(
  context: GuestContext,
  attempt: Attempt,
): Promise<{ product: LoadedProduct; basis: GuestBasis }> {
  try {
    const basis = readBasis(context);
    const product = productToActivate(context, basis, attempt.activationId);
    // Ask for a lease only where it can be stored.
    await context.store.checkWritable();
    return { product, basis };
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot activate');
    writeGuestEvent(context, error, attempt);
    throw error;
  }
}

/**
 * The product, if its key is installed and a host activates it.
 *
 * @throws {AvmaError} `key-not-installed`, `channel-unsupported`.
 */
export function productToActivate(
  context: GuestContext,
  { state }: GuestBasis,
  activationId: string,
): LoadedProduct {
  const product = readCatalog(context).productOfActivationId(activationId);
  if (product === undefined || (state.products[activationId]?.partialProductKey ?? null) === null) {
    throw new AvmaError('key-not-installed', `no key is installed for product ${activationId}`);
  }
  if (product.channel !== 'VT:IA') {
    throw new AvmaError(
      'channel-unsupported',
      `"${product.name}" is licensed through ${product.channel}, which cannot be activated here`,
      // Windows' codes for a key whose KMS host or activation server cannot be reached.
      {
        hresult:
          product.channel === 'Volume:GVLK'
            ? HRESULT.SL_E_VL_BINDING_SERVICE_UNAVAILABLE
            : HRESULT.ERROR_INTERNET_NAME_NOT_RESOLVED,
      },
    );
  }
  return product;
}

/** Stores the lease. @throws {AvmaError} the reason why the lease cannot be stored; the event has it too. */
async function keep(
  context: GuestContext,
  attempt: Attempt,
  product: LoadedProduct,
  pipe: string | null,
  result: ActivationResult,
): Promise<void> {
  const { exchangeId, answer } = result;
  const subject = { ...attempt, exchangeId, hostName: answer.hostName };
  const message = [ACTIVATED_MESSAGE, ...evidenceNotes(result, answer.issuedAt)].join('; ');
  const clock = readClock(context);
  try {
    await context.store.update((latest) =>
      changes.recordAttempt(
        changes.storeActivation(latest, product, result, context.vmId.value, clock),
        attempt.activationId,
        {
          at: clock.wall,
          trigger: attempt.trigger,
          pipe: pipe === null ? null : printable(pipe, MAX_TEXT),
          code: 'success',
          hresult: 0,
          message,
          hostName: answer.hostName,
        },
      ),
    );
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot store the lease');
    writeGuestEvent(context, error, subject);
    throw error;
  }
  writeGuestEvent(context, 'success', { ...subject, message, state: 'licensed' });
}

/** Records why an exchange failed, and throws it. */
async function fail(
  context: GuestContext,
  attempt: Attempt & { readonly state: LicenseStateName },
  pipe: string | null,
  { error, exchangeId, hostName }: Extract<ExchangeOutcome, { kind: 'failed' }>,
): Promise<never> {
  writeGuestEvent(context, error, { ...attempt, exchangeId, hostName });
  await tryToRecord(context, attempt.activationId, {
    at: readClock(context).wall,
    trigger: attempt.trigger,
    pipe: pipe === null ? null : printable(pipe, MAX_TEXT),
    code: error.code,
    hresult: error.hresult,
    message: printable(error.message, MAX_TEXT),
    hostName,
  });
  throw error;
}

/** The longest text of a last attempt, in characters: a message may repeat what a host sent. */
const MAX_TEXT = 500;

/** An attempt that cannot be recorded must not hide the error that it failed with. */
async function tryToRecord(
  context: GuestContext,
  activationId: string,
  lastAttempt: LastAttempt,
): Promise<void> {
  try {
    await context.store.update((latest) => changes.recordAttempt(latest, activationId, lastAttempt));
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot record the attempt');
    if (error.code === 'internal') throw error;
    debug('state', () => `the failed attempt is not recorded: ${error.message}`);
  }
}
