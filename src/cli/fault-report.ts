import fs from 'node:fs';
import nodeModule from 'node:module';
import path from 'node:path';
import { printable } from '../schema/printable.ts';
import { maskProductKeys } from '../system/product-key-mask.ts';
import type { Launcher } from './launcher.ts';

/** Causes beyond this number form a circle, or add nothing. */
const MAX_ERRORS = 10;

/**
 * The stack of an error and of everything that caused it, with the file and line in src/ of each call. For faults of
 * avma's own, which nobody can find by their message.
 *
 * @param launcher where bundles are said to be, and the folder that holds dist/ with their source maps. The two differ
 *   for the executable, whose bundle is nowhere but in itself.
 */
export function faultReport(
  thrown: unknown,
  { packageRoot, bundleFolder }: Pick<Launcher, 'packageRoot' | 'bundleFolder'>,
): string {
  const stacks = errorsBelow(thrown).map(
    (error, index) => `${index === 0 ? '' : 'Caused by: '}${stackOf(error)}`,
  );
  const places = { bundles: bundleFolder + path.sep, maps: path.join(packageRoot, 'dist') };
  return stacks
    .join('\n')
    .split('\n')
    .map((line) => printable(maskProductKeys(inSource(line, places))))
    .join('\n');
}

/** The error, then its causes, then what an AggregateError collects. */
function errorsBelow(thrown: unknown): unknown[] {
  const found: unknown[] = [];
  const pending = [thrown];
  for (let error = pending.shift(); error != null && found.length < MAX_ERRORS; error = pending.shift()) {
    if (found.includes(error)) continue;
    found.push(error);
    if (!(error instanceof Error)) continue;
    pending.push(error.cause, ...(error instanceof AggregateError ? error.errors : []));
  }
  return found;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : `not an Error: ${String(error)}`;
}

/**
 * `at a.b (/opt/avma/dist/slmgr.cjs:2:18344)` as `at src/guest/state-store.ts:31:11`. The function's name is left out:
 * it is a letter or two in the bundle.
 */
function inSource(line: string, { bundles, maps }: { bundles: string; maps: string }): string {
  const start = line.indexOf(bundles);
  const place = start === -1 ? null : /^(\w+\.cjs):(\d+):(\d+)\)?$/.exec(line.slice(start + bundles.length));
  const indent = /^ +at (?:async )?/.exec(line)?.[0];
  if (place === null || indent === undefined) return line;
  const [, bundle = '', lineNumber, column] = place;
  const entry = sourceMap(path.join(maps, bundle))?.findEntry(Number(lineNumber) - 1, Number(column) - 1);
  if (entry === undefined || !('originalSource' in entry)) return line;
  const source = path.posix.join('dist', entry.originalSource);
  return `${indent}${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}

const sourceMaps = new Map<string, nodeModule.SourceMap | undefined>();

/** Undefined where the map is not there: the stack then names places in the bundle. */
function sourceMap(bundle: string): nodeModule.SourceMap | undefined {
  if (!sourceMaps.has(bundle)) sourceMaps.set(bundle, readSourceMap(`${bundle}.map`));
  return sourceMaps.get(bundle);
}

function readSourceMap(file: string): nodeModule.SourceMap | undefined {
  try {
    return new nodeModule.SourceMap(JSON.parse(fs.readFileSync(file, 'utf8')));
  } catch {
    // Whatever is wrong with the map must not hide the fault that is being reported.
    return undefined;
  }
}
