import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { errnoOf } from '../../system/errno.ts';
import { closeServer, listenOn, removeStaleSocket } from '../../system/own-socket.ts';
import { formatMetricsAddress, type MetricsAddress } from './metrics-address.ts';

/** Something that is asked whether all is well. */
export interface HealthAnswer {
  readonly ok: boolean;
  /** A line that says what is well, or what is not. */
  readonly text: string;
}

/** What is served, by path. */
export interface MetricsPages {
  /** `/metrics`: the text in Prometheus' format, and its content type. */
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>;
  /** `/healthz`: whether the process works. */
  health(): HealthAnswer;
  /** `/readyz`: whether guests can be activated. */
  readiness(): HealthAnswer;
}

/** A server that answers until it is closed. */
export interface MetricsServer {
  /** Where it answers: `http://127.0.0.1:9640`, or `unix:PATH`. */
  readonly url: string;
  close(): Promise<void>;
}

/** The most connections at one time; further ones are closed at once. */
const MAX_CONNECTIONS = 16;

/** How long a client may take to send its request, and to read its answer, in milliseconds. */
const CLIENT_TIMEOUT_MS = 10_000;

const MAX_HEADER_BYTES = 8192;

/**
 * Serves the pages over HTTP. Whatever a client sends or does not read, it holds one of {@link MAX_CONNECTIONS}
 * connections for ten seconds at most, and no body is read.
 *
 * @throws {AvmaError} `io-error` for an address that is in use or is none of this machine; for a socket as
 *   {@link listenOn} and {@link removeStaleSocket}.
 */
export async function serveMetrics(address: MetricsAddress, pages: MetricsPages): Promise<MetricsServer> {
  const server = http.createServer(
    {
      headersTimeout: CLIENT_TIMEOUT_MS / 2,
      requestTimeout: CLIENT_TIMEOUT_MS,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: 1000,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    (request, response) => void answer(request, response, pages),
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on('connection', (socket) => {
    const timer = setTimeout(() => socket.destroy(), CLIENT_TIMEOUT_MS);
    timer.unref();
    socket.once('close', () => clearTimeout(timer)).on('error', () => {});
  });
  server.on('clientError', (_error, socket) => void socket.destroy());
  await listen(server, address);
  const bound = server.address() as AddressInfo | string | null;
  return {
    url: formatMetricsAddress(address, typeof bound === 'object' ? bound?.port : undefined),
    async close() {
      server.closeAllConnections();
      if (address.kind === 'unix') await closeServer(server, address.path, undefined);
      else await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What to do about addresses that cannot be had, by the system's name of the error. */
const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'Another program has that port, or another host: ss -ltnp names it. Or give --metrics another port.',
  EADDRNOTAVAIL: 'Give --metrics an address of this machine: ip address lists them.',
};

async function listen(server: http.Server, address: MetricsAddress): Promise<void> {
  if (address.kind === 'unix') {
    await removeStaleSocket(address.path);
    return listenOn(server, address.path, address.mode);
  }
  await new Promise<void>((resolve, reject) => {
    const where = formatMetricsAddress(address);
    server.once('error', (thrown) => {
      const hint = HINTS[errnoOf(thrown) ?? ''];
      const error = toAvmaError(thrown, `cannot serve metrics at ${where}`);
      reject(hint === undefined ? error : new AvmaError(error.code, error.message, { cause: thrown, hint }));
    });
    server.listen(address.port, address.host, () => {
      server.removeAllListeners('error');
      server.on('error', () => {});
      resolve();
    });
  });
}

const TEXT = 'text/plain; charset=utf-8';

async function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  pages: MetricsPages,
): Promise<void> {
  const send = (status: number, text: string, contentType = TEXT, headers: http.OutgoingHttpHeaders = {}) => {
    // One request a connection: nothing that a client sends afterwards is read.
    const bytes = Buffer.from(text);
    const head = {
      'content-type': contentType,
      'content-length': bytes.length,
      connection: 'close',
      ...headers,
    };
    response.writeHead(status, head);
    response.end(request.method === 'HEAD' ? undefined : bytes);
  };
  try {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return send(405, 'Only GET and HEAD are answered.\n', TEXT, { allow: 'GET, HEAD' });
    }
    const [path] = (request.url ?? '').split('?', 1);
    if (path === '/metrics') {
      const { text, contentType } = await pages.metrics();
      return send(200, text, contentType);
    }
    if (path === '/healthz' || path === '/readyz') {
      const { ok, text } = path === '/healthz' ? pages.health() : pages.readiness();
      return send(ok ? 200 : 503, `${text}\n`);
    }
    send(404, 'There are /metrics, /healthz and /readyz.\n');
  } catch (thrown) {
    if (response.headersSent) response.destroy();
    else send(500, `${toAvmaError(thrown, 'the metrics cannot be read').message}\n`);
  }
}
