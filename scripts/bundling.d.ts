import type { BuildOptions, build, Metafile, Plugin } from 'esbuild';

/** A package of which a part is in a bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** As SPDX writes it. */
  readonly license: string;
  /** The text of the license, as the package brings it. */
  readonly text: string;
  /** Its package URL, where it is no package of npm. */
  readonly purl?: string;
}

export const plainBuiltins: Plugin;
export const PREBUILT_PACKAGES: readonly string[];
export function addonsFrom(source: (name: string) => string): Plugin;
export function libsqlFrom(source: string): Plugin;
export const hostPackagesBeside: Plugin;
export function buildHostParts(
  esbuild: typeof build,
  options: BuildOptions & { plugins: Plugin[] },
  more?: { packages?: BuildOptions; workers?: BuildOptions; names?: readonly string[] },
): Promise<{ files: string[]; inputs: Metafile['inputs'] }>;
export function bundledPackages(root: string, metafile: Pick<Metafile, 'inputs'>): BundledPackage[];
export function thirdPartyText(packages: readonly BundledPackage[]): string;
