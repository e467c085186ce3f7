/** The logs of the system, with stand-ins for the programs that hand an event on to them. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EventSink } from '../../src/events/event-sink.ts';
import type { GuestEvent } from '../../src/events/guest-event.ts';
import { journaldSink } from '../../src/events/sinks/journald.ts';
import { syslogSink } from '../../src/events/sinks/syslog.ts';
import { windowsEventLogSink } from '../../src/events/sinks/windows-event-log.ts';
import { NOW } from '../support/clock.ts';
import { HANG_MS } from '../support/hang.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const FAILED: GuestEvent = {
  eventId: 12309,
  kind: 'activation',
  outcome: 'Invalid Host',
  code: 'host-absent',
  hresult: '0xC004FD01',
  message: 'nobody listens\nMESSAGE_ID=0 "quoted" $(touch pwned) \u201cx\u2019; exit',
  trigger: 'renewal',
  state: 'licensed',
  vmId: '11111111-2222-4333-8444-555555555555',
  activationId: null,
  exchangeId: null,
  hostName: 'hv01',
};
const MESSAGE =
  'Invalid Host: nobody listens\\u{a}MESSAGE_ID=0 "quoted" $(touch pwned) \u201cx\u2019; exit [host-absent]';

/** A folder for PATH with one program, a script of sh, and what it was called with. */
function standIn(name: string, script: string) {
  const folder = tempFolder();
  fs.writeFileSync(path.join(folder, name), `#!/bin/sh\ncd ${folder}\n${script}\n`, { mode: 0o755 });
  const read = (file: string) => fs.readFileSync(path.join(folder, file), 'utf8');
  return { env: { PATH: `${folder}:/usr/bin:/bin` }, folder, read };
}

/** Writes down its arguments and its input, once a call. */
const RECORDING = 'printf "%s\\n" "$@" >> args; cat >> input';

function openSink(
  make: (
    program: { env: NodeJS.ProcessEnv; limitMs: number },
    notify: (sentence: string) => void,
  ) => EventSink<GuestEvent>,
  env: NodeJS.ProcessEnv,
  limitMs = HANG_MS,
) {
  const told: string[] = [];
  const sink = make({ env, limitMs }, (sentence) => told.push(sentence));
  return { told, write: (change: Partial<GuestEvent> = {}) => sink.write({ ...FAILED, ...change }, NOW) };
}

describe('journald', () => {
  test('gets one entry with a field for each member, and no text can add a field', () => {
    const logger = standIn('logger', RECORDING);
    const { told, write } = openSink(journaldSink, logger.env);
    write();
    expect(logger.read('args')).toBe('--journald\n');
    expect(logger.read('input').split('\n')).toEqual([
      `MESSAGE=${MESSAGE}`,
      'MESSAGE_ID=d3e3b82d0e7e4b8e98d860df170072c2',
      'PRIORITY=3',
      'SYSLOG_IDENTIFIER=avma',
      `SYSLOG_PID=${process.pid}`,
      `OBJECT_PID=${process.pid}`,
      'AVMA_EVENT_ID=12309',
      'AVMA_KIND=activation',
      'AVMA_OUTCOME=Invalid Host',
      'AVMA_CODE=host-absent',
      'AVMA_HRESULT=0xC004FD01',
      'AVMA_TRIGGER=renewal',
      'AVMA_STATE=licensed',
      'AVMA_VM_ID=11111111-2222-4333-8444-555555555555',
      'AVMA_HOST_NAME=hv01',
      '',
    ]);
    expect(told).toEqual([]);
  });

  test.each([
    ['a success is for information', { code: 'success' as const }, 'PRIORITY=6'],
    ['a failed hook is a warning', { kind: 'hook-failed' as const, eventId: 8 }, 'PRIORITY=4'],
  ])('%s', (_what, change, priority) => {
    const logger = standIn('logger', RECORDING);
    openSink(journaldSink, logger.env).write(change);
    expect(logger.read('input').split('\n')).toContain(priority);
  });
});

test('syslog gets one line with the priority of the event', () => {
  const logger = standIn('logger', RECORDING);
  openSink(syslogSink, logger.env).write();
  expect(logger.read('args').split('\n').slice(0, -1)).toEqual([
    ...['--tag', 'avma', `--id=${process.pid}`, '--priority', 'daemon.err'],
  ]);
  const [line, ...others] = logger.read('input').split('\n');
  expect(line).toContain(
    `${MESSAGE} eventId="12309" kind="activation" outcome="Invalid Host" code="host-absent"`,
  );
  expect(others).toEqual(['']);
});

test("Windows' event log gets the event in PowerShell's environment, and the command never varies", async () => {
  const powershell = standIn(
    'powershell.exe',
    'printf "%s\\n" "$@" > args.part; env > env; mv args.part args',
  );
  const { told, write } = openSink(windowsEventLogSink, powershell.env);
  write();
  await until('PowerShell has run', () => fs.existsSync(path.join(powershell.folder, 'args')));
  expect(powershell.read('args').split('\n').slice(0, 3)).toEqual([
    '-NoProfile',
    '-NonInteractive',
    '-Command',
  ]);
  expect(powershell.read('args')).toContain(
    'Write-EventLog -LogName Application -Source avma -EventId ([int]$env:AVMA_EVENT_ID) -EntryType $env:AVMA_EVENT_TYPE -Message $env:AVMA_EVENT_TEXT',
  );
  expect(powershell.read('args')).not.toContain('nobody');
  const env = powershell.read('env');
  expect(env).toContain('AVMA_EVENT_ID=12309\n');
  expect(env).toContain('AVMA_EVENT_TYPE=Error\n');
  expect(env).toContain(`AVMA_EVENT_TEXT=${MESSAGE}\r\n\r\neventId: 12309\r\nkind: activation\r\n`);
  expect(told).toEqual([]);
});

describe('a log that does not work holds nothing up, is said once, and is left alone for a minute', () => {
  test.each([
    [
      'that is missing',
      undefined,
      /^Events are not written to the journal: the program logger is not installed\.$/,
    ],
    [
      'that fails',
      'echo called >> calls; echo "no socket" >&2; exit 3',
      /: logger ended with 3: no socket\.$/,
    ],
    ['that hangs', 'echo called >> calls; exec sleep 3600', /: logger did not end within 2 seconds\.$/, 2000],
  ])('a program %s', (_what, script, sentence, limitMs = HANG_MS) => {
    const logger = script === undefined ? undefined : standIn('logger', script);
    const { told, write } = openSink(journaldSink, logger?.env ?? { PATH: tempFolder() }, limitMs);
    for (let nth = 0; nth < 3; nth++) write();
    expect(told).toEqual([expect.stringMatching(sentence)]);
    if (logger !== undefined) expect(logger.read('calls')).toBe('called\n');
  });

  test('also when nobody can be told', () => {
    const sink = journaldSink<GuestEvent>({ env: { PATH: '' } }, () => {
      throw new RangeError('no space left');
    });
    expect(() => sink.write(FAILED, NOW)).not.toThrow();
  });
});
