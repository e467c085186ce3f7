/** The server of metrics, and clients of all kinds. */
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseMetricsAddress } from '../../../src/host/metrics/metrics-address.ts';
import { type MetricsPages, serveMetrics } from '../../../src/host/metrics/metrics-server.ts';
import { failureOf } from '../../support/failures.ts';
import { tempFolder } from '../../support/temp-folder.ts';

async function serve(address = '127.0.0.1:0', pages: Partial<MetricsPages> = {}) {
  const server = await serveMetrics(parseMetricsAddress(address), {
    metrics: async () => ({ text: 'a 1\n', contentType: 'text/plain; version=0.0.4' }),
    health: () => ({ ok: true, text: 'fine' }),
    readiness: () => ({ ok: false, text: 'not yet' }),
    ...pages,
  });
  onTestFinished(() => server.close());
  return server;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

function ask(url: string, page: string, method = 'GET'): Promise<Answer> {
  const where = url.startsWith('unix:')
    ? { socketPath: url.slice('unix:'.length), path: page }
    : { host: new URL(url).hostname, port: new URL(url).port, path: page };
  return new Promise((resolve, reject) => {
    const request = http.request({ ...where, method, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      response.once('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    request.once('error', reject).end();
  });
}

/** Sends raw text. @returns All that comes back until the other side hangs up. */
function raw(url: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text));
    onTestFinished(() => void socket.destroy());
    let got = '';
    socket.setEncoding('utf8').on('data', (piece) => {
      got += piece;
    });
    socket.on('error', () => {}).once('close', () => resolve(got));
  });
}

describe('the pages', () => {
  test.each([
    ['/metrics', 200, 'a 1\n'],
    ['/metrics?name[]=a', 200, 'a 1\n'],
    ['/healthz', 200, 'fine\n'],
    ['/readyz', 503, 'not yet\n'],
    ['/', 404, 'There are /metrics, /healthz and /readyz.\n'],
    ['/../../etc/passwd', 404, 'There are /metrics, /healthz and /readyz.\n'],
  ])('%s: %d', async (page, status, text) => {
    const { url } = await serve();
    expect(await ask(url, page)).toMatchObject({ status, text, headers: { connection: 'close' } });
  });

  test('on a unix socket, which is removed at the end', async () => {
    const file = path.join(tempFolder(), 'm.sock');
    const server = await serve(`unix:${file},mode=0660`);
    expect(fs.statSync(file).mode & 0o777).toBe(0o660);
    expect((await ask(server.url, '/metrics')).text).toBe('a 1\n');
    await server.close();
    expect(fs.existsSync(file)).toBe(false);
  });

  test('metrics that cannot be made: 500, and why', async () => {
    const { url } = await serve('127.0.0.1:0', { metrics: () => Promise.reject(new TypeError('a mistake')) });
    expect(await ask(url, '/metrics')).toMatchObject({
      status: 500,
      text: expect.stringMatching(/mistake|cannot be read/),
    });
  });

  test('HEAD has no body, and nothing is written by POST', async () => {
    const { url } = await serve();
    expect(await ask(url, '/metrics', 'HEAD')).toMatchObject({ status: 200, text: '' });
    expect(await ask(url, '/metrics', 'POST')).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    });
  });
});

describe('a client without manners', () => {
  test.each([
    ['no HTTP', 'hello\r\n\r\n'],
    ['headers that are too long', `GET /metrics HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`],
  ])('%s: it is hung up on, and others are answered', async (_what, text) => {
    const { url } = await serve();
    expect(await raw(url, text)).toBe('');
    expect((await ask(url, '/metrics')).status).toBe(200);
  });

  test('a second request on the same connection is not read', async () => {
    const { url } = await serve();
    const request = 'GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n';
    expect((await raw(url, request + request)).match(/HTTP\/1\.1 200/g)).toHaveLength(1);
  });

  test('many that say nothing: further ones are hung up on, and there is room again when they leave', async () => {
    const { url } = await serve();
    const silent = Array.from({ length: 16 }, () => net.connect(Number(new URL(url).port), '127.0.0.1'));
    await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    expect(await raw(url, 'GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n')).toBe('');
    const gone = Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    for (const socket of silent) socket.destroy();
    await gone;
    await expect.poll(async () => (await ask(url, '/metrics').catch(() => undefined))?.status).toBe(200);
  });
});

test('an address that is in use: an error with the address, and how to find who has it', async () => {
  const { url } = await serve();
  const failure = await failureOf(serve(`127.0.0.1:${new URL(url).port}`));
  expect(failure.message).toContain(`cannot serve metrics at ${url}`);
  expect(failure.hint).toContain('ss -ltnp');
});
