/** Words of kinds beside ProxmoxVM that leave the process in their status or spec. */

/** States of a PoolAddress, written into its spec together with the change of holder. */
export const addressStates = {
  Allocated: 'Held by the ProxmoxVM in claimRef.',
  Orphaned: 'Held by a VM whose object is gone (deletionPolicy Orphan); delete the PoolAddress to free the address.',
  InUse: 'A guest in PVE that no ProxmoxVM owns is configured with it (inUse); given to nobody until the guest lets go of it.',
  Cooling: 'Released; it is free again when reuseAfter of the pool has passed.',
  Released: 'Free; the object is kept for its record of former holders.',
} as const

/** Phases of a ProxmoxVMCommand. */
export const commandPhases = {
  Pending: 'Nothing was done yet.',
  Running: 'It is being carried out.',
  Succeeded: 'Done, or it was so already.',
  Failed: 'Refused or failed; the message says why. It is not tried again.',
} as const

/** Phases of a ProxmoxVMConsole. */
export const consolePhases = {
  Pending: 'Nobody has looked at it yet, or PVE cannot be asked now.',
  Waiting: 'The URL is in its Secret and can be opened, once.',
  Open: 'The URL was opened; the session is under way or can be resumed by its page.',
  Ended: 'It is over: the time is over, or it was ended; the message says why.',
  Refused: 'There is no console for this VM now; the message says why. It is not tried again: make another one.',
} as const
export type ConsolePhase = keyof typeof consolePhases

/** Phases of a ProxmoxVMBackup. */
export const backupPhases = {
  Pending: 'PVE has not been asked yet; the message says what it waits for.',
  Running: 'PVE makes it.',
  Succeeded: 'The file is there.',
  Failed: 'Refused or failed; the message says why. It is not tried again.',
} as const
