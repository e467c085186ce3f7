import { Command, Option } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { streamHost } from '../../../host/control/call-host.ts';
import { openHost } from '../../../host/host-store.ts';
import type { LedgerReader } from '../../../host/ledger/ledger-reader.ts';
import { guestRows } from '../../../host/status/guest-tally.ts';
import { type PresentGuest, PresentGuests } from '../../../host/status/status-handlers.ts';
import { printableJsonLine } from '../../../schema/printable.ts';
import { outputIsLost, terminalColumns } from '../../terminal.ts';
import type { Context } from '../context.ts';
import { say, writeData, writeJson } from '../output.ts';
import { formatFields } from '../table.ts';
import { findGuest } from './find-guest.ts';
import {
  describeGuest,
  GUEST_STATES,
  type GuestView,
  guestFields,
  guestsTable,
  historyTable,
  historyView,
  sortGuests,
} from './guests-text.ts';
import { type LedgerFlag, ledgerOption, openLedgerOf } from './ledger-option.ts';

interface GuestsOptions extends LedgerFlag {
  readonly state?: GuestView['state'];
  readonly product?: string;
  readonly license?: string;
  readonly clones?: boolean;
  readonly json?: boolean;
}

/** How many decisions of one guest are shown. */
const MAX_HISTORY = 100;

/** How long the running host may take to say who is present, in milliseconds. */
const PRESENT_TIMEOUT_MS = 10_000;

/** `avma host guests`. */
export function guestsCommand(context: Context): Command {
  return new Command('guests')
    .description('Show which guests are licensed, until when, and where; or one guest and its history')
    .argument('[vm]', 'a VM ID or how it begins, or the name of a libvirt domain or machine')
    .addOption(new Option('--state <state>', 'only guests in this state').choices(GUEST_STATES))
    .option('--product <product>', 'only guests with this product, by its short name')
    .option('--license <id>', 'only guests that use this license')
    .option('--clones', 'only VM IDs that are at two places at once')
    .addOption(ledgerOption())
    .option('--json', 'print the guests as JSON')
    .addHelpText(
      'after',
      `
A guest is licensed until its lease ends, whatever was decided since. Those with trouble come
first. PRESENT is what a running host knows; without one the column is empty. Times are UTC.
A narrow terminal gets fewer columns, and VM IDs as long as tells them apart; a pipe gets all.

Examples:
  avma host guests
  avma host guests --state expired
  avma host guests web01
  avma host guests 4d2a
  avma host guests --json | jq -r '.guests[] | select(.state != "licensed") | .vmId'`,
    )
    .action((vm: string | undefined, options: GuestsOptions) => showGuests(context, vm, options));
}

async function showGuests(context: Context, vm: string | undefined, options: GuestsOptions): Promise<void> {
  const { hostFolder } = context.settings();
  const reader = await openLedgerOf(context, openHost(hostFolder), options);
  try {
    const present = await presentGuests(hostFolder);
    if (vm === undefined) await listGuests(context, reader, present, options);
    else await showGuest(context, reader, present, { vm, json: options.json === true });
  } finally {
    await reader.close();
  }
}

async function listGuests(
  context: Context,
  reader: LedgerReader,
  present: ReadonlyMap<string, PresentGuest> | null,
  options: GuestsOptions,
): Promise<void> {
  const now = Date.now();
  const guests: GuestView[] = [];
  let known = 0;
  for await (const row of guestRows(reader)) {
    known++;
    const guest = describeGuest(row, present, now);
    if (isWanted(guest, options)) guests.push(guest);
  }
  sortGuests(guests);
  if (options.json === true) {
    printGuestsJson(guests, present !== null);
    return;
  }
  if (guests.length === 0) {
    say(known === 0 ? 'No guest has asked this host yet.' : 'No guest is like that.');
    return;
  }
  const { text, leftOut } = guestsTable(guests, context.style, terminalColumns());
  writeData(text);
  sayLeftOut(leftOut, '');
}

/** @param vm - The argument of the command, behind a space. */
function sayLeftOut(columns: readonly string[], vm: string): void {
  if (columns.length === 0) return;
  say(`Left out for want of room: ${columns.join(', ')}. avma host guests${vm} | less -S shows all.`);
}

/** A guest a line: there may be very many. */
function printGuestsJson(guests: readonly GuestView[], isLive: boolean): void {
  writeData(`{\n  "schema": ${JSON.stringify('avma.host-guests/1')},\n  "live": ${isLive},\n  "guests": [`);
  for (const [index, guest] of guests.entries()) {
    if (outputIsLost()) return;
    writeData(`    ${printableJsonLine(guest)}${index === guests.length - 1 ? '' : ','}`);
  }
  writeData('  ]\n}');
}

function isWanted(guest: GuestView, { state, product, license, clones }: GuestsOptions): boolean {
  return (
    (state === undefined || guest.state === state) &&
    (product === undefined || guest.product === product || guest.activationId === product) &&
    (license === undefined || guest.license === license) &&
    (clones !== true || guest.clone)
  );
}

async function showGuest(
  context: Context,
  reader: LedgerReader,
  present: ReadonlyMap<string, PresentGuest> | null,
  { vm, json }: { readonly vm: string; readonly json: boolean },
): Promise<void> {
  const now = Date.now();
  const rows = await findGuest(reader, present, vm);
  const [first] = rows;
  if (first === undefined) throw new TypeError('a guest without a row was found');
  const guests = rows.map((row) => describeGuest(row, present, now));
  const history = historyView(await reader.history(first.vmId, MAX_HISTORY));
  if (json) {
    writeJson('avma.host-guest/1', { vmId: first.vmId, live: present !== null, guests, history });
    return;
  }
  writeData(formatFields(guestFields(guests, present?.get(first.vmId)), context.style));
  writeData('');
  const { text, leftOut } = historyTable(history, context.style, terminalColumns());
  writeData(text);
  sayLeftOut(leftOut, ` ${vm}`);
  if (history.length === MAX_HISTORY)
    say(`These are its last ${MAX_HISTORY} decisions; avma host events has all.`);
}

/** Who is present, by VM IDs; null where no host runs that could say so. */
async function presentGuests(folder: string): Promise<ReadonlyMap<string, PresentGuest> | null> {
  const present = new Map<string, PresentGuest>();
  const signal = AbortSignal.timeout(PRESENT_TIMEOUT_MS);
  try {
    for await (const item of streamHost(folder, { do: 'guests' }, signal)) {
      const batch = PresentGuests.safeParse(item).data;
      if (batch === undefined) return null;
      for (const guest of batch) present.set(guest.vmId, guest);
    }
  } catch (thrown) {
    if (thrown instanceof AvmaError && thrown.code !== 'internal') return null;
    throw thrown;
  }
  return signal.aborted ? null : present;
}
