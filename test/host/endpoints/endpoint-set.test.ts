/** Endpoints that come, go and change while a host serves. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ListenEndpoint } from '../../../src/host/endpoints/endpoint.ts';
import { EndpointSet } from '../../../src/host/endpoints/endpoint-set.ts';
import { encodeFrame } from '../../../src/protocol/frame.ts';
import { domainXml } from '../../support/domain-xml.ts';
import { failureOf } from '../../support/failures.ts';
import { QemuSocket } from '../../support/qemu-socket.ts';
import { connectClient } from '../../support/socket-client.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { OTHER_VM, VM } from '../../support/test-guest.ts';
import { createTestHost } from '../../support/test-host.ts';
import { until } from '../../support/until.ts';

const HELLO = encodeFrame({ type: 'hello', exchangeId: 'ab'.repeat(16), body: new Uint8Array() });

function makeSet() {
  const folder = tempFolder();
  const host = createTestHost();
  const gone: string[] = [];
  const set = new EndpointSet(
    {
      respond: host.respond,
      observe(moment) {
        if (moment.kind === 'channel-closed') gone.push(moment.channel.name);
        host.observe(moment);
      },
    },
    (sentence) => host.log.push(sentence),
  );
  onTestFinished(() => set.close());
  const at = (name: string) => path.join(folder, name);
  const own = (name: string, vmId: string | null = null, mode = 0o600): ListenEndpoint => ({
    kind: 'socket',
    path: at(name),
    vmId,
    mode,
  });
  return { set, host, gone, at, own };
}

async function isServed(socket: string): Promise<boolean> {
  if (!fs.existsSync(socket)) return false;
  const client = await connectClient(socket);
  await client.send(HELLO);
  const { type } = await client.next();
  client.socket.destroy();
  return type === 'offer';
}

describe('a set of endpoints', () => {
  test('opens what is new, closes what is gone, and leaves the rest alone', async () => {
    const { set, gone, at, own } = makeSet();
    expect(await set.change({ listen: [own('a'), own('b')] })).toEqual({
      opened: [`unix:${at('a')}`, `unix:${at('b')}`],
      closed: [],
    });
    const client = await connectClient(at('a'));
    expect(await set.change({ listen: [own('a'), own('c')] })).toEqual({
      opened: [`unix:${at('c')}`],
      closed: [`unix:${at('b')}`],
    });
    await client.send(HELLO);
    expect((await client.next()).type).toBe('offer');
    expect(await isServed(at('c'))).toBe(true);
    expect(fs.existsSync(at('b'))).toBe(false);
    expect(gone).toEqual([`unix:${at('b')}`]);
    expect(set.named.map(({ channel }) => channel.name)).toEqual([`unix:${at('a')}`, `unix:${at('c')}`]);
  });

  test('serves a socket that stays for another VM, or with another mode, anew', async () => {
    const { set, at, own, gone } = makeSet();
    await set.change({ listen: [own('a', VM)] });
    await set.change({ listen: [own('a', OTHER_VM, 0o660)] });
    expect(set.named[0]?.channel).toEqual({ name: `unix:${at('a')}`, vmId: OTHER_VM });
    expect(fs.statSync(at('a')).mode & 0o777).toBe(0o660);
    expect(await isServed(at('a'))).toBe(true);
    expect(gone).toEqual([]);
  });

  test('stays as it was if one endpoint cannot be opened', async () => {
    const { set, at, own } = makeSet();
    await set.change({ listen: [own('a', VM)] });
    const wrong = { listen: [own('b'), own('a', OTHER_VM), own('no/such/folder')] };
    expect((await failureOf(set.change(wrong))).code).toBe('file-not-found');
    expect(fs.existsSync(at('b'))).toBe(false);
    expect(set.named.map(({ channel }) => channel)).toEqual([{ name: `unix:${at('a')}`, vmId: VM }]);
    expect(await isServed(at('a'))).toBe(true);
  });

  test('goes on with its domains if others cannot be read', async () => {
    const { set, at, own } = makeSet();
    const domain = new QemuSocket(at('q'));
    await domain.start();
    fs.mkdirSync(at('domains'));
    fs.writeFileSync(at('domains/web01.xml'), domainXml({ uuid: VM, path: domain.path }));
    const libvirt = { folder: at('domains'), intervalMs: 20 };
    await set.change({ listen: [own('a', VM)], libvirt });
    await until('the domain is served', () => domain.clients === 1);
    const wrong = { listen: [own('a', OTHER_VM)], libvirt: { folder: at('nowhere'), intervalMs: 20 } };
    expect((await failureOf(set.change(wrong))).code).toBe('file-not-found');
    await until('the domain is served again', () => domain.clients === 1);
    expect(set.named[0]?.channel.vmId).toBe(VM);
    expect(await set.change({ listen: [own('a', VM)] })).toEqual({ opened: [], closed: ['libvirt'] });
    await until('the domain is let go of', () => domain.clients === 0);
  });

  test('takes no place twice: argument-invalid', async () => {
    const { set, at, own } = makeSet();
    const twice = { listen: [own('a')], connect: [{ path: at('a'), vmId: VM }] };
    const failure = await failureOf(set.change(twice));
    expect(failure.code).toBe('argument-invalid');
    expect(failure.message).toBe(`unix:${at('a')} is named twice`);
  });

  test('that is closed opens nothing any more', async () => {
    const { set, at, own } = makeSet();
    const changing = set.change({ listen: [own('a')] });
    const closing = set.close();
    await set.change({ listen: [own('b')] });
    await Promise.all([changing, closing]);
    expect([fs.existsSync(at('a')), fs.existsSync(at('b'))]).toEqual([false, false]);
  });
});
