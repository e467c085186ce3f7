/** A whole host: its folder, its ledger, its endpoints, and how it stops. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { serve } from '../../src/host/serve.ts';
import type { ServeOptions } from '../../src/host/serve-options.ts';
import { openPipe } from '../../src/pipe/pipe-uri.ts';
import { MAX_LEASE_MS } from '../../src/protocol/answer.ts';
import { encodeFrame } from '../../src/protocol/frame.ts';
import { makeCertifiedHost, serveHost } from '../support/certified-host.ts';
import { failureOf } from '../support/failures.ts';
import { rowsIn } from '../support/open-ledgers.ts';
import { connectClient } from '../support/socket-client.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { createTestGuest, STANDARD_2012R2, type TestGuest } from '../support/test-guest.ts';
import { MemoryLedger } from '../support/test-host.ts';
import { until } from '../support/until.ts';

const HELLO = encodeFrame({ type: 'hello', exchangeId: 'ab'.repeat(16), body: new Uint8Array() });

/** A certified host's folder, and a guest that trusts its vendor and reaches its socket. */
function makeSite() {
  const folder = tempFolder();
  const made = makeCertifiedHost(folder);
  const socket = path.join(folder, 's');
  const told: string[] = [];
  const guest = createTestGuest(null);
  fs.mkdirSync(guest.trustFolder, { recursive: true });
  fs.copyFileSync(made.anchorFile, path.join(guest.trustFolder, 'vendor.json'));
  guest.connect(() => openPipe(`unix:${socket}`));
  const options: Partial<ServeOptions> = {
    listen: [{ kind: 'socket', path: socket, vmId: null, mode: 0o600 }],
    notify: (sentence) => told.push(sentence),
  };
  return { folder: made.folder, socket, told, guest, options };
}

async function activate(guest: TestGuest): Promise<void> {
  await guest.installKey(STANDARD_2012R2.key);
  expect((await guest.look(STANDARD_2012R2.activationId)).license.status).toBe(1);
}

describe("a host's folder", () => {
  test('is served by one host at a time, also when its ledger was deleted: state-locked', async () => {
    const { folder, options } = makeSite();
    const other = {
      ...options,
      listen: [{ kind: 'socket', path: path.join(folder, 'o'), vmId: null, mode: 0o600 }],
    } as const;
    const first = await serveHost(folder, options);
    expect((await failureOf(serveHost(folder, other))).code).toBe('state-locked');
    fs.rmSync(path.join(folder, 'ledger.db'));
    const failure = await failureOf(serveHost(folder, other));
    expect(failure.code).toBe('state-locked');
    expect(failure.message).toContain(folder);
    expect(fs.existsSync(path.join(folder, 'ledger.db'))).toBe(false);
    await first.stop();
    await serveHost(folder, other);
  });

  test('is free again when a host could not start', async () => {
    const { folder, options } = makeSite();
    const nowhere = { kind: 'socket', path: path.join(folder, 'no', 's'), vmId: null, mode: 0o600 } as const;
    expect((await failureOf(serveHost(folder, { ...options, listen: [nowhere] }))).code).toBe(
      'file-not-found',
    );
    await serveHost(folder, options);
  });
});

test('a host.json that is deleted while the host serves is said', async () => {
  const { folder, options, told } = makeSite();
  await serveHost(folder, options);
  fs.rmSync(path.join(folder, 'host.json'));
  await until('it is said', () => told.some((sentence) => /the lock on .*host\.json is lost/.test(sentence)));
});

test.runIf(process.env.AVMA_TEST_VM === 'required')(
  'with AVMA_TEST_VM=required, a host whose database is away at its start says so, and that is all that is wrong',
  async () => {
    const { folder, options, told } = makeSite();
    const url = 'postgres://avma@127.0.0.1:1/avma';
    await serveHost(folder, { ...options, ledger: { engine: 'postgres', url } });
    const faults = told.filter((sentence) => sentence.startsWith('A fault in avma'));
    expect(faults).toEqual([]);
    expect(told).toContainEqual(
      expect.stringMatching(/^The ledger cannot be written, so no request is answered/),
    );
  },
);

test('a ledger that is passed in takes the place of the file', async () => {
  const { folder, options, guest } = makeSite();
  const ledger = new MemoryLedger();
  let closed = false;
  const openLedger = () => ledger;
  ledger.close = async () => {
    closed = true;
  };
  const running = await serveHost(folder, { ...options, openLedger });
  await activate(guest);
  expect(ledger.kept).toMatchObject([{ decision: 'approved' }]);
  expect(fs.existsSync(path.join(folder, 'ledger.db'))).toBe(false);
  await running.stop();
  expect(closed).toBe(true);
});

test('a ledger that is deleted while the host serves: guests go on being activated, and it is said', async () => {
  const { folder, options, guest, told } = makeSite();
  await serveHost(folder, options);
  fs.rmSync(path.join(folder, 'ledger.db'));
  await activate(guest);
  expect((await rowsIn(folder)).at(-1)?.text).toContain('"decision":"approved"');
  expect(told.filter((sentence) => /ledger.*was deleted/.test(sentence))).toHaveLength(1);
});

test('a log that cannot be written costs no guest its answer, and does not keep the host from stopping', async () => {
  const { folder, options, guest } = makeSite();
  const notify = () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  const events = {
    write() {
      throw new RangeError('and no event either');
    },
  };
  const connect = [{ path: path.join(folder, 'never'), vmId: null }];
  const running = await serveHost(folder, { ...options, notify, events, connect });
  await activate(guest);
  await running.stop();
});

test('what the operator is told has no character that could forge a line of the log', async () => {
  const { folder, options, told } = makeSite();
  const domains = path.join(tempFolder(), 'd');
  fs.mkdirSync(domains);
  fs.writeFileSync(
    path.join(domains, 'evil.xml'),
    '<domain><name>evil&#10;Stopped by SIGTERM.&#x202e;gnorw</name><uuid>none</uuid></domain>',
  );
  await serveHost(folder, { ...options, libvirt: { folder: domains, intervalMs: 20 } });
  expect(told.join('\n')).toContain('evil\\u{a}Stopped by SIGTERM.\\u{202e}gnorw is not served');
});

describe('a host that is told to stop', () => {
  test('ends although a guest sends more and more, and says what it did', async () => {
    const { folder, options, socket, guest, told } = makeSite();
    const running = await serveHost(folder, options);
    await activate(guest);
    const client = await connectClient(socket);
    let sending = true;
    onTestFinished(() => {
      sending = false;
    });
    const send = () => {
      if (sending && !client.socket.destroyed) client.socket.write(HELLO, () => setImmediate(send));
    };
    send();
    await client.next();
    await running.stop();
    await client.ended;
    expect(told.at(-1)).toBe('Approved 1, refused 0, failed 0.');
  });

  test('may be told twice', async () => {
    const { folder, options } = makeSite();
    const running = await serveHost(folder, options);
    await Promise.all([running.stop(), running.stop()]);
  });
});

describe('the certificate and the catalogs of a running host', () => {
  test("another host's certificate in the folder counts as none, and is said", async () => {
    const { folder, options, socket, told } = makeSite();
    const other = makeCertifiedHost(tempFolder());
    fs.rmSync(path.join(folder, 'certificates'), { recursive: true });
    fs.cpSync(path.join(other.folder, 'certificates'), path.join(folder, 'certificates'), {
      recursive: true,
    });
    await serveHost(folder, options);
    const client = await connectClient(socket);
    await client.send(HELLO);
    expect(Buffer.from((await client.next()).body).toString()).toContain('"host-not-activated"');
    expect(told.join('\n')).toMatch(/[0-9a-f]{16}\.json is for host hv01 \(.*\), not for this one/);
    expect(told.join('\n')).toMatch(/This host is not activated: it refuses all guests/);
  });

  test('one that ends soon is said at the start, a renewed one when it is there', async () => {
    const { folder, options, told } = makeSite();
    await serveHost(folder, options);
    expect(told[0]).toMatch(/^Host hv01 answers guests: host certificate of "[0-9a-f]{16}"\.$/);
    fs.rmSync(path.join(folder, 'certificates'), { recursive: true });
    await until('its end is said', () => told.some((sentence) => /certificate is gone/.test(sentence)));
  });

  test('a product that is added is served, a broken catalog is said and changes nothing', async () => {
    const { folder, options, told } = makeSite();
    const catalogs = path.join(tempFolder(), 'catalog.d');
    fs.mkdirSync(catalogs);
    await serveHost(folder, { ...options, catalogFolders: [catalogs] });
    fs.writeFileSync(path.join(catalogs, 'broken.json'), '{');
    await until('it is said', () =>
      told.some((sentence) => /goes on with the products.*broken\.json/.test(sentence)),
    );
    fs.copyFileSync('keys/windows-server.json', path.join(catalogs, 'broken.json'));
    await until('it is read', () => told.includes('The catalogs were read again: 15 products.'));
  });
});

test('there has to be something to serve: argument-invalid', async () => {
  const { folder } = makeSite();
  const options = {
    folder,
    catalogFolders: [],
    listen: [],
    throttle: { burst: 1, windowMs: 1 },
    leaseMs: MAX_LEASE_MS,
  };
  const failure = await failureOf(serve({ ...options, events: { write() {} } }));
  expect(failure.code).toBe('argument-invalid');
  expect(failure.hint).toMatch(/--listen.*--connect.*--libvirt/);
});

test('what a flood was denied is a mark in the ledger when the host stops, and holds over a restart', async () => {
  const { folder, options, socket } = makeSite();
  const limited = { ...options, throttle: { burst: 5, windowMs: 3_600_000 } };
  const running = await serveHost(folder, limited);
  const flood = await connectClient(socket);
  await flood.send(Buffer.concat(Array.from({ length: 8 }, () => HELLO)));
  const answers = [];
  for (let nth = 0; nth < 8; nth++) answers.push((await flood.next()).type);
  expect(answers).toEqual([...Array(5).fill('offer'), ...Array(3).fill('fault')]);
  await running.stop();
  const marks = (await rowsIn(folder)).map(({ text }) => JSON.parse(text ?? '{}'));
  expect(marks).toContainEqual(
    expect.objectContaining({ mark: 'throttled', channel: `unix:${socket}`, count: 3 }),
  );
  await serveHost(folder, limited);
  const again = await connectClient(socket);
  await again.send(HELLO);
  expect((await again.next()).type).toBe('fault');
});
