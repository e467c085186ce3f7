// The rows of the host's table. Each measures one thing and returns what is printed of it: `{what, target, found,
// met}`;
// without a target, `target` and `met` are null.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { playLoad, startLoad } from './play-load.js';
import { processorTime, residentMemory } from './process-figures.js';
import { median, medianRatio } from './timing.js';

const ROUNDS = 3;
/** Requests after which a host is settled, however short the rows are. */
const WARM_UP = 5000;
/** How long a host has nothing to do before its memory is read, in milliseconds. */
const QUIET_MS = 15_000;
const PREPARED = '--prepared';

/**
 * Renewals of 1,000 known guests, of the host before (null where there is none) and of this one, in turn.
 *
 * @param hosts `{before, now}`, each certified and serving, with `pid`.
 */
async function renewals({ before, now }, connections, scale) {
  const requests = Math.round(6000 * scale);
  const seen = { before: [], now: [] };
  for (let round = -1; round < ROUNDS; round++) {
    // The first round warms up: the guests become known, and V8 compiles.
    const count = round < 0 ? Math.max(WARM_UP, requests) : requests;
    const args = `--requests ${count} --connections ${connections} --guests 1000 --seed a --prepared`.split(
      ' ',
    );
    for (const [name, host] of Object.entries({ before, now })) {
      if (host === null) continue;
      const used = processorTime(host.pid);
      const figures = await playLoad(host, ['h.sock'], args);
      const processorMs = (processorTime(host.pid) - used) / count;
      if (figures.failures > 0) throw new Error(`${name}: ${JSON.stringify(figures.failuresByCode)}`);
      if (round >= 0) seen[name].push({ ...figures, processorMs });
    }
  }
  const each = (member) => ({
    now: seen.now.map((figures) => figures[member]),
    before: seen.before.map((figures) => figures[member]),
  });
  return { rate: each('renewalsPerSecond'), p99: each('p99Ms'), processor: each('processorMs') };
}

/** The rows of renewals at 8 and 64 connections, with the curves' own speed. */
export async function renewalRows(hosts, scale) {
  const eight = await renewals(hosts, 8, scale);
  const many = await renewals(hosts, 64, scale);
  const curves = curveSpeed();
  const hasBefore = hosts.before !== null;
  const against = ({ now, before }) => (hasBefore ? medianRatio(now, before) : Number.NaN);
  const pair = ({ now, before }, digits, unit) =>
    `${median(now).toFixed(digits)}${unit}${hasBefore ? `, before ${median(before).toFixed(digits)}${unit}` : ''}`;
  const floor = 1000 / curves.exchange / median(eight.processor.now);
  return [
    row(
      'renewals a second, 8 connections',
      '2.5 times',
      `${pair(eight.rate, 0, '')}: ${times(against(eight.rate))}`,
      against(eight.rate) >= 2.5,
    ),
    row(
      'their 99th percentile',
      'not over before',
      pair(eight.p99, 1, ' ms'),
      median(eight.p99.now) <= median(eight.p99.before),
    ),
    row('renewals a second, 64 connections', null, `${pair(many.rate, 0, '')}: ${times(against(many.rate))}`),
    row('their 99th percentile', 'under 35 ms', pair(many.p99, 1, ' ms'), median(many.p99.now) < 35),
    row(
      'processor time for a renewal, 8 connections',
      '0.35 ms',
      pair(eight.processor, 3, ' ms'),
      median(eight.processor.now) <= 0.35,
    ),
    row('the same, 64 connections', null, pair(many.processor, 3, ' ms')),
    row(
      'curves alone (openssl speed): a secret and a signature',
      null,
      `${(1000 / curves.exchange).toFixed(3)} ms: ${(floor * 100).toFixed(0)} % of the above`,
    ),
  ];
}

/**
 * What the curves alone would allow on one processor: an exchange takes one X25519 secret and one Ed25519
 * signature.
 */
function curveSpeed() {
  const said = execFileSync('openssl', ['speed', '-seconds', '1', '-mr', 'ecdhx25519', 'ed25519'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const secrets = Number(/^\+F5:\d+:253:([\d.]+)/m.exec(said)?.[1]);
  const signatures = Number(/^\+F6:\d+:253:Ed25519:([\d.]+)/m.exec(said)?.[1]);
  return { exchange: 1 / (1 / secrets + 1 / signatures) };
}

/** New guests a second where few are known, and where `known` are; the two hosts in turn. */
export async function newGuestsRow(few, many, known, scale) {
  const requests = Math.round(4000 * scale);
  const rates = { few: [], many: [] };
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, host] of Object.entries({ few, many })) {
      const args = ['--requests', requests, '--guests', requests, '--connections', 8, PREPARED];
      const { renewalsPerSecond, failures } = await playLoad(host, ['h.sock'], args);
      if (failures > 0) throw new Error(`${failures} new guests failed`);
      if (round >= 0) rates[name].push(renewalsPerSecond);
    }
  }
  const ratio = medianRatio(rates.many, rates.few);
  const found = `${median(rates.few).toFixed(0)} with 1,000, ${median(rates.many).toFixed(0)} with ${known.toLocaleString('en')}: ${times(ratio)}`;
  return row('new guests a second, by how many are known', 'within 20 %', found, ratio >= 0.8);
}

/** Two quiet guests, alone and while a third sends as fast as it can on its own channel. */
export async function floodRow(host, scale) {
  const seconds = Math.max(2, Math.round(6 * scale));
  const quiet = [
    '--guests',
    2,
    '--rate',
    40,
    '--for',
    `${seconds}s`,
    '--connections',
    2,
    '--seed',
    'quiet',
    PREPARED,
  ];
  const alone = await playLoad(host, ['1.sock', '2.sock'], quiet);
  const requests = Math.round(5000 * (seconds + 2));
  const flood = startLoad(
    host,
    ['3.sock'],
    ['--guests', 1, '--requests', requests, '--connections', 1, '--depth', 64, PREPARED],
  );
  try {
    await busy(host.pid);
    const beside = await playLoad(host, ['1.sock', '2.sock'], quiet);
    const failures = alone.failures + beside.failures;
    const found = `${beside.p99Ms.toFixed(1)} ms, alone ${alone.p99Ms.toFixed(1)} ms: ${times(beside.p99Ms / alone.p99Ms)}${failures > 0 ? `, ${failures} failed` : ''}`;
    return row(
      '99th percentile of two quiet guests beside a flood',
      'at most twice',
      found,
      failures === 0 && beside.p99Ms <= 2 * alone.p99Ms,
    );
  } finally {
    flood.kill();
  }
}

/** Resolves when a process has worked for a tenth of a second more. */
async function busy(pid) {
  const from = processorTime(pid);
  while (processorTime(pid) - from < 100) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** All guests boot within a minute: each connects, asks who the host is, is licensed, and hangs up. */
export async function bootRow(host, scale) {
  const guests = Math.round(10_000 * scale);
  const seconds = Math.max(1, Math.round(60 * scale));
  const args = ['--guests', guests, '--rate', (guests / seconds).toFixed(3), '--for', `${seconds}s`];
  const { requests, failures, p50Ms, p99Ms, maxMs } = await playLoad(host, ['h.sock'], args);
  const found = `${requests - failures} of ${guests} licensed; median ${p50Ms?.toFixed(1)} ms, 99th percentile ${p99Ms?.toFixed(1)} ms, slowest ${maxMs?.toFixed(0)} ms`;
  return row(
    `${guests.toLocaleString('en')} guests boot within ${seconds} s`,
    'all licensed',
    found,
    failures === 0 && requests === guests,
  );
}

/**
 * Resident memory when all guests have been answered, while all channels have an open connection; and the most
 * until then.
 */
export async function memoryRow(host, channels, scale) {
  const guests = Math.round(10_000 * scale);
  const rate = 800;
  const seconds = Math.max(2, Math.ceil(guests / rate));
  const connections = await openChannels(host, channels);
  try {
    const args = [
      '--guests',
      guests,
      '--rate',
      rate,
      '--for',
      `${seconds}s`,
      '--connections',
      channels,
      PREPARED,
    ];
    const { failures } = await playLoad(host, ['channels/'], args);
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    const { now, most } = residentMemory(host.pid);
    const found = `${now.toFixed(0)} MiB; ${most.toFixed(0)} MiB at most meanwhile${failures > 0 ? `, ${failures} failed` : ''}`;
    return row(
      `resident memory, ${guests.toLocaleString('en')} guests, ${channels.toLocaleString('en')} open channels`,
      'under 150 MiB',
      found,
      failures === 0 && now < 150,
    );
  } finally {
    for (const connection of connections) connection.destroy();
  }
}

/** A connection to each of the host's channels, which says nothing. */
function openChannels({ folder }, channels) {
  return Promise.all(
    Array.from({ length: channels }, (_, at) => {
      const connection = net.connect(path.join(folder, `channels/${at}.sock`));
      return new Promise((resolve, reject) => {
        connection.once('connect', () => resolve(connection));
        connection.once('error', reject);
      });
    }),
  );
}

/** The first start on a ledger of an older version. */
export function takeOverRow(ms, entries) {
  const what = `first start, which takes over ${entries.toLocaleString('en')} lines of JSON`;
  return row(what, null, `${(ms / 1000).toFixed(1)} s`);
}

/** From the start of `avma host serve` until it listens. */
export function startRow(times, entries) {
  const found = `${median(times).toFixed(0)} ms (median of ${times.length})`;
  return row(
    `start with a ledger of ${entries.toLocaleString('en')} entries`,
    'under a second',
    found,
    median(times) < 1000,
  );
}

function row(what, target, found, met = null) {
  return { what, target, found, met };
}

function times(ratio) {
  return Number.isNaN(ratio) ? 'no commit to compare with' : `${ratio.toFixed(2)} times`;
}

/** Paths of a host's sockets, one a channel; made in the folder that {@link memoryRow} asks. */
export function channelSockets({ folder }, count) {
  fs.mkdirSync(path.join(folder, 'channels'), { recursive: true });
  return Array.from({ length: count }, (_, at) => `channels/${at}.sock`);
}
