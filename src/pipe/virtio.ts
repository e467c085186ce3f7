import { VIRTIO_PORT } from '../protocol/defaults.ts';
import { DevicePipe } from './device-exchange.ts';
import type { DeviceIo } from './device-io.ts';
import type { PipeAddress } from './environment.ts';
import type { Pipe } from './pipe.ts';
import { hostAbsent, uriInvalid } from './pipe-errors.ts';
import { findVirtioPort, virtioPorts } from './virtio-port.ts';

/**
 * `virtio:NAME`, a virtio-serial port (QEMU, libvirt, Proxmox, OpenStack). Only one process at a time can hold a port:
 * while another does, opening it is tried until the deadline.
 */
export function openVirtioPipe({ uri, rest: name, environment }: PipeAddress, io?: DeviceIo): Pipe {
  if (!/^[^/\0]+$/.test(name) || /^\.+$/.test(name)) {
    throw uriInvalid(uri, 'it does not name a port', `Write virtio:${VIRTIO_PORT}.`);
  }
  if (environment.platform !== 'linux')
    throw uriInvalid(uri, 'virtio-serial ports can be reached on Linux only');
  const find = () => {
    const file = findVirtioPort(name, environment.root);
    if (file !== null) return file;
    const others = virtioPorts(environment.root).map((port) => port.name || port.device);
    throw hostAbsent(
      uri,
      others.length === 0
        ? 'this machine has no virtio-serial ports'
        : `this machine has no virtio-serial port of that name, only ${others.join(', ')}`,
      {
        hint: `Give the VM a virtio-serial channel with the name ${name} in its configuration, then power it off and on; a reboot is not enough.`,
      },
    );
  };
  const silence = 'the host holds the other end of the port, but sent no answer';
  return new DevicePipe(uri, { find, silence, endOfFile: 'absent-now' }, environment, io);
}
