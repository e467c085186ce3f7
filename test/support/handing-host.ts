import type { Pipe } from '../../src/pipe/pipe.ts';
import {
  type Announcement,
  announce,
  type DocumentKind,
  documentBytes,
  documentDigest,
  type Fetch,
  partOf,
} from '../../src/protocol/documents.ts';
import { type CosignedEnvelope, PAYLOAD_TYPES, payloadJson } from '../../src/protocol/envelope.ts';
import { type Lie, lyingPipe } from './lying-host.ts';
import type { TestHost } from './test-host.ts';

/** What a host hands on, and how it lies about that. */
export interface Handing {
  /** What it announces and has, at most three. */
  readonly documents?: readonly CosignedEnvelope[];
  /** What it has and does not announce. */
  readonly stored?: readonly CosignedEnvelope[];
  /** Changes what it announces. */
  announced?(announcement: Announcement): Announcement;
  /** Changes a part that it sends; null: it says that it does not have the document. */
  part?(part: Uint8Array, fetch: Fetch): Uint8Array | null;
  readonly lie?: Lie;
}

/** A host that approves everything and hands on documents. */
export interface HandingHost {
  readonly pipe: () => Pipe;
  /** The digests of the parts that it was asked for, in order. */
  readonly fetched: string[];
}

/** A host that holds the keys and the certificate of `host`, approves everything, and hands on documents. */
export function handingHost(host: TestHost, handing: Handing): HandingHost {
  const { documents = [], stored = [], announced = (announcement) => announcement, part, lie } = handing;
  const fetched: string[] = [];
  const store = new Map([...documents, ...stored].map((one) => [documentDigest(one), documentBytes(one)]));
  return {
    fetched,
    pipe: () =>
      lyingPipe(host, {
        ...lie,
        documents: documents.map((one) => announced(announcementOf(one))),
        part(fetch) {
          fetched.push(fetch.digest);
          const bytes = store.get(fetch.digest);
          const honest = bytes === undefined ? null : partOf(bytes, fetch.offset);
          return part === undefined || honest === null ? honest : part(honest, fetch);
        },
      }),
  };
}

/** An honest line about a document. */
function announcementOf(envelope: CosignedEnvelope): Announcement {
  const kind = KINDS[envelope.payloadType] as DocumentKind;
  const { sequence, version } = payloadJson(envelope) as { sequence?: number; version?: number };
  return announce(kind, envelope, sequence ?? version ?? 0);
}

const KINDS: Record<string, DocumentKind> = {
  [PAYLOAD_TYPES.license]: 'license',
  [PAYLOAD_TYPES.revocations]: 'revocations',
  [PAYLOAD_TYPES.trustUpdate]: 'trust-update',
};
