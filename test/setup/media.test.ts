/** Volumes that nobody mounted: this machine's own programs are asked to, and their answer is said. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { removableMedia } from '../../src/setup/media.ts';
import { createSetupMachine } from './machine-with-setup.ts';

/** A machine with a volume of that label, which no system mounts: its device is no device. */
function machineWithVolume(label: string) {
  const machine = createSetupMachine();
  const device = machine.write('dev/vdb', 'no file system');
  fs.mkdirSync(path.join(machine.root, 'dev/disk/by-label'), { recursive: true });
  fs.symlinkSync('../../vdb', path.join(machine.root, 'dev/disk/by-label', label));
  return { machine, device };
}

test.each(['CIDATA', 'cidata', 'AVMA', 'OEMDRV', 'Unattend'])(
  'a volume %s that cannot be mounted is said, and no folder is left',
  async (label) => {
    const { machine, device } = machineWithVolume(label);
    const before = mountFolders();
    const [candidate, ...others] = await removableMedia(machine);
    expect(candidate).toMatchObject({ place: device, present: true, finding: { outcome: 'none' } });
    expect(candidate?.finding.why).toMatch(/^this process cannot mount the volume: \S.*$/);
    expect(others).toEqual([]);
    expect(mountFolders()).toEqual(before);
  },
);

test('a mount that fails and leaves something behind keeps nothing else from being read', async () => {
  const { machine, device } = machineWithVolume('CIDATA');
  const left = path.join(machine.root, 'left');
  machine.write('bin/mount', `#!/bin/sh\nfor at; do :; done\n: > "$at/x"; echo "$at" > ${left}; exit 32\n`);
  machine.write('bin/umount', '#!/bin/sh\nrm "$2/x"\n');
  for (const name of ['mount', 'umount']) fs.chmodSync(path.join(machine.root, 'bin', name), 0o755);
  vi.stubEnv('PATH', `${path.join(machine.root, 'bin')}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(await removableMedia(machine)).toMatchObject([{ place: device, finding: { outcome: 'none' } }]);
  expect(fs.existsSync(fs.readFileSync(left, 'utf8').trim())).toBe(false);
});

test('volumes with other labels, taken out or mounted elsewhere are left alone', async () => {
  const { machine, device } = machineWithVolume('CIDATA');
  fs.symlinkSync('../../vdb', path.join(machine.root, 'dev/disk/by-label/ROOT'));
  fs.symlinkSync('../../gone', path.join(machine.root, 'dev/disk/by-label/AVMA'));
  machine.write('proc/self/mountinfo', `40 21 254:16 / /srv ro - vfat ${device} ro\n`);
  expect(await removableMedia(machine)).toEqual([]);
});

test.each([
  ['nfs4', 'nas:/export'],
  ['cifs', '//nas/export'],
  ['fuse.sshfs', '/dev/fuse'],
  ['fuse', '/dev/sdb1'],
])('nothing of type %s is read: it may never answer', async (type, source) => {
  const machine = createSetupMachine();
  machine.write('proc/self/mountinfo', `40 21 0:50 / /mnt/nas rw - ${type} ${source} rw\n`);
  machine.write('mnt/nas/autounattend.xml', '<unattend/>');
  expect(await removableMedia(machine)).toEqual([]);
});

test('a mount point with a blank in its name', async () => {
  const machine = createSetupMachine();
  machine.write('proc/self/mountinfo', '40 21 8:1 / /media/my\\040disk rw - vfat /dev/sdb1 rw\n');
  machine.write('media/my disk/autounattend.xml', '<unattend/>');
  expect(await removableMedia(machine)).toMatchObject([{ place: '/media/my disk/autounattend.xml' }]);
});

function mountFolders(): string[] {
  return fs.readdirSync(os.tmpdir()).filter((name) => name.startsWith('avma-medium-'));
}
