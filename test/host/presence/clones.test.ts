/** VM IDs that are in use twice: what is one, what is a move, and what the policies say. */
import { describe, expect, test } from 'vitest';
import { type ClonePlace, MIGRATION_MS } from '../../../src/host/presence/clone-rules.ts';
import { type ClonePolicy, Clones } from '../../../src/host/presence/clones.ts';
import type { PresenceChange } from '../../../src/host/presence/presence.ts';
import { DAY } from '../../support/clock.ts';
import { guestId } from '../../support/ledger-entries.ts';

const VM = guestId(1);
const NOW = 1_000_000;

/** A channel of the VM's own. */
const at = (channel: string) => ({ channel, domain: null, own: true });

/** Plays a story: each call is a second later than the one before. */
function story(policy: ClonePolicy = 'warn') {
  const clones = new Clones(policy);
  let now = NOW;
  const heard: string[] = [];
  const hear = (changes: readonly { kind: string }[]) => heard.push(...changes.map(({ kind }) => kind));
  const change = (
    kind: PresenceChange['kind'],
    channel: string,
    explicit: boolean,
    why: PresenceChange['why'],
    present: boolean,
  ) => {
    now += 1000;
    const place = { channel, domain: null, explicit, since: now, seenAt: now };
    hear(clones.follow({ kind, vmId: VM, place, why, present }, now));
  };
  return {
    clones,
    heard,
    /** Over the VM's own channel; a name with a question mark is a shared socket. */
    asks(channel: string) {
      now += 1000;
      const own = !channel.startsWith('?');
      const { clone, changes } = clones.asked(VM, { channel, domain: null, own }, now);
      hear(changes);
      return clone;
    },
    connects: (channel: string) => change('guest-present', channel, true, 'connected', true),
    stops: (channel: string, elsewhere: boolean) => change('guest-gone', channel, true, 'stopped', elsewhere),
    /** The VM asks at another host, or is seen there. */
    asksAt(host: string, more: Partial<ClonePlace> = {}) {
      now += 1000;
      const shown = {
        host,
        channel: 'x',
        domain: null,
        explicit: false,
        own: true,
        since: now,
        firstAsked: now,
        askedAt: now,
        left: false,
      };
      const { changes, moved } = clones.remote(VM, { ...shown, ...more }, false, now);
      hear(changes);
      return moved.map(({ channel }) => channel);
    },
    endsAt(host: string) {
      now += 1000;
      const gone = {
        host,
        channel: 'x',
        domain: null,
        explicit: false,
        own: true,
        since: now,
        firstAsked: null,
        askedAt: null,
        left: false,
      };
      hear(clones.remote(VM, gone, true, now).changes);
    },
    waits(ms: number) {
      now += ms;
      hear(clones.sweep(now));
    },
  };
}

describe('a VM', () => {
  test('that asks at one place again and again is one', () => {
    const { asks, heard } = story();
    expect([asks('a'), asks('a'), asks('a')]).toEqual([null, null, null]);
    expect(heard).toEqual([]);
  });

  test('that moves on, from place to place, is one', () => {
    const { asks, heard } = story();
    expect([asks('a'), asks('b'), asks('b'), asks('c')]).toEqual([null, null, null, null]);
    expect(heard).toEqual([]);
  });

  test('that moves back after it has stopped at the other place is one', () => {
    const { asks, connects, stops, heard } = story();
    connects('a');
    asks('a');
    connects('b');
    stops('a', true);
    asks('b');
    connects('a');
    stops('b', true);
    expect(asks('a')).toBeNull();
    expect(heard).toEqual([]);
  });

  test('that asks here, there, and here again is two', () => {
    const { asks, clones, heard } = story();
    expect([asks('a'), asks('b'), asks('a'), asks('b')]).toEqual([null, null, 'warned', 'warned']);
    expect(heard).toEqual(['clone-found']);
    expect([clones.has(VM), clones.size]).toEqual([true, 1]);
    expect(clones.placesOf(VM).map(({ channel }) => channel)).toEqual(['a', 'b']);
  });

  test('that is connected at two places is two when that lasts longer than a migration', () => {
    const { connects, waits, heard } = story();
    connects('a');
    connects('b');
    waits(MIGRATION_MS);
    expect(heard).toEqual([]);
    waits(1);
    expect(heard).toEqual(['clone-found']);
  });

  test('is known by both spellings of its VM ID', () => {
    const clones = new Clones('warn');
    const [one, other] = ['00112233-4455-6677-8899-aabbccddeeff', '33221100-5544-7766-8899-aabbccddeeff'];
    clones.asked(one, at('a'), 1);
    clones.asked(other, at('b'), 2);
    expect(clones.asked(one, at('a'), 3).clone).toBe('warned');
    expect(clones.has(other)).toBe(true);
  });
});

describe('a clone is over', () => {
  test('when the VM has stopped at all places but one', () => {
    const { asks, stops, clones, heard } = story();
    for (const channel of ['a', 'b', 'a']) asks(channel);
    stops('b', true);
    expect(heard).toEqual(['clone-found', 'clone-over']);
    expect(clones.has(VM)).toBe(false);
    expect(asks('a')).toBeNull();
  });

  test('when nothing was heard of one of them for a day', () => {
    const { asks, waits, heard } = story();
    for (const channel of ['a', 'b', 'a']) asks(channel);
    waits(DAY - 5000);
    asks('a');
    waits(5000);
    expect(heard).toEqual(['clone-found', 'clone-over']);
  });

  test('when an operator releases the VM; it is found again if it goes on', () => {
    const { asks, clones, heard } = story();
    for (const channel of ['a', 'b', 'a']) asks(channel);
    expect(clones.release(VM).map(({ kind }) => kind)).toEqual(['clone-over']);
    expect([asks('a'), asks('b'), asks('a')]).toEqual([null, null, 'warned']);
    expect(heard).toEqual(['clone-found', 'clone-found']);
  });
});

describe('the policy', () => {
  test('refuse-newest refuses at the place that came last', () => {
    const { asks } = story('refuse-newest');
    for (const channel of ['a', 'b', 'a']) asks(channel);
    expect([asks('a'), asks('b'), asks('a')]).toEqual(['warned', 'refused', 'warned']);
  });

  test.each(['refuse-newest', 'refuse-both'] as const)(
    '%s takes nothing from a VM on its own channel whose ID others name at a shared socket',
    (policy) => {
      const { asks, heard } = story(policy);
      expect([asks('?shared'), asks('own'), asks('?shared')]).toEqual([null, null, 'refused']);
      expect([asks('own'), asks('?shared'), asks('own')]).toEqual(['warned', 'refused', 'warned']);
      expect(heard).toEqual(['clone-found']);
    },
  );

  test('refuse-both refuses two machines on channels of their own, whoever else names their ID', () => {
    const { asks } = story('refuse-both');
    expect([asks('a'), asks('?shared'), asks('b'), asks('a'), asks('b')]).toEqual([
      ...[null, null, null],
      ...['refused', 'refused'],
    ]);
  });

  test('refuse-both refuses everywhere', () => {
    const { asks } = story('refuse-both');
    for (const channel of ['a', 'b', 'a']) asks(channel);
    expect([asks('a'), asks('b')]).toEqual(['refused', 'refused']);
  });
});

describe('with other hosts', () => {
  test('a VM that moves to another host has left this one', () => {
    const { asks, asksAt, heard } = story();
    asks('a');
    expect(asksAt('h2')).toEqual(['a']);
    expect(heard).toEqual([]);
  });

  test('here, there, and here again is two, also on the other host', () => {
    const here = story();
    here.asks('a');
    here.asksAt('h2');
    expect(here.asks('a')).toBe('warned');
    // The other host is shown the first place, then that it was asked at again.
    const there = story('refuse-newest');
    there.asksAt('h1', { firstAsked: 1, askedAt: 1 });
    there.asks('b');
    there.asksAt('h1', { firstAsked: 1 });
    expect(there.heard).toEqual(['clone-found']);
    expect(there.asks('b')).toBe('refused');
    there.endsAt('h1');
    expect(there.heard).toEqual(['clone-found', 'clone-over']);
  });

  test('what others are shown is each change once', () => {
    const { asks, stops, clones } = story();
    asks('z');
    expect(clones.takeUnshown()).toEqual([]);
    clones.release(VM);
    clones.showAll();
    asks('a');
    asks('b');
    const shown = clones.takeUnshown();
    expect(shown.map(({ channel, place }) => [channel, place?.left])).toEqual([
      ['a', true],
      ['b', false],
    ]);
    expect(clones.takeUnshown()).toEqual([]);
    stops('b', false);
    expect(clones.takeUnshown().map(({ place }) => place)).toEqual([null, null]);
  });
});
