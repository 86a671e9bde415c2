import { localStatuses, type LocalStatus } from './words.ts'

/** `7/12`. */
export const progressOf = (rung: LocalStatus) => `${localStatuses.indexOf(rung) + 1}/${localStatuses.length}`

/** `0/12`: the ladder is begun again. */
export const noProgress = `0/${localStatuses.length}`
