import { isDeepStrictEqual } from 'node:util'

/** The value as the API server hands it back: fields that are undefined are not there. */
export const plain = <T>(value: T): T => (value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T))

/** Whether both are the same to the API server: the order of fields is no difference, nor is one that is undefined. */
export const isSameJson = (a: unknown, b: unknown): boolean => isDeepStrictEqual(plain(a), plain(b))
