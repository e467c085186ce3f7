/** A domain's XML as libvirt writes it for a running one, with the channel that avma looks for. */
export function domainXml({
  name = 'web01',
  uuid = '11111111-2222-4333-8444-555555555555',
  mode = 'bind',
  path = `/run/libvirt/qemu/channel/1-${name}/org.avma.activation.0`,
}: {
  name?: string;
  uuid?: string;
  mode?: string;
  path?: string;
} = {}): string {
  return `<domain type='kvm' id='1'>
  <name>${name}</name>
  <uuid>${uuid}</uuid>
  <memory unit='KiB'>524288</memory>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <channel type='unix'>
      <source mode='bind' path='/run/libvirt/qemu/channel/1-${name}/org.qemu.guest_agent.0'/>
      <target type='virtio' name='org.qemu.guest_agent.0' state='disconnected'/>
      <alias name='channel0'/>
      <address type='virtio-serial' controller='0' bus='0' port='1'/>
    </channel>
    <channel type='unix'>
      <source mode='${mode}' path='${path}'/>
      <target type='virtio' name='org.avma.activation.0' state='connected'/>
      <alias name='channel1'/>
      <address type='virtio-serial' controller='0' bus='0' port='2'/>
    </channel>
    <channel type='spicevmc'>
      <target type='virtio' name='com.redhat.spice.0'/>
    </channel>
  </devices>
</domain>
`;
}
