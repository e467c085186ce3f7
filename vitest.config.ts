import { configDefaults, defineConfig } from 'vitest/config';
import { SYSTEM_TESTS } from './test/tiers.ts';

// Against hanging only: the machine may be busy, and many tests start several processes.
const TIMEOUTS = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    globalSetup: ['test/support/run-folder.ts'],
    coverage: {
      include: ['src/**/*.ts'],
      exclude: ['**/*.d.ts'],
      reporter: ['text', 'text-summary'],
    },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...SYSTEM_TESTS],
          setupFiles: ['test/unit-guard.ts'],
          // A process of its own for each file would take twice as long as the tests do.
          isolate: false,
          ...TIMEOUTS,
        },
      },
      {
        test: {
          name: 'system',
          include: SYSTEM_TESTS,
          ...TIMEOUTS,
        },
      },
    ],
  },
});
