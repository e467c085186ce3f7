/** The names and numbers that guest and host use unless others are configured. */

/** The virtio-serial port, as the hypervisor's configuration names it. */
export const VIRTIO_PORT = 'org.avma.activation.0';

/** Where a host on this same machine listens. */
export const HOST_SOCKET = '/run/avma/host.sock';

/** Hyper-V's Data Exchange pools. The daemon's man page names another folder, which the daemon has never used. */
export const KVP_FOLDER = '/var/lib/hyperv';

/** The host's context ID in every vsock transport. */
export const VSOCK_HOST_CID = 2;

/** The port of KMS, which administrators know. */
export const VSOCK_PORT = 1688;

/** The named pipe on Windows: `\\.\pipe\avma`. */
export const NAMED_PIPE = 'avma';
