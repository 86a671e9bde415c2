/** A ZIP archive of some files, the same bytes for the same files: for whoever unpacks on Windows or in a panel. */
import { crc32, deflateRawSync } from 'node:zlib'

/** DOS date of 1 January 1980, the first there is: an archive does not tell when it was made. */
const firstDay = 0x21
const madeOnUnix = 3 << 8
const utf8Names = 0x800
const deflated = 8
const versionNeeded = 20

/** `files`: path inside the archive → content. Sorted by path. */
export function zipOf(files: ReadonlyMap<string, Buffer>): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [path, content] of [...files].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const name = Buffer.from(path)
    const packed = deflateRawSync(content, { level: 9 })
    const facts = Buffer.alloc(26)
    facts.writeUInt16LE(versionNeeded, 0)
    facts.writeUInt16LE(utf8Names, 2)
    facts.writeUInt16LE(deflated, 4)
    facts.writeUInt16LE(firstDay, 8)
    facts.writeUInt32LE(crc32(content), 10)
    facts.writeUInt32LE(packed.length, 14)
    facts.writeUInt32LE(content.length, 18)
    facts.writeUInt16LE(name.length, 22)
    parts.push(Buffer.from('PK\x03\x04'), facts, name, packed)
    const where = Buffer.alloc(14)
    where.writeUInt32LE(0o100644 * 0x10000, 6)
    where.writeUInt32LE(offset, 10)
    directory.push(Buffer.from('PK\x01\x02'), word(madeOnUnix | versionNeeded), facts, where, name)
    offset += 4 + facts.length + name.length + packed.length
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(files.size, 4)
  end.writeUInt16LE(files.size, 6)
  end.writeUInt32LE(size, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...parts, ...directory, Buffer.from('PK\x05\x06'), end])
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}
