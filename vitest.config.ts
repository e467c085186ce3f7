import { configDefaults, defineConfig } from 'vitest/config';
import { HANG_MS } from './test/support/hang.ts';
import { HEAVY_TESTS, mockingTests, SYSTEM_TESTS } from './test/tiers.ts';

// Later than what a test itself waits for, so that the test can say what did not come.
const TIMEOUTS = {
  testTimeout: 3 * HANG_MS,
  hookTimeout: 3 * HANG_MS,
  expect: { poll: { timeout: HANG_MS } },
};

const NO_UNIT_TESTS = [...SYSTEM_TESTS, ...HEAVY_TESTS];

const MOCKING = mockingTests().filter((file) => !NO_UNIT_TESTS.includes(file));

/** All cores are kept busy: on two cores vitest would use one. */
const ALL_CORES = { maxWorkers: '100%' };

const UNIT = { setupFiles: ['test/unit-guard.ts'], ...ALL_CORES };

export default defineConfig({
  test: {
    globalSetup: ['test/support/run-folder.ts'],
    coverage: {
      include: ['src/**/*.ts'],
      exclude: ['**/*.d.ts'],
      reporter: ['text', 'text-summary'],
      reportOnFailure: true,
    },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...NO_UNIT_TESTS, ...MOCKING],
          ...UNIT,
          // A process of its own for each file would take twice as long as the tests do.
          isolate: false,
          ...TIMEOUTS,
        },
      },
      {
        test: {
          name: 'unit-mocking',
          include: MOCKING,
          ...UNIT,
          ...TIMEOUTS,
        },
      },
      {
        test: {
          name: 'system',
          include: SYSTEM_TESTS,
          sequence: { groupOrder: 1 },
          ...ALL_CORES,
          ...TIMEOUTS,
        },
      },
      {
        test: {
          name: 'heavy',
          include: HEAVY_TESTS,
          sequence: { groupOrder: 2 },
          maxWorkers: 1,
          ...TIMEOUTS,
        },
      },
    ],
  },
});
