// What a process has used, from /proc.
import fs from 'node:fs';

/** Time on a processor of all threads of a process, in milliseconds. */
export function processorTime(pid) {
  return fs.readdirSync(`/proc/${pid}/task`).reduce((sum, task) => {
    const [nanoseconds = '0'] = fs.readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ');
    return sum + Number(nanoseconds) / 1e6;
  }, 0);
}

/** Resident memory of a process, in MiB: now, and the most that it has had. */
export function residentMemory(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'latin1');
  const mib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { now: mib('VmRSS'), most: mib('VmHWM') };
}
