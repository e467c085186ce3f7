import fs from 'node:fs';
import { printable } from '../schema/printable.ts';
import { maskProductKeys } from './product-key-mask.ts';

/** The parts of avma whose steps can be traced, one word each. */
export const DEBUG_TOPICS = [
  'wire',
  'pipe',
  'state',
  'agent',
  'lock',
  'clock',
  'trust',
  'catalog',
  'host',
  'ledger',
  'libvirt',
  'kvp',
  'ssh',
  'exec',
] as const;
export type DebugTopic = (typeof DEBUG_TOPICS)[number];

const STDERR = 2;
const EVERY_TOPIC = ['all', '*'];

/** The topics to trace. Null when nothing is traced, so that a call of {@link debug} costs one comparison then. */
let traced: ReadonlySet<string> | null = null;

/**
 * Traces one step on stderr: `avma debug wire +12ms: ...`, in milliseconds since the process started. Does nothing
 * unless `AVMA_DEBUG` or `--debug` asked for the topic. Never throws, also when stderr cannot be written.
 *
 * The text must not hold a secret: of a product key only the last five characters, and never a private key, a shared
 * secret, a seed, or what a sealed packet contains.
 *
 * @param text called only when the topic is traced.
 */
export function debug(topic: DebugTopic, text: () => string): void {
  if (traced === null || !traced.has(topic)) return;
  writeLine(`avma debug ${topic} +${Math.round(performance.now())}ms: ${textOrItsFailure(text)}`);
}

/**
 * Starts tracing the topics of a comma-separated list; `all` and `*` stand for every topic.
 *
 * @returns the words of the list that are no topic.
 */
export function traceTopics(list: string): string[] {
  const words = list
    .split(',')
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== '');
  const topics = words.some((word) => EVERY_TOPIC.includes(word)) ? DEBUG_TOPICS : words.filter(isTopic);
  traced = topics.length === 0 ? null : new Set(topics);
  return words.filter((word) => !EVERY_TOPIC.includes(word) && !isTopic(word));
}

function isTopic(word: string): boolean {
  return (DEBUG_TOPICS as readonly string[]).includes(word);
}

/** A mistake in a debug text must not change what a command does, and must not be hidden either. */
function textOrItsFailure(text: () => string): string {
  try {
    return text();
  } catch (thrown) {
    return `this debug text failed: ${thrown instanceof Error ? thrown.stack : String(thrown)}`;
  }
}

function writeLine(line: string): void {
  try {
    fs.writeSync(STDERR, `${printable(maskProductKeys(line))}\n`);
  } catch {
    // A trace that cannot be written is lost: the command goes on without it.
  }
}

/** Starts tracing the topics of `AVMA_DEBUG`, if it is set. Each command calls it first. */
export function traceAsEnvironmentSays(): void {
  const list = process.env['AVMA_DEBUG'];
  if (!list) return;
  const unknown = traceTopics(list);
  if (unknown.length === 0) return;
  writeLine(`AVMA_DEBUG: no topic is called ${unknown.join(', ')}. Topics: ${DEBUG_TOPICS.join(', ')}, all.`);
}
