import nacl from 'tweetnacl';

type Field = Float64Array;
type Point = readonly [Field, Field, Field, Field];

/** tweetnacl's own arithmetic: the package exports it, its type declarations leave it out. */
const group = (
  nacl as unknown as {
    lowlevel: {
      gf(init?: readonly number[]): Field;
      D: Field;
      L: Float64Array;
      pack25519(out: Uint8Array, n: Field): void;
      unpack25519(out: Field, n: Uint8Array): void;
      M(out: Field, a: Field, b: Field): void;
      A(out: Field, a: Field, b: Field): void;
      S(out: Field, a: Field): void;
      Z(out: Field, a: Field, b: Field): void;
      pow2523(out: Field, a: Field): void;
      add(p: Point, q: Point): void;
      scalarmult(p: Point, q: Point, s: Float64Array): void;
    };
  }
).lowlevel;

const { gf, D, L, pack25519, unpack25519, M, A, S, Z, pow2523, add, scalarmult } = group;

const SQRT_OF_MINUS_ONE = gf([
  0xa0b0, 0x4a0e, 0x1b27, 0xc4ee, 0xe478, 0xad2f, 0x1806, 0x2f43, 0xd7a7, 0x3dfb, 0x0099, 0x2b4d, 0xdf0b,
  0x4fc1, 0x2480, 0x2b83,
]);

function pack(field: Field): string {
  const bytes = new Uint8Array(32);
  pack25519(bytes, field);
  return Buffer.from(bytes).toString('hex');
}

/** The point with that y, with one of its two x; undefined when the curve has none. The sign bit is not looked at. */
function decode(encoding: Uint8Array): Point | undefined {
  const [x, y, z, t] = [gf(), gf(), gf([1]), gf()] as const;
  unpack25519(y, encoding);
  const [numerator, denominator, d2, d4, d6, root, check] = Array.from({ length: 7 }, () => gf()) as [
    Field,
    Field,
    Field,
    Field,
    Field,
    Field,
    Field,
  ];
  // x² = (y² - 1) / (dy² + 1), and its root as RFC 8032, section 5.1.3, takes it.
  S(numerator, y);
  M(denominator, numerator, D);
  Z(numerator, numerator, z);
  A(denominator, z, denominator);
  S(d2, denominator);
  S(d4, d2);
  M(d6, d4, d2);
  M(root, d6, numerator);
  M(root, root, denominator);
  pow2523(root, root);
  M(root, root, numerator);
  M(root, root, denominator);
  M(root, root, denominator);
  M(x, root, denominator);
  const isRoot = () => {
    S(check, x);
    M(check, check, denominator);
    return pack(check) === pack(numerator);
  };
  if (!isRoot()) M(x, x, SQRT_OF_MINUS_ONE);
  if (!isRoot()) return undefined;
  M(t, x, y);
  return [x, y, z, t];
}

const copy = (point: Point): Point => point.map((field) => new Float64Array(field)) as unknown as Point;

/** Whether [8]A is the identity, A being the point of that encoding. */
export function isTorsion(encoding: Uint8Array): boolean {
  const point = decode(encoding);
  if (point === undefined) return false;
  for (let doubling = 0; doubling < 3; doubling++) add(point, copy(point));
  return pack(point[0]) === pack(gf()) && pack(point[1]) === pack(point[2]);
}

/** [L]A, whose order divides 8, as the encoding of its y; undefined if A is no point. */
export function torsionPartOf(encoding: Uint8Array): string | undefined {
  const point = decode(encoding);
  if (point === undefined) return undefined;
  const multiple: Point = [gf(), gf(), gf(), gf()];
  scalarmult(multiple, point, L);
  return affineY(multiple);
}

function affineY([, y, z]: Point): string {
  const inverse = gf([1]);
  // z^(p-2), bit by bit: p - 2 = 2^255 - 21.
  const exponent = 2n ** 255n - 21n;
  for (let bit = 254n; bit >= 0n; bit--) {
    S(inverse, inverse);
    if ((exponent >> bit) & 1n) M(inverse, inverse, z);
  }
  const affine = gf();
  M(affine, y, inverse);
  return pack(affine);
}
