/** How many attestations a machine may ask for at once, and how often from then on. */
const BURST = 6;
const INTERVAL_MS = 10_000;

/** What is left of the limit: whole attestations and a part of the next one, at a time of a clock nobody sets. */
export interface AttestationBudget {
  readonly left: number;
  readonly at: number;
}

/** The budget of an agent that has just started. */
export function fullBudget(now: number): AttestationBudget {
  return { left: BURST, at: now };
}

/**
 * Takes one attestation from a budget: six at once, then one in ten seconds, whoever on this machine asks. The host
 * throttles the channel, so programs that ask too often would keep the machine's own activation from it. Pure.
 *
 * @param now - Milliseconds.
 * @returns The budget afterwards, and the milliseconds until there would be one; 0 where one was taken.
 */
export function takeAttestation(
  { left, at }: AttestationBudget,
  now: number,
): { readonly budget: AttestationBudget; readonly wait: number } {
  const gained = Math.max(0, now - at) / INTERVAL_MS;
  const available = Math.min(BURST, left + gained);
  if (available >= 1) return { budget: { left: available - 1, at: now }, wait: 0 };
  return { budget: { left: available, at: now }, wait: Math.ceil((1 - available) * INTERVAL_MS) };
}
