import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startHeartbeat } from '../../src/daemon/heartbeat.ts';
import { serviceManager } from '../../src/daemon/systemd-notify.ts';
import { cannotReceive, notifySocket } from '../support/notify-socket.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const title = cannotReceive === undefined ? '' : ` (skipped: ${cannotReceive} is not installed)`;

describe.skipIf(cannotReceive !== undefined)(`a daemon under systemd${title}`, () => {
  test('says that it has started, what it does, and that it ends, in this order', async () => {
    const socket = await notifySocket(path.join(tempFolder(), 'n'));
    const manager = serviceManager({ ...process.env, ...socket.env });
    manager.ready('Looking.');
    await until('it is ready', () => socket.messages().includes('STATUS=Looking.'));
    manager.status('Licensed\nuntil "tomorrow".');
    await until('the status came', () => socket.messages().some((line) => line.startsWith('STATUS=Lic')));
    manager.stopping();
    await until('the end came', () => socket.messages().includes('STOPPING=1'));
    expect(socket.messages()).toEqual([
      'READY=1',
      'STATUS=Looking.',
      // One line, whatever it holds.
      expect.stringMatching(/^STATUS=Licensed.*until "tomorrow"\.$/),
      'STOPPING=1',
    ]);
  });

  test('says the last of many statuses, and not each of them', async () => {
    const socket = await notifySocket(path.join(tempFolder(), 'n'));
    const manager = serviceManager({ ...process.env, ...socket.env });
    manager.ready('first');
    for (let step = 0; step < 100; step++) manager.status(`step ${step}`);
    await until('the last came', () => socket.messages().includes('STATUS=step 99'));
    expect(socket.messages()).toEqual(['READY=1', 'STATUS=first', 'STATUS=step 99']);
  });
});

describe.skipIf(cannotReceive !== undefined)(`a daemon with a watchdog${title}`, () => {
  test('says that it works three times as often as it must, and what it does', async () => {
    const socket = await notifySocket(path.join(tempFolder(), 'n'));
    const manager = serviceManager({ ...process.env, ...socket.env, WATCHDOG_USEC: '600000' });
    expect(manager.watchdogMs).toBe(200);
    let beats = 0;
    onTestFinished(startHeartbeat(manager, () => ({ alive: true, text: `beat ${++beats}` })));
    const count = (line: string) => socket.messages().filter((one) => one === line).length;
    await until('it has said so twice', () => count('WATCHDOG=1') >= 2);
    expect(socket.messages()).toContain('STATUS=beat 1');
  });

  test('that does not work says only what it does', async () => {
    const socket = await notifySocket(path.join(tempFolder(), 'n'));
    const manager = serviceManager({ ...process.env, ...socket.env, WATCHDOG_USEC: '300000' });
    let beats = 0;
    onTestFinished(startHeartbeat(manager, () => ({ alive: false, text: `hung ${++beats}` })));
    await until('it has beaten twice', () =>
      socket.messages().some((line) => line.startsWith('STATUS=hung')),
    );
    await until('and again', () => beats > 3);
    expect(socket.messages()).not.toContain('WATCHDOG=1');
  });

  test('says that it reloads, and that it has', async () => {
    const socket = await notifySocket(path.join(tempFolder(), 'n'));
    const manager = serviceManager({ ...process.env, ...socket.env });
    expect(manager.watchdogMs).toBeNull();
    manager.reloading();
    manager.ready('done');
    await until('it is ready', () => socket.messages().includes('STATUS=done'));
    expect(socket.messages()).toEqual(['RELOADING=1', 'READY=1', 'STATUS=done']);
  });
});

describe('what is not there', () => {
  test('without NOTIFY_SOCKET nothing is started', () => {
    const manager = serviceManager({ PATH: '/nowhere' });
    expect(() => {
      manager.ready('x');
      manager.status('y');
      manager.stopping();
    }).not.toThrow();
  });

  test('a machine without systemd-notify does not fail the daemon', async () => {
    const folder = tempFolder();
    const manager = serviceManager({ NOTIFY_SOCKET: path.join(folder, 'n'), PATH: folder });
    manager.ready('x');
    manager.stopping();
    // The program appears, and the next message is sent: the queue was not held up by the failure.
    const sent = path.join(folder, 'sent');
    fs.writeFileSync(path.join(folder, 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${sent}\n`, {
      mode: 0o755,
    });
    await until('the next message is sent', () => {
      manager.status('y');
      // The shell makes the file before it writes into it.
      return fs.existsSync(sent) && fs.readFileSync(sent, 'utf8').includes('STATUS=y');
    });
  });
});
