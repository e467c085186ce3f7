import { Command } from 'commander';
import type { Context } from '../context.ts';
import type { SealOptions } from './seal.ts';

/** `avma image`. */
export function imageCommand(context: Context): Command {
  const image = new Command('image').description('Prepare a disk image that machines are cloned from');
  image.addCommand(sealCommand(context));
  return image;
}

function sealCommand(context: Context): Command {
  return new Command('seal')
    .description('Take out of an image what must not be cloned; keys, trust, catalogs and configuration stay')
    .option('--root <folder>', 'the root of a mounted image (default: this machine)')
    .option('--host', "also remove a host's keys, certificate and ledger")
    .option('--dry-run', 'say what would be taken out; change nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Taken out: leases, attempts, the highest time seen, what was derived from the VM ID, license.json,
events, and the memory of given setup, so that each clone looks at its own. A clone activates
itself: its key is there.

Run it last: the next command of avma on this machine writes some of it anew. The machine ID, SSH
keys and the like belong to other tools; what is found of them is named.

Examples:
  avma image seal --dry-run
  systemctl stop avma-agent && avma image seal && cloud-init clean --machine-id && poweroff
  guestmount -a disk.qcow2 -i /mnt && avma image seal --root /mnt`,
    )
    .action(async (options: SealOptions) => {
      const { sealImageAsAsked } = await import('./seal.ts');
      await sealImageAsAsked(context, options);
    });
}
