export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  watchman: false,
  transform: { '^.+\\.ts$': '<rootDir>/test/support/strip-types.mjs' },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  testTimeout: 30_000,
  maxWorkers: 2,
  workerIdleMemoryLimit: '768MB',
}
