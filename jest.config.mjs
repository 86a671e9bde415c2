export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  watchman: false,
  transform: { '^.+\\.ts$': '<rootDir>/test/support/strip-types.mjs' },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  maxWorkers: 2,
  workerIdleMemoryLimit: '768MB',
}
