// Commands timed as whole processes, in turn, so that a machine that slows down slows all of them.
import { spawnSync } from 'node:child_process';

/**
 * Runs each command `rounds` times, in turn.
 *
 * @param commands each with its argument list, the options that it is started with, and the status that it ends with.
 * @returns each command's times in milliseconds.
 */
export function time(rounds, commands) {
  const times = commands.map(() => []);
  for (let round = -1; round < rounds; round++) {
    commands.forEach(({ argv: [file, ...args], options, status: expected = 0 }, index) => {
      const started = performance.now();
      const { status } = spawnSync(file, args, { ...options, stdio: 'ignore' });
      if (status !== expected) throw new Error(`${args.join(' ')} ended with ${status}`);
      // The first round warms up.
      if (round >= 0) times[index].push(performance.now() - started);
    });
  }
  return times;
}

export function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

/** The median of the ratios of each time to the one of the same round. */
export function medianRatio(times, others) {
  return median(times.map((one, index) => one / others[index]));
}
