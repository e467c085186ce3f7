import { expect } from 'vitest';
import { minutesLeft } from '../support/minutes-left.ts';

/** The published key of Windows Server 2012 R2 Standard. */
export const KEY = 'DBGBW-NPF86-BJVTX-K3WKJ-MTB6V';

const UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const DATE = String.raw`\d+/\d+/\d{4} \d+:\d\d:\d\d [AP]M`;

/** A line that begins with `text` and goes on as `pattern`. */
function line(text: string, pattern: string): string {
  const literally = text.replace(/[()]/g, String.raw`\$&`);
  return expect.stringMatching(new RegExp(`^${literally}${pattern}$`)) as unknown as string;
}

/** The line of slmgr.vbs for a code that it has no text for. */
function codeLine(code: string): string {
  return `Error: ${code} On a computer running Microsoft Windows non-core edition, run 'slui.exe 0x2a ${code}' to display the error text.`;
}

const ATTEMPT = line('Activating Windows(R), ServerStandard edition ', String.raw`\(${UUID}\) \.\.\.`);

/** What slmgr prints, line by line, with patterns for what differs from run to run. */
export const transcript = {
  keyInstalled: [`Installed product key ${KEY} successfully.`],
  activated: [ATTEMPT, 'Product activated successfully.'],
  notActivated: (code: string) => [ATTEMPT, codeLine(code)],
  expiration: ['Windows(R), ServerStandard edition:', line('    Automatic VM activation will expire ', DATE)],
  /** @param activatedAt - By `performance.now()`: since then, minutes of the lease may have gone by. */
  licensed: (hostName: string, activatedAt: number) => [
    ...report([
      'License Status: Licensed',
      line('Automatic VM activation expiration: ', minutes(activatedAt, 10_080, 7)),
    ]),
    '',
    'Most recent activation information:',
    'Automatic VM Activation client information',
    `    Host machine name: ${hostName}`,
    line('    Activation time: ', DATE),
    line('    Host Digital PID2: ', String.raw`\d{5}-\d{5}-\d{5}-AA\d{3}`),
  ],
  initialGrace: (installedAt: number) =>
    report([
      'License Status: Initial grace period',
      line('Time remaining: ', minutes(installedAt, 43_200, 30)),
    ]),
  notification: (reason: string) =>
    report(['License Status: Notification', `Notification Reason: ${reason}.`]),
};

/** A pattern for the minutes that are left of so many that began at `startedAt` or later. */
function minutes(startedAt: number, most: number, days: number): string {
  return String.raw`(${minutesLeft(startedAt, most).join('|')}) minute\(s\) \(${days} day\(s\)\)`;
}

function report(license: readonly string[]): string[] {
  return [
    line('Software licensing service version: ', String.raw`\d+\.\d+\.\d+\.0`),
    '',
    'Name: Windows(R), ServerStandard edition',
    'Description: Windows(R) Operating System, VIRTUAL_MACHINE_ACTIVATION channel',
    line('Activation ID: ', UUID),
    'Application ID: 55c92734-d682-4d71-983e-d6ec3f16059f',
    line('Extended PID: ', String.raw`03612-\d{5}-\d{3}-\d{6}-03-1033-9600\.0000-\d{7}`),
    'Product Key Channel: VT:IA',
    line('Installation ID: ', String.raw`\d{63}`),
    `Partial Product Key: ${KEY.slice(-5)}`,
    ...license,
    'Remaining Windows rearm count: 1001',
    'Remaining SKU rearm count: 1001',
    line('Trusted time: ', DATE),
    line('Guest IAID: ', UUID),
  ];
}
