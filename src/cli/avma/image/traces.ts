import fs from 'node:fs';
import path from 'node:path';
import { errnoOf } from '../../../system/errno.ts';

/** Something of a machine's own that other tools take out of an image. */
export interface Trace {
  readonly path: string;
  /** What a clone would share. */
  readonly what: string;
  /** What takes it out. */
  readonly remedy: string;
}

/** What is found below an image's root that clones would share, and that is not avma's to remove. */
export function cloneTraces(root: string): Trace[] {
  const at = (place: string) => path.join(root, place);
  const machineId = at('etc/machine-id');
  const hostKeys = namesIn(at('etc/ssh')).filter((name) => /^ssh_host_.*_key$/.test(name));
  const pools = namesIn(at('var/lib/hyperv')).filter((name) => name.startsWith('.kvp_pool_'));
  return [
    ...(holdsMachineId(machineId)
      ? [
          {
            path: machineId,
            what: 'the machine ID; where the hypervisor gives no UUID, the VM ID is made from it',
            remedy: 'cloud-init clean --machine-id, virt-sysprep, or: truncate -s 0 /etc/machine-id',
          },
        ]
      : []),
    ...(hostKeys.length > 0
      ? [
          {
            path: at('etc/ssh'),
            what: `${hostKeys.length} private SSH host keys`,
            remedy:
              'rm /etc/ssh/ssh_host_*_key* (cloud-init or ssh-keygen -A makes new ones), or virt-sysprep',
          },
        ]
      : []),
    ...(fs.existsSync(at('var/lib/cloud/instance'))
      ? [
          {
            path: at('var/lib/cloud'),
            what: 'what cloud-init has done and was given',
            remedy: 'cloud-init clean --logs, or virt-sysprep',
          },
        ]
      : []),
    ...(pools.length > 0
      ? [
          {
            path: at('var/lib/hyperv'),
            what: "Hyper-V's data, with the VM ID of this machine",
            remedy: 'rm -r /var/lib/hyperv, if clones may run elsewhere than on Hyper-V',
          },
        ]
      : []),
  ];
}

/** systemd writes `uninitialized`, or nothing, where the first boot is to make an ID. */
function holdsMachineId(file: string): boolean {
  try {
    if (!fs.lstatSync(file).isFile()) return false;
    return /^[0-9a-f]{32}\s*$/.test(fs.readFileSync(file, 'latin1'));
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return false;
  }
}

function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return [];
  }
}
