/** Compares `10.0.17763` with `10.0.20348`, number by number: negative if `a` is older; missing numbers are 0. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = Number(left[i] ?? 0) - Number(right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The last number, which is the build: `20348`; 0 for a version without numbers. */
export function buildNumber(version: string): string {
  return /\d{1,6}(?=\D*$)/.exec(version)?.[0] ?? '0';
}
