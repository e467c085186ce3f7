/** Who is present, by what happens on the channels and by what libvirt says. */
import { describe, expect, test } from 'vitest';
import type { GuestChannel } from '../../../src/host/channel.ts';
import type { HostMoment } from '../../../src/host/observer.ts';
import { ChannelPresence } from '../../../src/host/presence/channel-presence.ts';
import { CLOSE_PATIENCE_MS, Presence, SILENCE_MS } from '../../../src/host/presence/presence.ts';
import { NOW, SECOND } from '../../support/clock.ts';

const VM = '11111111-2222-4333-8444-555555555555';
const OWN: GuestChannel = { name: 'unix:/own', vmId: VM };
const NEXT: GuestChannel = { name: 'unix:/next', vmId: VM };
const DOMAIN: GuestChannel = { name: 'unix:/domain-1', vmId: VM, domain: 'web01' };
const SHARED: GuestChannel = { name: 'unix:/shared', vmId: null };
const OTHER_SHARED: GuestChannel = { name: 'unix:/other', vmId: null };

/** Takes moments at their seconds, and says what changed, as `1 present connected unix:/own`. */
function follow() {
  const presence = new Presence();
  const channels = new ChannelPresence(presence);
  const said: string[] = [];
  return {
    presence,
    said,
    at(seconds: number, ...moments: HostMoment[]) {
      const now = NOW + seconds * SECOND;
      const changes = [...presence.sweep(now), ...moments.flatMap((moment) => channels.take(moment, now))];
      for (const { kind, why, place } of changes) {
        said.push(`${seconds} ${kind.slice('guest-'.length)} ${why} ${place.channel}`);
      }
    },
  };
}

const opened = (channel: GuestChannel): HostMoment => ({ kind: 'connection-opened', channel });
const closed = (channel: GuestChannel): HostMoment => ({ kind: 'connection-closed', channel });
const runs = (channel: GuestChannel, is = true): HostMoment => ({ kind: 'domain-seen', channel, runs: is });
const gone = (channel: GuestChannel): HostMoment => ({ kind: 'channel-closed', channel });

/** Only what presence looks at. */
function asked(channel: GuestChannel, vmId = VM): HostMoment {
  return { kind: 'request-answered', channel, request: { vmId } } as HostMoment;
}

describe('a VM at a channel of its own that the hypervisor holds open', () => {
  test('is present while it is connected, however long it says nothing', () => {
    const { at, said, presence } = follow();
    at(0, opened(OWN));
    at(40 * 86_400);
    expect(said).toEqual(['0 present connected unix:/own']);
    expect(presence.placesOf(VM)).toEqual([
      { channel: OWN.name, domain: null, explicit: true, since: NOW, seenAt: NOW },
    ]);
  });

  test('is gone some seconds after it was closed, unless it connects again', () => {
    const { at, said } = follow();
    at(0, opened(OWN));
    at(100, closed(OWN));
    at(105, opened(OWN));
    at(200, closed(OWN));
    at(209);
    expect(said).toHaveLength(1);
    at(200 + CLOSE_PATIENCE_MS / SECOND);
    expect(said).toEqual(['0 present connected unix:/own', '210 gone closed unix:/own']);
  });

  test('stays while another connection of the channel is open', () => {
    const { at, said } = follow();
    at(0, opened(OWN), opened(OWN));
    at(100, closed(OWN));
    at(200);
    expect(said).toHaveLength(1);
  });

  test('has moved when it connects elsewhere within the patience', () => {
    const { at, said } = follow();
    at(0, opened(OWN));
    at(100, closed(OWN));
    at(101, opened(NEXT));
    expect(said.slice(1)).toEqual(['101 present connected unix:/next', '101 gone moved unix:/own']);
  });

  test('at two channels that are both connected is present at both', () => {
    const { at, presence } = follow();
    at(0, opened(OWN), opened(NEXT));
    at(1, asked(NEXT));
    expect(presence.placesOf(VM).map(({ channel }) => channel)).toEqual([OWN.name, NEXT.name]);
  });
});

test('a VM that connects for each exchange is present for a day after it', () => {
  const { at, said } = follow();
  at(0, opened(OWN), asked(OWN), closed(OWN));
  at(60, opened(OWN), asked(OWN), closed(OWN));
  at(60 + SILENCE_MS / SECOND - 1);
  expect(said).toEqual(['0 present connected unix:/own']);
  at(60 + SILENCE_MS / SECOND);
  expect(said.slice(1)).toEqual(['86460 gone silent unix:/own']);
});

test('a connection on which nobody asked makes nobody present for a day', () => {
  const { at, said } = follow();
  at(0, opened(OWN));
  at(1, closed(OWN));
  at(11);
  expect(said.at(-1)).toBe('11 gone closed unix:/own');
});

describe('a VM of libvirt', () => {
  test('is present while libvirt says that it runs, whatever becomes of its connection', () => {
    const { at, said } = follow();
    at(0, runs(DOMAIN), opened(DOMAIN));
    at(100, closed(DOMAIN));
    at(1000);
    expect(said).toEqual(['0 present libvirt unix:/domain-1']);
    at(2000, gone(DOMAIN));
    expect(said.slice(1)).toEqual(['2000 gone stopped unix:/domain-1']);
  });

  test('is gone when its domain has crashed, and present again when it runs', () => {
    const { at, said } = follow();
    at(0, runs(DOMAIN));
    at(1, runs(DOMAIN, false));
    at(2, runs(DOMAIN));
    expect(said).toEqual([
      '0 present libvirt unix:/domain-1',
      '1 gone stopped unix:/domain-1',
      '2 present libvirt unix:/domain-1',
    ]);
  });
});

describe('a VM on a shared socket', () => {
  test('is present from a request until 24 hours of silence', () => {
    const { at, said } = follow();
    at(0, opened(SHARED), asked(SHARED), closed(SHARED));
    at(3600, asked(SHARED));
    at(3600 + SILENCE_MS / SECOND - 1);
    expect(said).toEqual(['0 present asked unix:/shared']);
    at(3600 + SILENCE_MS / SECOND);
    expect(said.slice(1)).toEqual(['90000 gone silent unix:/shared']);
  });

  test('has moved when it asks at another one', () => {
    const { at, said } = follow();
    at(0, asked(SHARED));
    at(1, asked(OTHER_SHARED));
    expect(said.slice(1)).toEqual(['1 present asked unix:/other', '1 gone moved unix:/shared']);
  });

  test('is forgotten, the longest silent first, when there are more than memory is meant for', () => {
    const { at, presence } = follow();
    const vm = (nth: number) => `00000000-0000-4000-8000-${nth.toString(16).padStart(12, '0')}`;
    at(0, opened(OWN), ...Array.from({ length: 100_000 }, (_, nth) => asked(SHARED, vm(nth))));
    at(1, asked(SHARED, vm(0)), asked(SHARED, vm(100_000)));
    expect(presence.size).toBe(100_001);
    expect([presence.has(VM), presence.has(vm(0)), presence.has(vm(1))]).toEqual([true, true, false]);
  });
});

test('a released VM is forgotten where only its requests speak for it', () => {
  const { at, presence } = follow();
  at(0, opened(OWN), asked(SHARED));
  expect(presence.release(VM).map(({ place, why }) => `${why} ${place.channel}`)).toEqual([
    'released unix:/shared',
  ]);
  expect(presence.placesOf(VM).map(({ channel }) => channel)).toEqual([OWN.name]);
});
