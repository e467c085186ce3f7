import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The device file of a virtio-serial port by its name, or null: udev's link, else through sysfs where none runs. */
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
  } catch {
    return [];
  }
}

// A port without a name has an empty file, or none.
function portName(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
