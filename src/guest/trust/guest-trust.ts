import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { documentDigest } from '../../protocol/documents.ts';
import type { CosignedEnvelope, DocumentEnvelope } from '../../protocol/envelope.ts';
import {
  followTrustUpdate,
  hasRoot,
  isRootOf,
  rootKey,
  type TrustedVendor,
  vendorsOfAnchors,
  withRevocations,
} from '../../protocol/vendor-trust.ts';
import { damagedDocument, type StoredDocument, type TrustDocument } from './trust-documents.ts';
import type { StoredAnchor } from './trust-store.ts';

/** A vendor whom this guest trusts, and why. */
export interface GuestVendor extends TrustedVendor {
  /** The files that the trust began with; the roots in them may have been retired since. */
  readonly anchors: readonly StoredAnchor[];
  /** The trust updates that were followed from there, oldest first. */
  readonly trustUpdates: readonly CosignedEnvelope[];
  /** The document that `revocations` is from. */
  readonly revocationsDocument: DocumentEnvelope | null;
}

/** Every vendor whom this guest trusts. */
export type GuestTrust = readonly GuestVendor[];

/** What became of the trust when a document was taken. */
export interface TrustChange {
  readonly trust: GuestTrust;
  /** The vendor as it was, and as it is now; null for a document that was known. */
  readonly changed: { readonly before: GuestVendor; readonly after: GuestVendor } | null;
}

/** The trust that a guest begins with: that in the anchors of its trust folders. */
export function trustOfAnchors(anchors: readonly StoredAnchor[]): GuestTrust {
  const vendors = vendorsOfAnchors(anchors).map((vendor, index) => ({
    ...vendor,
    anchors: anchors.slice(index, index + 1),
    trustUpdates: [],
    revocationsDocument: null,
  }));
  return mergedByRoots(vendors);
}

/**
 * The trust that follows from anchors and stored documents. A root that an update has retired does not count, though
 * its anchor's file is still there; documents of vendors whom nobody trusts here count for nothing. Pure.
 *
 * @throws {AvmaError} `file-invalid` for a document of a trusted vendor that does not follow what is known, as where a
 *   version between is missing: it cannot be left aside, since it may have retired a root.
 */
export function deriveTrust(
  anchors: readonly StoredAnchor[],
  documents: readonly StoredDocument[],
): GuestTrust {
  const updates = documents
    .filter((document) => document.kind === 'trust-update')
    .sort((one, other) => one.verified.update.version - other.verified.update.version);
  const followed = updates.reduce(taken, trustOfAnchors(anchors));
  const lists = documents
    .filter((document) => document.kind === 'revocations')
    .sort((one, other) => one.list.sequence - other.list.sequence);
  // Those of present roots come last: each of them counts more than one of a root that was retired.
  return lists.reduce(taken, lists.reduce(withListOfRetiredRoot, followed));
}

function taken(trust: GuestTrust, document: StoredDocument): GuestTrust {
  try {
    return takeTrustDocument(trust, document).trust;
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot follow the document');
    if (error.code === 'internal') throw error;
    if (HARMLESS.has(error.code)) return trust;
    throw damagedDocument(document.file, error.message, error);
  }
}

/** What is left aside where it lies: it is nobody's here, or another one counts. */
const HARMLESS: ReadonlySet<string> = new Set([
  'trust-update-foreign',
  'trust-update-old',
  'trust-update-unsigned',
  'revocations-foreign',
  'revocations-old',
]);

/**
 * What a root has revoked while it counted stays revoked after it was retired, until a present root signs a list: a
 * rotation must not bring a stolen host back.
 */
function withListOfRetiredRoot(trust: GuestTrust, { envelope, list }: StoredList): GuestTrust {
  return trust.map((vendor) =>
    vendor.retiredRoots.includes(list.vendor.publicKey)
      ? { ...vendor, revocations: list, revocationsDocument: envelope }
      : vendor,
  );
}

type StoredList = Extract<StoredDocument, { kind: 'revocations' }>;

/**
 * The trust after a document, if it is a trusted vendor's and newer than what is known. Pure.
 *
 * @throws {AvmaError} `trust-update-foreign`, `-old`, `-gap`, `-unsigned`; `revocations-foreign`, `-old`.
 */
export function takeTrustDocument(trust: GuestTrust, document: TrustDocument): TrustChange {
  return document.kind === 'trust-update' ? takeUpdate(trust, document) : takeList(trust, document);
}

function takeUpdate(
  trust: GuestTrust,
  { envelope, verified }: Extract<TrustDocument, { kind: 'trust-update' }>,
): TrustChange {
  const errors: AvmaError[] = [];
  const vendors = trust.map((vendor) => {
    try {
      const followed = followTrustUpdate(vendor, verified);
      refuseMore(vendor);
      return { ...vendor, ...followed, trustUpdates: [...vendor.trustUpdates, envelope] };
    } catch (thrown) {
      errors.push(toAvmaError(thrown, 'cannot follow the trust update'));
      return vendor;
    }
  });
  const fault = errors.find(({ code }) => code === 'internal');
  if (fault !== undefined) throw fault;
  const before = trust.find((vendor, index) => vendor !== vendors[index]);
  if (before === undefined) {
    throw mostTelling(errors) ?? foreign('trust-update-foreign', 'the trust update');
  }
  const merged = mergedByRoots(vendors);
  const after = merged.find(({ lastUpdate }) => lastUpdate === verified.digest);
  return { trust: merged, changed: after === undefined ? null : { before, after } };
}

/**
 * The most updates that are followed of a vendor: two make a rotation, so they last for decades. Each is kept and
 * verified at every start, and a vendor could make them without end.
 */
const MAX_FOLLOWED = 32;

/** @throws {AvmaError} `trust-update-gap`. */
function refuseMore({ name, trustUpdates }: GuestVendor): void {
  if (trustUpdates.length < MAX_FOLLOWED) return;
  throw new AvmaError(
    'trust-update-gap',
    `${MAX_FOLLOWED} trust updates of "${name}" were followed here, and no more are`,
    { hint: "Install the vendor's newest anchor, and remove the old one: avma guest trust add FILE." },
  );
}

/** Of the reasons why no vendor follows an update, the one that says most; that it is known comes before all. */
function mostTelling(errors: readonly AvmaError[]): AvmaError | undefined {
  const isForeign = ({ code }: AvmaError) => code === 'trust-update-foreign';
  return (
    errors.find(({ code }) => code === 'trust-update-old') ??
    errors.find((error) => !isForeign(error)) ??
    errors[0]
  );
}

function takeList(
  trust: GuestTrust,
  { envelope, list }: Extract<TrustDocument, { kind: 'revocations' }>,
): TrustChange {
  const before = trust.find((vendor) => hasRoot(vendor, list.vendor.publicKey));
  if (before === undefined) throw foreign('revocations-foreign', 'the revocation list');
  const after = { ...before, ...withRevocations(before, list), revocationsDocument: envelope };
  if (after.revocations === before.revocations) return { trust, changed: null };
  return {
    trust: trust.map((vendor) => (vendor === before ? after : vendor)),
    changed: { before, after },
  };
}

function foreign(code: 'trust-update-foreign' | 'revocations-foreign', what: string): AvmaError {
  return new AvmaError(code, `${what} is of a vendor whom this machine does not trust`);
}

/**
 * Anchors of one vendor become one vendor: those whose roots an update has brought together. The one that knows more
 * decides what counts.
 */
function mergedByRoots(vendors: readonly GuestVendor[]): GuestTrust {
  for (const [index, one] of vendors.entries()) {
    const other = vendors.slice(index + 1).find((later) => sharesRoot(one, later));
    if (other === undefined) continue;
    const rest = vendors.filter((vendor) => vendor !== other);
    return mergedByRoots(rest.map((vendor) => (vendor === one ? mergedWith(one, other) : vendor)));
  }
  return vendors;
}

function sharesRoot(one: TrustedVendor, other: TrustedVendor): boolean {
  return one.roots.some((root) => isRootOf(other, rootKey(root)));
}

function mergedWith(one: GuestVendor, other: GuestVendor): GuestVendor {
  const knowing = knowsMore(other, one) ? other : one;
  const rest = knowing === one ? other : one;
  const listed = newerList(knowing, rest);
  const former = [...knowing.retiredRoots, ...rest.retiredRoots, ...rest.roots.map(rootKey)];
  return {
    ...knowing,
    retiredRoots: [...new Set(former)].filter((key) => !isRootOf(knowing, key)),
    anchors: [...one.anchors, ...other.anchors],
    revocations: listed.revocations,
    revocationsDocument: listed.revocationsDocument,
  };
}

/** Whether `one` has followed further, or as far and by updates of its own. */
function knowsMore(one: GuestVendor, other: GuestVendor): boolean {
  if (one.trustVersion !== other.trustVersion) return one.trustVersion > other.trustVersion;
  return one.trustUpdates.length > other.trustUpdates.length;
}

function newerList(one: GuestVendor, other: GuestVendor): GuestVendor {
  return (other.revocations?.sequence ?? 0) > (one.revocations?.sequence ?? 0) ? other : one;
}

/** The digests of the documents that the trust follows from. */
export function documentsOf(vendors: GuestTrust): ReadonlySet<string> {
  return new Set(
    vendors.flatMap(({ trustUpdates, revocationsDocument }) =>
      [...trustUpdates, ...(revocationsDocument === null ? [] : [revocationsDocument])].map(documentDigest),
    ),
  );
}
