import { AvmaError } from '../../errors/avma-error.ts';
import { VIRTIO_PORT } from '../../protocol/defaults.ts';
import { normalizeUuid } from '../../schema/uuid.ts';
import { readXml, type XmlElement } from '../../xml/read-xml.ts';
import { socketPathProblem } from '../endpoints/endpoint.ts';

/** One domain's XML, and what to call it until its name is known. */
export interface DomainXml {
  readonly from: string;
  readonly xml: string;
  /** Whether the domain runs or is paused; absent where only its XML may say so. */
  readonly runs?: boolean;
}

/** A domain's channel, as this host has to serve it. */
export interface DomainEndpoint {
  readonly domain: string;
  /** The `from` of its {@link DomainXml}. */
  readonly from: string;
  readonly vmId: string;
  readonly path: string;
  /** `connect` where libvirt's mode is `bind`: QEMU owns the socket. `listen` where it is `connect`: QEMU connects. */
  readonly kind: 'connect' | 'listen';
  /** Whether the domain runs or is paused; null: nothing says so. */
  readonly runs: boolean | null;
}

/** Why a domain is not served, as the rest of a sentence that begins with its name. */
export interface DomainProblem {
  readonly domain: string;
  readonly why: string;
}

/**
 * The endpoints to serve for these domains. A domain that cannot be served is a problem and does not keep the others
 * from being served. Pure.
 *
 * @param read - Reads one domain; the caller's may remember what it has read before.
 */
export function domainsToEndpoints(
  domains: readonly DomainXml[],
  read: (domain: DomainXml) => ReadDomain = ({ xml }) => readDomain(xml),
): {
  endpoints: DomainEndpoint[];
  problems: DomainProblem[];
} {
  const endpoints: DomainEndpoint[] = [];
  const problems: DomainProblem[] = [];
  for (const one of domains) {
    const { from } = one;
    const found = read(one);
    const domain = found.name ?? from;
    const why = 'why' in found ? found.why : clash(found, endpoints);
    if (why !== undefined) problems.push({ domain, why });
    else if (!('why' in found)) {
      const { vmId, path, kind } = found;
      endpoints.push({ domain, from, vmId, path, kind, runs: found.runs ?? one.runs ?? null });
    }
  }
  return { endpoints, problems };
}

/** The endpoints to close and to open, in this order, so that `wanted` is served instead of `running`. Pure. */
export function diffEndpoints(
  running: readonly DomainEndpoint[],
  wanted: readonly DomainEndpoint[],
): { close: DomainEndpoint[]; open: DomainEndpoint[] } {
  const keys = (endpoints: readonly DomainEndpoint[]) => new Set(endpoints.map(endpointKey));
  const [before, after] = [keys(running), keys(wanted)];
  return {
    close: running.filter((endpoint) => !after.has(endpointKey(endpoint))),
    open: wanted.filter((endpoint) => !before.has(endpointKey(endpoint))),
  };
}

/** Endpoints with the same key are the same endpoint, also when the domain was renamed. */
export function endpointKey({ kind, vmId, path }: DomainEndpoint): string {
  return `${kind} ${vmId} ${path}`;
}

// libvirt never gives two domains one UUID. A folder of files may, and then one VM could pass for the other.
function clash(
  { vmId, path }: Pick<DomainEndpoint, 'vmId' | 'path'>,
  earlier: readonly DomainEndpoint[],
): string | undefined {
  const other = earlier.find((endpoint) => endpoint.vmId === vmId || endpoint.path === path);
  if (other === undefined) return undefined;
  return `has the same ${other.vmId === vmId ? 'UUID' : 'socket'} as ${other.domain}`;
}

/** A domain's channel, or why it cannot be served. */
export type ReadDomain =
  | {
      readonly name: string;
      readonly vmId: string;
      readonly path: string;
      readonly kind: DomainEndpoint['kind'];
      /** What libvirt's own file of a running domain says of its state; null for any other XML. */
      readonly runs: boolean | null;
    }
  | { readonly name: string | undefined; readonly why: string };

/** Reads the XML of one domain. Pure. */
export function readDomain(xml: string): ReadDomain {
  const found = parseRoot(xml);
  if (typeof found === 'string') return { name: undefined, why: found };
  const { root, runs } = found;
  const name = textOf(childrenOf(root, 'name')[0]) || undefined;
  if (name === undefined) return { name, why: 'has no name' };
  const uuid = textOf(childrenOf(root, 'uuid')[0]);
  const vmId = normalizeUuid(uuid);
  if (vmId === undefined) return { name, why: `has "${uuid}" in the place of its UUID` };
  const channels = childrenOf(root, 'devices')
    .flatMap((devices) => childrenOf(devices, 'channel'))
    .filter((channel) =>
      childrenOf(channel, 'target').some(
        ({ element: { attributes } }) =>
          attributes['type'] === 'virtio' && attributes['name'] === VIRTIO_PORT,
      ),
    );
  const [channel] = channels;
  if (channel === undefined) return { name, why: `has no virtio channel ${VIRTIO_PORT}` };
  if (channels.length > 1) return { name, why: `has ${channels.length} channels ${VIRTIO_PORT}` };
  const { type } = channel.element.attributes;
  if (type !== 'unix') return { name, why: `has a channel of the type ${type}, and only unix can be served` };
  const source = childrenOf(channel, 'source')[0]?.element.attributes ?? {};
  const path = source['path'] ?? '';
  if (path === '') {
    return {
      name,
      why: "has a channel without a path: libvirt chooses one, which only a running domain's XML shows",
    };
  }
  const problem = path.startsWith('/') ? socketPathProblem(path) : `has a relative path, ${path}`;
  if (problem !== undefined) return { name, why: problem };
  switch (source['mode']) {
    case 'bind':
      return { name, vmId, path, kind: 'connect', runs };
    case 'connect':
      return { name, vmId, path, kind: 'listen', runs };
    default:
      return { name, why: "has a channel whose mode is neither 'bind' nor 'connect'" };
  }
}

/** An element and those in it. Elements of libvirt's own are in no namespace. */
interface Element {
  readonly element: XmlElement;
  readonly children: readonly Element[];
}

/**
 * The longest XML that is parsed, in characters. A domain has some ten thousand; ten million would keep all guests
 * waiting for seconds.
 */
export const MAX_DOMAIN_XML_LENGTH = 1024 * 1024;
const TOO_LONG = `has more than ${MAX_DOMAIN_XML_LENGTH} characters, the most that is read`;

/** The states of a domain in which its guest is there, in libvirt's words. */
const PRESENT_STATES = ['running', 'paused', 'idle', 'in shutdown', 'pmsuspended'];

/** The domain's element and whether it runs, or what is wrong with the text. */
function parseRoot(text: string): { readonly root: Element; readonly runs: boolean | null } | string {
  if (text.length > MAX_DOMAIN_XML_LENGTH) return TOO_LONG;
  let document: Element;
  try {
    document = parseTree(text.replace(/^\uFEFF/, ''));
  } catch (thrown) {
    if (!(thrown instanceof AvmaError)) throw thrown;
    return thrown.message;
  }
  // libvirt's own files in /run/libvirt/qemu have the domain inside a `domstatus` element.
  const isStatus = isNamed(document, 'domstatus');
  const roots = isStatus ? childrenOf(document, 'domain') : [document];
  const [root] = roots;
  if (roots.length !== 1 || root === undefined || !isNamed(root, 'domain'))
    return 'is not the XML of a domain';
  const runs = isStatus ? PRESENT_STATES.includes(document.element.attributes['state'] ?? '') : null;
  return { root, runs };
}

/** The root element with all that stands in it. @throws {AvmaError} `file-invalid`, as readXml does. */
function parseTree(xml: string): Element {
  const open = new Map<XmlElement | null, Element[]>();
  readXml(xml, {
    element(element) {
      const siblings = open.get(element.parent) ?? [];
      siblings.push({ element, children: open.get(element) ?? [] });
      open.set(element.parent, siblings);
      open.delete(element);
    },
    comment() {},
  });
  const [root] = open.get(null) ?? [];
  if (root === undefined) throw new TypeError('XML that was read has no root element');
  return root;
}

function isNamed({ element }: Element, name: string): boolean {
  return element.name === name && element.namespace === '';
}

function childrenOf({ children }: Element, name: string): Element[] {
  return children.filter((child) => isNamed(child, name));
}

function textOf(found: Element | undefined): string {
  return found?.element.text.trim() ?? '';
}
