import type { Plugin } from 'esbuild';

export const plainBuiltins: Plugin;
export function addonFrom(source: string): Plugin;
