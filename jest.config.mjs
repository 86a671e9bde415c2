export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  watchman: false,
  transform: { '^.+\\.ts$': '<rootDir>/test/support/strip-types.mjs' },
  // Nothing else is crawled: the data of an etcd of `make demo` has files *.snap, which jest took for snapshots without a test.
  roots: ['<rootDir>/test'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  // For what hangs. What waits gives up before and says what it saw (test/support/until.ts).
  testTimeout: 240_000,
  maxWorkers: 2,
  workerIdleMemoryLimit: '768MB',
}
