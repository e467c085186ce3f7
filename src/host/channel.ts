/** Where a request came in. */
export interface GuestChannel {
  /** The channel's address, for the ledger and the event log. */
  readonly name: string;
  /** The VM that the channel belongs to; null: any guest may connect, so the VM ID in the request is unproven. */
  readonly vmId: string | null;
  /** The name of the VM's domain, where libvirt is followed. */
  readonly domain?: string;
}
