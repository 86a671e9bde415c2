/** `start failed: QEMU exited with code 1`, also where PVE's own words begin like that. */
export const failedSentence = (what: string, exitstatus: string): string =>
  exitstatus.toLowerCase().startsWith(`${what} failed`) ? exitstatus : `${what} failed: ${exitstatus}`
