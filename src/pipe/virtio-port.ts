import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { errnoOf } from '../system/errno.ts';

/**
 * The device file of the virtio-serial port with that name, or null. Found by udev's link, or in sysfs without udev.
 */
export function findVirtioPort(name: string, root: string): string | null {
  const link = path.join(root, 'dev/virtio-ports', name);
  if (existsSync(link)) return link;
  const port = virtioPorts(root).find((one) => one.name === name);
  return port === undefined ? null : path.join(root, 'dev', port.device);
}

/** The virtio-serial ports that this machine has. */
export function virtioPorts(root: string): { device: string; name: string }[] {
  const folder = path.join(root, 'sys/class/virtio-ports');
  try {
    return readdirSync(folder).map((device) => ({
      device,
      name: portName(path.join(folder, device, 'name')),
    }));
  } catch (thrown) {
    // The folder exists only on machines with virtio-serial.
    if (errnoOf(thrown) === undefined) throw thrown;
    return [];
  }
}

// A port without a name has an empty file, or none.
function portName(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return '';
  }
}
