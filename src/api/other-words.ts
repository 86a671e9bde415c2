/** Words of kinds beside ProxmoxVM that leave the process in their status or spec. */

/** States of a PoolAddress, written into its spec together with the change of holder. */
export const addressStates = {
  Allocated: 'Held by the ProxmoxVM in claimRef.',
  Orphaned: 'Held by a VM whose object was deleted (deletionPolicy Orphan); delete the PoolAddress to free the address.',
  InUse: 'A guest in PVE that no ProxmoxVM owns uses it (inUse); no VM gets it until the guest stops using it.',
  Cooling: 'Released; it is free again when reuseAfter of the pool has passed.',
  Released: 'Free; the object stays as a record of former holders.',
} as const

/** Phases of a ProxmoxVMCommand. */
export const commandPhases = {
  Pending: 'The operator has done nothing yet.',
  Running: 'The operator carries it out.',
  Succeeded: 'Done, or nothing had to be done.',
  Failed: 'Refused or failed; the message says why. The operator does not retry it.',
} as const

/** Phases of a ProxmoxVMConsole. */
export const consolePhases = {
  Pending: 'The operator has not read the object yet, or PVE does not answer now.',
  Waiting: 'The URL is in its Secret and can be opened once.',
  Open: 'Somebody opened the URL; the session runs, or its page can resume it.',
  Ended: 'The session has ended; the message says why.',
  Refused: 'The VM cannot have a console now; the message says why. The operator does not retry it: create another one.',
} as const
export type ConsolePhase = keyof typeof consolePhases

/** Phases of a ProxmoxVMBackup. */
export const backupPhases = {
  Pending: 'The operator has not asked PVE yet; the message says what it waits for.',
  Running: 'PVE makes the backup.',
  Succeeded: 'The backup file exists.',
  Failed: 'Refused or failed; the message says why. The operator does not retry it.',
} as const
