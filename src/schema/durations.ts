/** A minute in milliseconds. */
export const MINUTE_MS = 60_000;
/** A day in minutes, the unit of slmgr's reports. */
export const DAY_MINUTES = 24 * 60;
/** A day in milliseconds. */
export const DAY_MS = DAY_MINUTES * MINUTE_MS;
