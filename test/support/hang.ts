/**
 * How long a test waits for what must come, before it reports that nothing came. It is no measure of speed: the
 * machine may be slow, and busy with other things.
 */
export const HANG_MS = 120_000;
