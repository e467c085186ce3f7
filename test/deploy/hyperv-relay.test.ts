import fs from 'node:fs';
import { expect, test } from 'vitest';
import { splitLine } from '../../src/kvp/message.ts';

const SCRIPT = fs.readFileSync('deploy/hyperv/avma-kvp-relay.ps1', 'utf8');
const EXCHANGE = '0123456789abcdef0123456789abcdef';

function constant(name: string): string {
  const [, value] = new RegExp(`^\\$${name} = '?([^'\\n]+)'?$`, 'm').exec(SCRIPT) ?? [];
  if (value === undefined) throw new RangeError(`the script has no $${name}`);
  return value;
}

// The script cannot be run without Hyper-V; what it shares with the guest's side can be held together all the same.
test.each([1, 900, 901, 4095])('the relay takes and makes the parts of a line of %i characters', (length) => {
  const pattern = new RegExp(constant('KeyPattern'));
  const partLength = Number(constant('PartLength'));
  const records = splitLine(EXCHANGE, 'x'.repeat(length));
  expect(records.length).toBe(Math.ceil(length / partLength));
  expect(records.length).toBeLessThanOrEqual(Number(constant('MostParts')));
  for (const [index, { key, value }] of records.entries()) {
    expect(pattern.exec(key)?.slice(1)).toEqual([EXCHANGE, `${index + 1}`, `${records.length}`]);
    expect(value.length).toBe(Math.min(partLength, length - index * partLength));
  }
});

test('the relay says that it was not tried', () => {
  expect(SCRIPT).toMatch(/NOT TRIED/);
  expect(fs.readFileSync('deploy/hyperv/README.md', 'utf8')).toMatch(
    /Nothing in this folder has been run yet/,
  );
});
