import type { Catalog } from '../catalog/catalog.ts';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import type { VendorTrust } from '../protocol/vendor-trust.ts';
import { debug } from '../system/debug.ts';
import { type GuestContext, readBasis, readCatalog, readClock } from './context.ts';
import { writeGuestEvent } from './guest-events.ts';
import { type LicenseChange, type Observation, observe } from './observation.ts';
import type { DerivedReport, ReportBasis } from './product-report.ts';

/** All products of the catalogs as they stand now, and what they were derived from. */
export interface GuestLook {
  /** In catalog order, with or without a key. */
  readonly products: readonly DerivedReport[];
  /** Whom this machine trusts. */
  readonly trust: VendorTrust;
}

/** How {@link lookAtProducts} differs from a look that only shows. */
export interface LookOptions {
  /** Has license.json say that no key is installed, too. A command that only looks makes no file for that. */
  readonly publishWithoutKeys?: boolean;
}

/**
 * Looks at every product: reads state, catalogs and trust anchors, derives each report once, and saves what has
 * changed, where this user may write.
 *
 * @throws {AvmaError} `state-damaged`, `state-newer`, `file-invalid`, `access-denied`.
 */
export async function lookAtProducts(
  context: GuestContext,
  { publishWithoutKeys = false }: LookOptions = {},
): Promise<GuestLook> {
  const basis = readBasis(context);
  const catalog = readCatalog(context);
  const seen = observe(basis, catalog);
  for (const derived of seen.reports) traceVerdict(derived);
  if (seen.state !== basis.state) await save(context, basis, catalog, seen);
  else if (context.publication.isOutdated(basis, seen.reports, publishWithoutKeys)) await publish(context);
  return { products: seen.reports, trust: basis.trust };
}

/** Writes license.json for the state of now. A look works also where it cannot be written. */
async function publish({ store, publication }: GuestContext): Promise<void> {
  try {
    // Under the lock of the state, which stays as it is.
    await store.update((latest) => {
      publication.publish(latest);
      return latest;
    });
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot write license.json');
    if (error.code === 'internal') throw error;
    debug('state', () => `license.json is not written: ${error.message}`);
  }
}

function traceVerdict({ product, verdict, time }: DerivedReport): void {
  if (verdict === null) return;
  debug('trust', () => {
    const why =
      verdict.kind === 'rejected'
        ? `rejected: ${verdict.error.message} [${verdict.error.code}]`
        : `${verdict.kind === 'holds' ? 'holds' : 'has ended'}, signed under vendor ${verdict.verified.root.keyId}`;
    return `the lease of product ${product.activationId} ${why}`;
  });
  debug('clock', () => {
    const setBack = time.setBack ? ', the wall clock has been set back' : '';
    return `trusted time for product ${product.activationId}: ${new Date(time.now).toISOString()}${setBack}`;
  });
}

async function save(
  context: GuestContext,
  basis: ReportBasis,
  catalog: Catalog,
  seen: Observation,
): Promise<void> {
  let changes: readonly LicenseChange[] = [];
  try {
    await context.store.update((latest) => {
      // The same object unless another command has changed the state since it was read.
      const current =
        latest === basis.state
          ? seen
          : observe({ ...basis, state: latest, clock: readClock(context) }, catalog);
      changes = current.changes;
      context.publication.remember(current.state, current.reports);
      return current.state;
    });
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot save the state');
    if (error.code === 'internal') throw error;
    // Reading must work without write permission and on a full disk.
    debug('state', () => `what was seen is not saved: ${error.message}`);
    return;
  }
  for (const { code, message, activationId, state } of changes) {
    writeGuestEvent(context, code === 'success' ? code : new AvmaError(code, message), {
      kind: 'license-changed',
      trigger: 'license state changed',
      message,
      activationId,
      state,
    });
  }
}
