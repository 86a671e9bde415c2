import type { Readable } from 'node:stream'

const newline = 0x0a

/**
 * The JSON values of a stream that holds one a line. What follows the last newline is dropped: a connection that is cut ends in the
 * middle of a line. Throws a SyntaxError for a whole line that is no JSON.
 */
export async function* jsonLines(stream: Readable, onBytes: () => void): AsyncGenerator<unknown> {
  let pending: Buffer[] = []
  for await (const piece of stream) {
    onBytes()
    const chunk = piece as Buffer
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const part = chunk.subarray(start, end)
      const line = pending.length === 0 ? part : Buffer.concat([...pending, part])
      pending = []
      start = end + 1
      if (line.length > 0) yield JSON.parse(line.toString('utf8')) as unknown
    }
    if (start < chunk.length) pending.push(chunk.subarray(start))
  }
}
