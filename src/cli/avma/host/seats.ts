import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { callHost } from '../../../host/control/call-host.ts';
import { ReleaseReport, SeatsReport } from '../../../host/presence/seats-report.ts';
import { counted } from '../../../schema/counted.ts';
import { formatMinute } from '../../../schema/format-time.ts';
import { printable } from '../../../schema/printable.ts';
import type { Context } from '../context.ts';
import { writeData, writeJson } from '../output.ts';
import { formatTable } from '../table.ts';
import { seatsCell } from './holdings-text.ts';

interface SeatsOptions {
  readonly json?: boolean;
}

/** `avma host seats`. */
export function seatsCommand(context: Context): Command {
  return new Command('seats')
    .description('List the VMs that hold a seat of a license on the running host')
    .option('--json', 'print them as JSON')
    .addHelpText(
      'after',
      `
A seat is a VM that runs here now and whose last approval names the license. It is freed when the
VM stops or moves, when its lease ends, after a day without a request where only requests show
that it runs, or by avma host release.`,
    )
    .action((options: SeatsOptions) => showSeats(context, options));
}

/** `avma host release VM`. */
export function releaseCommand(context: Context): Command {
  return new Command('release')
    .description("Free the seats that a VM holds on the running host, by its VM ID or its domain's name")
    .argument('<vm>', "the VM's ID, or the name of its libvirt domain")
    .option('--json', 'print what was done as JSON')
    .addHelpText(
      'after',
      `
The VM's lease goes on until it ends. When it asks again, it takes a seat again if there is one.
The ledger has a mark of it. A VM that was found at two places counts as one again.

Example:
  avma host release web01`,
    )
    .action((vm: string, options: SeatsOptions) => release(context, vm, options));
}

/** @throws {AvmaError} What `callHost` throws. */
async function showSeats(context: Context, { json }: SeatsOptions): Promise<void> {
  const report = SeatsReport.safeParse(await callHost(context.settings().hostFolder, { do: 'seats' })).data;
  if (report === undefined) throw otherVersion();
  if (json === true) return writeJson('avma.host-seats/1', report);
  const { licenses, present } = report;
  const headings = ['LICENSE', 'PRODUCT', 'CUSTOMER', 'SEATS'];
  const totals = licenses.map(({ licenseId, product, customer, taken, guests }) => [
    licenseId,
    product,
    customer,
    seatsCell(taken, guests),
  ]);
  const rows = licenses.flatMap(({ licenseId, seats }) =>
    seats.map(({ vmId, domain, channel, lastSeen, until }) => [
      licenseId,
      vmId,
      domain ?? '',
      minute(lastSeen),
      minute(until),
      channel,
    ]),
  );
  const { style } = context;
  const parts = [
    ...(totals.length === 0 ? ['This host has no license, so nobody holds a seat.'] : []),
    ...(totals.length === 0 ? [] : [formatTable(headings, totals, style)]),
    ...(rows.length === 0
      ? []
      : [formatTable(['LICENSE', 'VM', 'DOMAIN', 'LAST SEEN', 'LEASE UNTIL', 'CHANNEL'], rows, style)]),
    `Present: ${counted(present, 'VM')}`,
  ];
  writeData(parts.join('\n\n'));
}

/** @throws {AvmaError} What `callHost` throws, and what the host says. */
async function release(context: Context, vm: string, { json }: SeatsOptions): Promise<void> {
  const answer = await callHost(context.settings().hostFolder, { do: 'release', args: { vm } });
  const report = ReleaseReport.safeParse(answer).data;
  if (report === undefined) throw otherVersion();
  if (json === true) return writeJson('avma.host-release/1', report);
  const { vmId, released } = report;
  writeData(
    printable(
      released ? `The seats of VM ${vmId} are free.` : `VM ${vmId} holds no seat; nothing was changed.`,
    ),
  );
}

function otherVersion(): AvmaError {
  return new AvmaError('host-not-running', 'the host that runs is of another version of avma', {
    hint: 'Restart the host: systemctl restart avma-host.',
  });
}

function minute(iso: string): string {
  return formatMinute(Date.parse(iso));
}
