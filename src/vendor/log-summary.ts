import { counted } from '../schema/counted.ts';
import type { VendorLogEntry } from './vendor-log.ts';

/** One signature in a line: what it is, which one, of whom, until when. */
export interface SignatureSummary {
  /** The noun for what was signed: `host certificate`. */
  readonly kind: string;
  /** Serial, license ID, sequence number or version; null where it has none. */
  readonly id: string | null;
  readonly subject: string;
  /** When it ends, milliseconds since 1970 UTC; null for what has no end. */
  readonly until: number | null;
}

const TYPE = /^application\/vnd\.avma\.([a-z-]+)\.v\d+\+json$/;

/**
 * What a line of the vendor log says, for people. By the names of the members and not by the schemas of what was
 * signed: a log holds what earlier and later versions have signed, too.
 */
export function summarizeSignature({ payloadType, statement }: VendorLogEntry): SignatureSummary {
  const { hostName, customer, product, products, hosts, licenses, roots, notAfter } = statement;
  const id = statement['serial'] ?? statement['licenseId'] ?? statement['sequence'] ?? statement['version'];
  const name = (product as { name?: unknown } | undefined)?.name;
  const of = [
    hostName,
    customer,
    name,
    Array.isArray(products) && counted(products.length, 'product'),
    // A license lists the hosts that it is for; its product says enough.
    name === undefined && Array.isArray(hosts) && counted(hosts.length, 'host'),
    Array.isArray(licenses) && counted(licenses.length, 'license'),
    Array.isArray(roots) && counted(roots.length, 'root'),
  ].filter((part) => typeof part === 'string');
  return {
    kind: (TYPE.exec(payloadType)?.[1] ?? payloadType).replaceAll('-', ' '),
    id: id === undefined ? null : String(id),
    subject: of.join(', '),
    until: typeof notAfter === 'number' ? notAfter : null,
  };
}
