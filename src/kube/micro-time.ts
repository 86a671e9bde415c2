/** RFC 3339 with six digits: Lease and Event times are MicroTime, and the API server answers 400 to the three of toISOString. */
export const microTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z')
