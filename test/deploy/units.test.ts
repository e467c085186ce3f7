/** The units of deploy/systemd, read as text; test/nspawn runs them. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const UNITS = path.join(import.meta.dirname, '../../deploy/systemd');

/** All values of a setting of a unit. */
function settings(unit: string, name: string): string[] {
  const lines = fs.readFileSync(path.join(UNITS, unit), 'utf8').split('\n');
  return lines.flatMap((line) => (line.startsWith(`${name}=`) ? line.slice(name.length + 1).split(' ') : []));
}

test('whatever the agent waits for ends by itself', () => {
  const waitedFor = settings('avma-agent.service', 'After').filter((unit) =>
    fs.existsSync(path.join(UNITS, unit)),
  );
  expect(waitedFor).toContain('avma-setup.service');
  // systemd limits the start of all services but those of Type=oneshot.
  for (const unit of waitedFor.filter((one) => settings(one, 'Type').includes('oneshot'))) {
    expect(settings(unit, 'TimeoutStartSec'), unit).toEqual([expect.stringMatching(/^\d+$/)]);
  }
});
