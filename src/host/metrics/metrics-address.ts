import { isIP } from 'node:net';
import { AvmaError } from '../../errors/avma-error.ts';
import { socketPathProblem } from '../endpoints/endpoint.ts';

/** Where metrics are served. */
export type MetricsAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A unix socket with the permission bits of its file. */
  | { readonly kind: 'unix'; readonly path: string; readonly mode: number };

const HINT =
  "Write it as 127.0.0.1:9640, [::1]:9640 or unix:/run/avma/metrics.sock,mode=0660. Metrics have no password: for another address than this machine's own write 192.0.2.7:9640,remote.";

/**
 * An address as `--metrics` takes it. An address that other machines reach has to say `,remote`: whoever reaches it may
 * read the metrics. Port 0 lets the system choose.
 *
 * @throws {AvmaError} `argument-invalid` with the mistake and the right form.
 */
export function parseMetricsAddress(text: string): MetricsAddress {
  const invalid = (why: string) =>
    new AvmaError('argument-invalid', `the address for metrics "${text}" ${why}`, { hint: HINT });
  const [place = '', ...options] = text.split(',');
  if (place.startsWith('unix:')) {
    const path = place.slice('unix:'.length);
    const problem = socketPathProblem(path);
    if (problem !== undefined) throw invalid(problem);
    const [mode = 'mode=0600', ...more] = options;
    const bits = /^mode=(0?[0-7]{3})$/.exec(mode)?.[1];
    if (bits === undefined || more.length > 0) throw invalid('has an unknown option');
    return { kind: 'unix', path, mode: Number.parseInt(bits, 8) };
  }
  const match = /^(?:\[([0-9a-f:.]+)\]|([^[\]:]+)):(\d{1,5})$/i.exec(place);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) throw invalid('is not HOST:PORT');
  if (isIP(host) === 0 && host !== 'localhost') throw invalid('names no IP address');
  if (options.some((option) => option !== 'remote')) throw invalid('has an unknown option');
  if (!isLoopback(host) && options.length === 0) throw invalid('can be reached from other machines');
  return { kind: 'tcp', host, port };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

/** The address as it is printed and asked at; of port 0, the one that the system chose. */
export function formatMetricsAddress(address: MetricsAddress, port?: number): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `http://${host}:${port ?? address.port}`;
}
