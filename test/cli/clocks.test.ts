/** Licenses against the clock, under Debian's faketime, which sets the whole process's clock. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { minutesLeft } from '../support/minutes-left.ts';
import { faketimeLibrary, type ServedHost, STANDARD_2012_R2, TestMachine } from './test-machine.ts';

const missing = faketimeLibrary() === undefined;
if (missing) {
  process.stderr.write("Tests under a false clock are skipped: Debian's package faketime is missing.\n");
}

describe.skipIf(missing)('under a false clock', () => {
  const machine = new TestMachine();
  let host: ServedHost;

  beforeAll(async () => {
    await machine.certifyHost();
    host = await machine.serve();
  });
  afterAll(async () => {
    await host.stop();
    await machine.close();
  });

  /** Each test has a guest of its own. */
  const guest = (name: string) => ({ AVMA_STATE_DIR: machine.at(name), AVMA_PIPE: 'unix:h.sock' });
  const newGuest = async (name: string, faketime?: string) => {
    const startedAt = performance.now();
    const run = { env: guest(name), ...(faketime !== undefined && { faketime }), startedAt };
    await machine.mustRun('avma', ['guest', 'trust', 'add', 'v/root.pub.json'], run);
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], run);
    return run;
  };
  const license = async (name: string, faketime?: string) => {
    const { stdout } = await machine.run('slmgr', ['/dli'], {
      env: guest(name),
      ...(faketime !== undefined && { faketime }),
    });
    const minutes = /(\d+) minute\(s\)/.exec(stdout)?.[1];
    const status = /^License Status: (.*)$/m.exec(stdout)?.[1];
    const reason = /^Notification Reason: (.*)$/m.exec(stdout)?.[1];
    return { status, reason, minutes: minutes === undefined ? undefined : Number(minutes) };
  };

  /** Licensed for the seven days of an activation that began at `startedAt` or later. */
  const expectWeek = (seen: Awaited<ReturnType<typeof license>>, startedAt: number) => {
    expect(seen.status).toBe('Licensed');
    expect(seen.minutes).toBeOneOf(minutesLeft(startedAt, 10_080));
  };

  test('six days on it is still licensed, with the minutes that are left', async () => {
    const { startedAt } = await newGuest('six');
    const later = await license('six', '+6d');
    expect(later.status).toBe('Licensed');
    expect(later.minutes).toBeOneOf(minutesLeft(startedAt, 1440));
  });

  test('eight days on it is in notification, because the grace time has expired', async () => {
    await newGuest('eight');
    expect(await license('eight', '+8d')).toEqual({
      status: 'Notification',
      reason: '0xC004F009 (grace time expired).',
      minutes: undefined,
    });
  });

  test('a clock that is set back a month gives nothing back', async () => {
    await newGuest('back');
    const before = await license('back', '+2d');
    const after = await license('back', '-30d');
    expect(after.status).toBe('Licensed');
    expect(after.minutes).toBeLessThanOrEqual(before.minutes as number);
    const again = await license('back');
    expect(again.minutes).toBeLessThanOrEqual(before.minutes as number);
    const { stdout } = await machine.mustRun('avma', ['guest', 'status'], {
      env: guest('back'),
      faketime: '-30d',
    });
    expect(stdout).toContain('set back');
  });

  test('what has expired stays so when the clock is set back', async () => {
    await newGuest('expired');
    expect((await license('expired', '+8d')).status).toBe('Notification');
    expect((await license('expired', '-30d')).status).toBe('Notification');
    expect((await license('expired')).status).toBe('Notification');
    const startedAt = performance.now();
    await machine.mustRun('slmgr', ['/ato'], { env: guest('expired') });
    expectWeek(await license('expired'), startedAt);
  });

  test.each(['+3650d', '-3650d'])(
    'a guest whose clock is off by %s is licensed for seven days',
    async (off) => {
      const name = `off${off}`;
      const run = await newGuest(name, off);
      expectWeek(await license(name, off), run.startedAt);
      await machine.mustRun('slmgr', ['/ato'], run);
      expectWeek(await license(name, off), run.startedAt);
      const days = Number.parseInt(off, 10);
      const [six, eight] = [days + 6, days + 8].map((day) => `${day > 0 ? '+' : ''}${day}d`);
      // As after a pause of six days: the boot clock stood still.
      const later = await license(name, six);
      expect(later.status).toBe('Licensed');
      expect(later.minutes).toBeOneOf(minutesLeft(run.startedAt, 1440));
      expect((await license(name, eight)).status).toBe('Notification');
    },
  );

  test.each(['+3650d', '-3650d'])(
    'and so it is when the clock, off by %s, is put right afterwards',
    async (off) => {
      const name = `right${off}`;
      const { startedAt } = await newGuest(name, off);
      expectWeek(await license(name), startedAt);
      expect((await license(name, '+8d')).status).toBe('Notification');
    },
  );

  test('an initial grace of thirty days ends, and installing the key again does not renew it', async () => {
    const run = { env: { ...guest('grace'), AVMA_PIPE: 'unix:nobody.sock' } };
    const startedAt = performance.now();
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], run);
    const grace = await license('grace');
    expect(grace.status).toBe('Initial grace period');
    expect(grace.minutes).toBeOneOf(minutesLeft(startedAt, 43_200));
    expect((await license('grace', '+31d')).status).toBe('Notification');
    await machine.mustRun('slmgr', ['/upk'], run);
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], run);
    expect((await license('grace')).status).toBe('Notification');
  });

  test('a host whose certificate has expired, or is not yet valid, refuses', async () => {
    for (const [socket, faketime] of [
      ['late.sock', '+400d'],
      ['early.sock', '-2d'],
    ] as const) {
      await host.stop();
      const off = await machine.serve([], socket, { faketime });
      const ran = await machine.run('slmgr', ['/ato'], {
        env: { ...(await newGuest(`guest of ${socket}`)).env, AVMA_PIPE: off.uri },
      });
      expect(ran.stdout).toContain('Error: 0xC004FD02 ');
      expect(ran.status).toBe(82);
      await off.stop();
      host = await machine.serve();
    }
  });
});
