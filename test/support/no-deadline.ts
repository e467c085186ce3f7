/** A deadline that does not come, for closing an endpoint. */
export const NO_DEADLINE: AbortSignal = new AbortController().signal;
