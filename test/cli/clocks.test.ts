/** Licences against the clock, under Debian's faketime, which sets the whole process's clock. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
    machine.close();
  });

  /** Each test has a guest of its own. */
  const guest = (name: string) => ({ AVMA_STATE_DIR: machine.at(name), AVMA_PIPE: 'unix:h.sock' });
  const newGuest = async (name: string, faketime?: string) => {
    const run = { env: guest(name), ...(faketime !== undefined && { faketime }) };
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

  test('six days on it is still licensed, with the minutes that are left', async () => {
    await newGuest('six');
    const later = await license('six', '+6d');
    expect(later.status).toBe('Licensed');
    expect(later.minutes).toBeGreaterThan(1430);
    expect(later.minutes).toBeLessThanOrEqual(1440);
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
    await machine.mustRun('slmgr', ['/ato'], { env: guest('expired') });
    expect(await license('expired')).toMatchObject({ status: 'Licensed', minutes: 10_080 });
  });

  test.each(['+3650d', '-3650d'])(
    'a guest whose clock is off by %s is licensed for seven days',
    async (off) => {
      const name = `off${off}`;
      const run = await newGuest(name, off);
      expect(await license(name, off)).toMatchObject({ status: 'Licensed', minutes: 10_080 });
      await machine.mustRun('slmgr', ['/ato'], run);
      expect(await license(name, off)).toMatchObject({ status: 'Licensed', minutes: 10_080 });
      const days = Number.parseInt(off, 10);
      const [six, eight] = [days + 6, days + 8].map((day) => `${day > 0 ? '+' : ''}${day}d`);
      const later = await license(name, six);
      expect(later.status).toBe('Licensed');
      expect(later.minutes).toBeLessThanOrEqual(1440);
      expect((await license(name, eight)).status).toBe('Notification');
    },
  );

  test.each(['+3650d', '-3650d'])(
    'and so it is when the clock, off by %s, is put right afterwards',
    async (off) => {
      const name = `right${off}`;
      await newGuest(name, off);
      expect(await license(name)).toMatchObject({ status: 'Licensed', minutes: 10_080 });
      expect((await license(name, '+8d')).status).toBe('Notification');
    },
  );

  test('an initial grace of thirty days ends, and installing the key again does not renew it', async () => {
    const run = { env: { ...guest('grace'), AVMA_PIPE: 'unix:nobody.sock' } };
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], run);
    expect(await license('grace')).toMatchObject({ status: 'Initial grace period', minutes: 43_200 });
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
