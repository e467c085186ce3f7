import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import { CosignedEnvelope, PAYLOAD_TYPES, parseJson } from '../protocol/envelope.ts';
import type { TrustAnchor } from '../protocol/trust-anchor.ts';
import {
  MAX_ROOTS,
  openTrustUpdate,
  type TrustUpdate,
  type VerifiedTrustUpdate,
} from '../protocol/trust-update.ts';
import { followTrustUpdate, keyIdOf, type TrustedVendor } from '../protocol/vendor-trust.ts';
import { listFiles } from '../storage/atomic-file.ts';
import { readInstalledFile } from '../storage/read-file.ts';
import type { VendorRoot } from './trust-root.ts';
import type { VendorLogEntry } from './vendor-log.ts';

/** The folder beside `root.key` with every trust update, one file a version: `2.json`. */
export const TRUST_UPDATES_FOLDER = 'trust-updates';

/** The newest trust update beside `root.key`, once more. */
export const TRUST_UPDATE_FILE = 'trust-update.json';

const MAX_UPDATE_BYTES = 64 * 1024;

/** A vendor's roots after the trust updates until now. */
export interface RootSet {
  /** 1 before the first trust update. */
  readonly version: number;
  readonly lastUpdate: string | null;
  /** Public keys, base64url. */
  readonly roots: readonly string[];
  /** Roots that were retired, base64url. */
  readonly retiredRoots: readonly string[];
}

/**
 * The vendor's roots, from the trust updates beside the key.
 *
 * @throws {AvmaError} `trust-update-invalid` for a file that is none; `trust-update-gap` where one is missing or
 *   follows another; `trust-update-foreign` for a root that they do not list, as one that was retired.
 */
export function readRootSet(root: VendorRoot, log: readonly VendorLogEntry[]): RootSet {
  const publicKey = Buffer.from(root.keyPair.publicKey).toString('base64url');
  const folder = path.join(root.folder, TRUST_UPDATES_FOLDER);
  const chain = listFiles(folder, '.json')
    .map(readUpdate)
    .sort((a, b) => a.update.version - b.update.version);
  const logged = log
    .filter(({ payloadType }) => payloadType === PAYLOAD_TYPES.trustUpdate)
    .map(({ statement }) => Number(statement['version']));
  refuseGap(chain, Math.max(0, ...logged), folder);
  const own = vouchedBy(root.keyPair, chain);
  // An update may claim any key as a former root: whoever writes files here could make another one the vendor's first.
  const isOwn = chain.slice(0, 1).every(({ update }) => update.formerRoots.every((key) => own.has(key)));
  const vendor = followed(chain);
  const roots = vendor?.roots.map((key) => Buffer.from(key.publicKey).toString('base64url')) ?? [publicKey];
  if (!isOwn || !roots.includes(publicKey)) {
    throw new AvmaError(
      'trust-update-foreign',
      vendor?.retiredRoots.includes(publicKey) === true
        ? `the root ${root.keyId} was retired, and its signature counts no more`
        : `the trust updates in ${folder} are of another vendor than the root ${root.keyId}`,
      { hint: 'Sign with the root that the last trust update lists: avma vendor log shows the key IDs.' },
    );
  }
  return {
    version: vendor?.trustVersion ?? 1,
    lastUpdate: vendor?.lastUpdate ?? null,
    roots,
    retiredRoots: vendor?.retiredRoots ?? [],
  };
}

/** The vendor after all updates, for one who knew the roots before the first; undefined where there is none. */
function followed(chain: readonly VerifiedTrustUpdate[]): TrustedVendor | undefined {
  const [first] = chain;
  if (first === undefined) return undefined;
  const { vendorName: name, formerRoots, version } = first.update;
  const roots = formerRoots.map((key) => anchorOf(key, name));
  const before = {
    name,
    roots,
    retiredRoots: [],
    trustVersion: version - 1,
    lastUpdate: null,
    revocations: null,
  };
  return chain.reduce<TrustedVendor>(followTrustUpdate, before);
}

/**
 * The public keys whose lists are the vendor's own, in base64url: its present root, and who signed a trust update
 * together with one of these. Who may write the files, and has no root, adds none.
 *
 * @throws {AvmaError} `trust-update-invalid` for a file that is none.
 */
export function ownRoots({ folder, keyPair }: Pick<VendorRoot, 'folder' | 'keyPair'>): ReadonlySet<string> {
  return vouchedBy(keyPair, listFiles(path.join(folder, TRUST_UPDATES_FOLDER), '.json').map(readUpdate));
}

function vouchedBy(
  { publicKey }: VendorRoot['keyPair'],
  updates: readonly VerifiedTrustUpdate[],
): ReadonlySet<string> {
  const own = new Set([Buffer.from(publicKey).toString('base64url')]);
  for (let before = 0; before < own.size; ) {
    before = own.size;
    for (const { signers } of updates) {
      if (signers.some((key) => own.has(key))) for (const key of signers) own.add(key);
    }
  }
  return own;
}

/** A root as a trust anchor. @param key - Base64url. */
export function anchorOf(key: string, name: string): TrustAnchor {
  return { name, keyId: keyIdOf(key), publicKey: new Uint8Array(Buffer.from(key, 'base64url')) };
}

function readUpdate(file: string): VerifiedTrustUpdate {
  const envelope = CosignedEnvelope.safeParse(parseJson(readInstalledFile(file, MAX_UPDATE_BYTES)));
  if (envelope.success) return openTrustUpdate(envelope.data);
  throw new AvmaError('trust-update-invalid', `${file} is not a trust update`);
}

function refuseGap(chain: readonly VerifiedTrustUpdate[], logged: number, folder: string): void {
  const versions = chain.map(({ update }) => update.version);
  const last = Math.max(logged, ...versions);
  for (let version = 2; version <= last; version++) {
    if (versions.includes(version)) continue;
    throw new AvmaError('trust-update-gap', `${path.join(folder, `${version}.json`)} is missing`, {
      hint: 'Put the file back from a backup, or from a host that has it: another update of that version would split your guests.',
    });
  }
}

/** The update that adds a root to those that there are. Pure. @throws {AvmaError} for a fifth root. */
export function addingUpdate(set: RootSet, newRoot: string, vendorName: string, now: number): TrustUpdate {
  if (set.roots.length >= MAX_ROOTS) {
    throw new AvmaError(
      'argument-invalid',
      `there are ${set.roots.length} roots already, which are the most`,
      {
        hint: 'Retire one first: avma vendor rotate --retire KEY-ID --key root.key.',
      },
    );
  }
  return nextUpdate(set, [...set.roots, newRoot], vendorName, now);
}

/**
 * The update that retires a root. Pure.
 *
 * @param signer - The public key that signs, which has to stay.
 * @throws {AvmaError} `argument-invalid` for a key ID that is no root, and for that of the signer.
 */
export function retiringUpdate(
  set: RootSet,
  retired: string,
  signer: string,
  vendorName: string,
  now: number,
): TrustUpdate {
  const listed = set.roots.map(keyIdOf).join(', ');
  if (!set.roots.some((key) => keyIdOf(key) === retired)) {
    throw new AvmaError('argument-invalid', `--retire: no root has the key ID "${retired}"`, {
      hint: `The roots are ${listed}.`,
    });
  }
  if (keyIdOf(signer) === retired) {
    throw new AvmaError('argument-invalid', `the root ${retired} cannot retire itself`, {
      hint: `Sign with another root, one that stays: --key. The roots are ${listed}.`,
    });
  }
  return nextUpdate(
    set,
    set.roots.filter((key) => keyIdOf(key) !== retired),
    vendorName,
    now,
  );
}

function nextUpdate(set: RootSet, roots: readonly string[], vendorName: string, now: number): TrustUpdate {
  return {
    vendorName,
    version: set.version + 1,
    previous: set.lastUpdate,
    formerRoots: [...set.roots],
    roots: [...roots],
    issuedAt: now,
  };
}
