/** A fault in the program itself is shown with its stack, in the names and lines of src/. */
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STANDARD_2012_R2, TestMachine } from './test-machine.ts';

const machine = new TestMachine();

beforeAll(async () => {
  await machine.certifyHost();
  fs.writeFileSync(
    machine.at('broken.mjs'),
    `export default () => ({
       exchange() { throw new TypeError('answer is not iterable', { cause: new RangeError('length 7') }); },
       close() {},
     });`,
  );
  fs.writeFileSync(
    machine.at('late.mjs'),
    `export default () => ({
       exchange() { setTimeout(() => { throw new TypeError('thrown in a timer'); }); return new Promise(() => {}); },
       close() {},
     });`,
  );
  const env = { AVMA_PIPE: 'exec:exit 1' };
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
});
afterAll(() => machine.close());

const BROKEN = { env: { AVMA_PIPE: 'module:./broken.mjs' } };
const LATE = { env: { AVMA_PIPE: 'module:./late.mjs' } };

describe('an error that is a fault of ours', () => {
  test('slmgr keeps its line on stdout, and stderr has the reason, the stack and the causes', async () => {
    const { stdout, stderr, status } = await machine.run('slmgr', ['/ato'], BROKEN);
    expect(stdout).toMatch(/^Activating .* \.\.\.\nError: 0x8007045D .*\n\n$/);
    expect(status).toBe(74);
    expect(stderr).toContain('slmgr: module:./broken.mjs: answer is not iterable.\n');
    expect(stderr).toMatch(/^Caused by: TypeError: answer is not iterable\n {4}at .*broken\.mjs:2:/m);
    expect(stderr).toMatch(/^Caused by: RangeError: length 7$/m);
    expect(stderr).toMatch(/^ {4}at (?:async )?src\/pipe\/module\.ts:\d+:\d+$/m);
    expect(stderr).not.toContain('dist/');
  });

  test('avma shows it too', async () => {
    const { stderr, status } = await machine.run('avma', ['guest', 'activate'], BROKEN);
    expect(status).toBe(74);
    expect(stderr).toMatch(
      /^avma: module:\.\/broken\.mjs: answer is not iterable\. \[internal, 0x8007045D\]$/m,
    );
    expect(stderr).toMatch(/^Caused by: TypeError: answer is not iterable$/m);
    expect(stderr).toMatch(/^ {4}at (?:async )?src\/pipe\/module\.ts:\d+:\d+$/m);
  });

  test('the line that a stack names is the line that made the call', async () => {
    const { stderr } = await machine.run('avma', ['guest', 'activate'], BROKEN);
    const [, file = '', line] = /(src\/pipe\/module\.ts):(\d+):\d+$/m.exec(stderr) ?? [];
    const source = fs.readFileSync(file, 'utf8').split('\n')[Number(line) - 1];
    expect(source).toMatch(/exchange\(|toAvmaError\(|#named\(/);
  });
});

describe('an exception that nothing catches', () => {
  test('slmgr ends with what was printed before, its line and the stack', async () => {
    const { stdout, stderr, status } = await machine.run('slmgr', ['/ato'], LATE);
    expect(stdout).toMatch(/^Activating .* \.\.\.\nError: 0x8007045D .*\n\n$/);
    expect(stderr).toContain('thrown in a timer');
    expect(stderr).toMatch(/^Caused by: TypeError: thrown in a timer\n {4}at .*late\.mjs:2:/m);
    expect(status).toBe(74);
  });

  test('avma too', async () => {
    const { stderr, status } = await machine.run('avma', ['guest', 'activate'], LATE);
    expect(stderr).toMatch(/^avma: .*thrown in a timer\. \[internal, 0x8007045D\]$/m);
    expect(stderr).toMatch(/^Caused by: TypeError: thrown in a timer\n {4}at .*late\.mjs:2:/m);
    expect(status).toBe(74);
  });
});
