import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { GuestEvent } from '../../src/events/guest-event.ts';
import { jsonLinesSink } from '../../src/events/sinks/json-lines.ts';
import { NOW } from '../support/clock.ts';
import { tempFolder } from '../support/temp-folder.ts';

const EVENT: GuestEvent = {
  eventId: 12309,
  outcome: 'AVMA Success',
  code: 'success',
  hresult: '0x0',
  message: 'activated',
  trigger: 'command',
  vmId: null,
  activationId: null,
  exchangeId: null,
  hostName: null,
};

describe('an event file that is no plain file is not written, and that is reported', () => {
  test.each([
    ['a link to a file', (file: string, target: string) => fs.symlinkSync(target, file)],
    ['a FIFO', (file: string) => execFileSync('mkfifo', [file])],
    ['a device', (file: string) => fs.symlinkSync('/dev/full', file)],
  ])('%s', (_name, put) => {
    const folder = tempFolder();
    const file = path.join(folder, 'events.jsonl');
    const target = path.join(folder, 'target');
    put(file, target);
    const failures: unknown[] = [];
    const sink = jsonLinesSink<GuestEvent>(file, (thrown) => void failures.push(thrown));
    sink.write(EVENT, NOW);
    expect(failures).toMatchObject([{ code: 'file-invalid' }]);
    expect(fs.existsSync(target)).toBe(false);
  });

  test('a plain file gets a line', () => {
    const file = path.join(tempFolder(), 'events.jsonl');
    jsonLinesSink<GuestEvent>(file, () => expect.unreachable('the event was not written')).write(EVENT, NOW);
    expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toMatchObject({
      code: 'success',
      level: 'information',
    });
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  });
});
