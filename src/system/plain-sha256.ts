/**
 * SHA-256 (FIPS 180-4) without node:crypto, for the executable's threads: Node ends the whole process when a thread
 * loads node:crypto there, because the snapshot that a thread starts from has it already (seen in Node 24.21). The
 * build puts this in its place in the bundles of those threads.
 */

/** The fractional parts of the cube roots of the first 64 primes. */
const K = fractions(64, Math.cbrt);

/** The fractional parts of the square roots of the first 8 primes. */
const INITIAL = fractions(8, Math.sqrt);

/** As `hash` of node:crypto, for `sha256` only. */
export function hash(_: 'sha256', data: string | Uint8Array, encoding: 'hex' | 'buffer'): string | Buffer {
  const message = padded(typeof data === 'string' ? Buffer.from(data, 'utf8') : data);
  const state = Int32Array.from(INITIAL);
  const schedule = new Int32Array(64);
  for (let at = 0; at < message.length; at += 64) compress(state, schedule, message, at);
  const digest = Buffer.alloc(32);
  for (const [index, word] of state.entries()) digest.writeInt32BE(word, index * 4);
  return encoding === 'hex' ? digest.toString('hex') : digest;
}

/** The message, a one bit, zeros, and its length in bits: a whole number of blocks of 64 bytes. */
function padded(data: Uint8Array): Buffer {
  const message = Buffer.alloc(Math.ceil((data.length + 9) / 64) * 64);
  message.set(data);
  message[data.length] = 0x80;
  message.writeBigUInt64BE(BigInt(data.length) * 8n, message.length - 8);
  return message;
}

function compress(state: Int32Array, w: Int32Array, message: Buffer, at: number): void {
  for (let t = 0; t < 16; t++) w[t] = message.readInt32BE(at + t * 4);
  for (let t = 16; t < 64; t++) {
    const [a, b] = [word(w, t - 15), word(w, t - 2)];
    const s0 = rotated(a, 7) ^ rotated(a, 18) ^ (a >>> 3);
    const s1 = rotated(b, 17) ^ rotated(b, 19) ^ (b >>> 10);
    w[t] = word(w, t - 16) + s0 + word(w, t - 7) + s1;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let t = 0; t < 64; t++) {
    const s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + word(K, t) + word(w, t)) | 0;
    const s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  for (const [index, added] of [a, b, c, d, e, f, g, h].entries()) state[index] = word(state, index) + added;
}

function word(words: Int32Array, index: number): number {
  return words[index] ?? 0;
}

function rotated(value: number, bits: number): number {
  return (value >>> bits) | (value << (32 - bits));
}

/** The first 32 bits of the fractional part of a root of each of the first primes. */
function fractions(count: number, root: (prime: number) => number): Int32Array {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < count; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return Int32Array.from(primes, (prime) => Math.floor((root(prime) % 1) * 2 ** 32) | 0);
}
