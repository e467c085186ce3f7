import { describe, expect, test } from 'vitest';
import { AvmaError, toAvmaError } from '../../src/errors/avma-error.ts';
import { type AvmaErrorCode, CODES } from '../../src/errors/codes.ts';
import { exitStatusOf, formatHresult, HRESULTS, slmgrErrorText } from '../../src/errors/hresult.ts';

const codes = Object.keys(CODES) as AvmaErrorCode[];

describe.each(codes)('%s', (code) => {
  const error = new AvmaError(code, 'what happened');

  test('says what to do', () => {
    expect(error.hint).toMatch(/^[A-Z].+\.$/);
  });

  test('fails: its HRESULT is a failure, and so is its exit status everywhere', () => {
    expect(error.hresult).toBeGreaterThanOrEqual(0x8000_0000);
    expect(exitStatusOf(error.hresult, 'linux')).toBeGreaterThan(0);
    expect(exitStatusOf(error.hresult, 'linux')).toBeLessThan(126);
    expect(exitStatusOf(error.hresult, 'win32') >>> 0).toBe(error.hresult);
  });

  test('has an HRESULT with a name', () => {
    expect(HRESULTS[error.hresult]?.symbol).toMatch(/^[A-Z][A-Z0-9_]+$/);
    expect(formatHresult(error.hresult)).toMatch(/^0x[0-9A-F]{8}$/);
    expect(slmgrErrorText(error.hresult)).not.toBe('');
  });
});

test("the codes that AVMA's documentation lists have their exit statuses apart", () => {
  const statuses = [0xc004fd00, 0xc004fd01, 0xc004fd02, 0xc004fd03, 0xc004fd04].map((hresult) =>
    exitStatusOf(hresult, 'linux'),
  );
  expect(new Set(statuses).size).toBe(5);
});

describe('what the system throws', () => {
  test.each([
    ['EACCES', 'access-denied', 0x80070005],
    ['EPERM', 'access-denied', 0x80070005],
    ['EROFS', 'access-denied', 0x80070005],
    ['ENOSPC', 'disk-full', 0x80070070],
    ['EDQUOT', 'disk-full', 0x80070070],
    ['ENOENT', 'file-not-found', 0x80070002],
    ['EEXIST', 'file-exists', 0x80070057],
    ['EIO', 'io-error', 0x8007045d],
    ['EMFILE', 'io-error', 0x8007045d],
    ['ENAMETOOLONG', 'argument-invalid', 0x80070057],
  ])('%s is %s', (errno, code, hresult) => {
    const thrown = Object.assign(new Error('the system says so'), { code: errno });
    const error = toAvmaError(thrown, 'cannot write /f');
    expect(error).toMatchObject({ code, hresult, cause: thrown });
    expect(error.message).toBe('cannot write /f: the system says so');
  });

  test('of a file system that is read-only, is not to be mended by another user', () => {
    const thrown = Object.assign(new Error('read-only'), { code: 'EROFS' });
    expect(toAvmaError(thrown, 'cannot write /f').hint).toContain('dmesg');
  });

  test.each([
    ["ENOENT: no such file or directory, open '/f'", 'no such file or directory (ENOENT)'],
    ['ENOSPC: no space left on device, write', 'no space left on device (ENOSPC)'],
    [
      "EXDEV: cross-device link not permitted, rename '/f' -> '/g'",
      'cross-device link not permitted (EXDEV)',
    ],
    ['something else: entirely', 'something else: entirely'],
  ])('%s is said once, without the call', (message, reason) => {
    expect(toAvmaError(new Error(message), 'cannot read /f').message).toBe(`cannot read /f: ${reason}`);
  });

  test.each([
    new TypeError('a mistake'),
    Object.assign(new TypeError('a mistake that Node found'), { code: 'ERR_INVALID_ARG_TYPE' }),
    'text',
    null,
    undefined,
  ])('a mistake of ours (%s) is internal', (thrown) => {
    const error = toAvmaError(thrown, 'doing');
    expect(error.code).toBe('internal');
    expect(error.cause).toBe(thrown);
  });

  test('and what is an AvmaError already stays as it is', () => {
    const error = new AvmaError('disk-full', 'm');
    expect(toAvmaError(error, 'doing')).toBe(error);
  });
});
