/** multipart/form-data of a file upload, read as it comes: the file is measured and hashed, not kept (PVE::APIServer::AnyEvent file_upload_multipart). */
import { createHash, type Hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { TransportRefusal } from './body.ts'

/** What is known of a file that was uploaded. */
export interface Upload {
  bytes: number
  /** Its beginning, enough to tell what kind of image it is. */
  head: Buffer
  /** In the algorithm the call names, else SHA-256; lower-case hex. */
  digest: string
}

const headBytes = 64 * 1024
/** All part headers and small fields together. */
const mostFormBytes = 64 * 1024
const fields = ['content', 'checksum-algorithm', 'checksum']

export const uploadPath = /^\/api2\/json\/nodes\/[^/]+\/storage\/[^/]+\/upload$/

function boundaryOf(request: IncomingMessage): string {
  const type = request.headers['content-type'] ?? ''
  const boundary = /;\s*boundary\s*=\s*"?([^";,\s]+)/.exec(type)?.[1]
  if (boundary === undefined || !/^multipart\/form-data/i.test(type))
    throw new TransportRefusal(501, `upload 'Content-Type '${type}' not implemented`)
  return boundary
}

/** Takes the parts before the file out of the text; undefined until the file's own headers are complete. */
function readForm(text: string, boundary: string): { params: Record<string, string>; fileAt: number } | undefined {
  const params: Record<string, string> = {}
  const part = new RegExp(`--${boundary.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}\r?\n([^]*?)\r?\n\r?\n`, 'g')
  for (let found = part.exec(text); found !== null; found = part.exec(text)) {
    const [, kind = '', name = '', filename] =
      /Content-Disposition: ([^;]*); name="([^"]*)"(?:; filename="([^"]+)")?/i.exec(found[1] ?? '') ?? []
    if (kind !== 'form-data') throw new TransportRefusal(500, `wrong Content-Disposition '${kind}' in multipart, expected 'form-data'`)
    if (filename !== undefined) {
      if (name !== 'filename') throw new TransportRefusal(500, `wrong field name '${name}' for file upload, expected 'filename'`)
      return { params: { ...params, filename: filename.trim() }, fileAt: part.lastIndex }
    }
    const end = text.indexOf(`--${boundary}`, part.lastIndex)
    if (end < 0) return undefined
    if (fields.includes(name)) params[name] = text.slice(part.lastIndex, end).trim()
    part.lastIndex = end
  }
  return undefined
}

class FileSink {
  readonly #hash: Hash
  readonly #end: Buffer
  #held = Buffer.alloc(0)
  #head = Buffer.alloc(0)
  #bytes = 0
  isComplete = false

  constructor(boundary: string, algorithm: string | undefined) {
    this.#hash = createHash(algorithm ?? 'sha256')
    this.#end = Buffer.from(`--${boundary}--`)
  }

  add(chunk: Buffer): void {
    if (this.isComplete) return
    const data = Buffer.concat([this.#held, chunk])
    const at = data.indexOf(this.#end)
    if (at >= 0) {
      const before = data
        .subarray(0, at)
        .toString('latin1')
        .replace(/\r?\n$/, '').length
      this.#write(data.subarray(0, before))
      this.isComplete = true
      return
    }
    const keep = Math.min(data.length, this.#end.length + 2)
    this.#write(data.subarray(0, data.length - keep))
    this.#held = Buffer.from(data.subarray(data.length - keep))
  }

  result(): Upload {
    return { bytes: this.#bytes, head: this.#head, digest: this.#hash.digest('hex') }
  }

  #write(data: Buffer): void {
    this.#hash.update(data)
    this.#bytes += data.length
    if (this.#head.length < headBytes) this.#head = Buffer.concat([this.#head, data.subarray(0, headBytes - this.#head.length)])
  }
}

const algorithms = new Set(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'])

/** One upload as it comes in: first the form's small fields, then the file. */
class UploadReader {
  readonly #boundary: string
  #form = Buffer.alloc(0)
  #params: Record<string, string> | undefined
  #sink: FileSink | undefined

  constructor(boundary: string) {
    this.#boundary = boundary
  }

  add(chunk: Buffer): void {
    if (this.#sink !== undefined) {
      this.#sink.add(chunk)
      return
    }
    this.#form = Buffer.concat([this.#form, chunk])
    const read = readForm(this.#form.toString('latin1'), this.#boundary)
    if (read === undefined) {
      if (this.#form.length > mostFormBytes) throw new TransportRefusal(500, 'upload failed')
      return
    }
    this.#params = read.params
    const algorithm = read.params['checksum-algorithm']
    this.#sink = new FileSink(this.#boundary, algorithm !== undefined && algorithms.has(algorithm) ? algorithm : undefined)
    this.#sink.add(this.#form.subarray(read.fileAt))
  }

  result(): { params: Record<string, string>; upload: Upload } {
    if (this.#params === undefined || this.#sink?.isComplete !== true) throw new TransportRefusal(500, 'upload failed')
    return { params: this.#params, upload: this.#sink.result() }
  }
}

/** The fields that stand before the file, and the file; the request is read to its end before anything is thrown. */
export async function readUpload(request: IncomingMessage): Promise<{ params: Record<string, string>; upload: Upload }> {
  const reader = new UploadReader(boundaryOf(request))
  let fault: unknown
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (fault !== undefined) continue
    try {
      reader.add(chunk)
    } catch (wrong) {
      fault = wrong
    }
  }
  if (fault instanceof Error) throw fault
  return reader.result()
}
