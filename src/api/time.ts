/** Times as status fields and sentences have them. */

/** RFC 3339 in whole seconds, as the API server writes times: `2026-01-01T00:00:00Z`. `ms` since the epoch. */
export const timeInSeconds = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`
