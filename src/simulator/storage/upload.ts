/** POST storage/{storage}/upload: an image, template or ISO that a client sends (PVE::API2::Storage::Status upload). */
import { paramError, refuse } from '../http/refusal.ts'
import { str, type Call, type Route } from '../routes.ts'
import { volumePath } from './path.ts'

const kinds: Readonly<Record<string, { pattern: RegExp; fault: string }>> = {
  iso: { pattern: /\.(?:iso|img)$/i, fault: 'wrong file extension' },
  vztmpl: { pattern: /\.(?:tar|tar\.(?:gz|xz|zst|bz2))$/i, fault: 'wrong file extension' },
  import: { pattern: /^[a-zA-Z0-9\-.+=_]+\.(?:ova|qcow2|raw|vmdk)$/, fault: 'invalid filename or wrong extension' },
}

/** PVE::Storage normalize_content_filename. */
function normalName(given: string): string {
  return given.replace(/^.*[/\\]/, '').replaceAll(/[^a-zA-Z0-9_.-]/g, '_')
}

/** What a guest will see of the image: a qcow2 says it in its header, everything else is as large as its file. */
function virtualBytes(name: string, upload: { bytes: number; head: Buffer }): number {
  if (!name.endsWith('.qcow2')) return upload.bytes
  if (upload.head.length < 32 || upload.head.readUInt32BE(0) !== 0x51_46_49_fb) return refuse('Image is not in qcow2 format')
  return Number(upload.head.readBigUInt64BE(24))
}

/** The path is not proxied: the node that was asked copies the file to the one that is named. */
function upload(call: Call): string {
  const { world } = call
  const [node, name] = [str(call, 'node') ?? '', str(call, 'storage') ?? '']
  const target = node === 'localhost' ? world.firstNode.name : node
  const storage = world.storage.usable(name, target)
  if (storage.properties['path'] === undefined && !world.storage.isFileBased(name)) refuse(`can't upload to storage type '${storage.type}'`)
  const [content, tmpfilename] = [str(call, 'content') ?? '', str(call, 'tmpfilename') ?? '']
  const file = world.uploads.get(tmpfilename) ?? refuse('missing temporary file name')
  world.uploads.delete(tmpfilename)
  const filename = normalName(str(call, 'filename') ?? '')
  const kind = kinds[content]
  if (kind !== undefined && !kind.pattern.test(filename)) throw paramError({ filename: kind.fault })
  if (!storage.content.includes(content)) refuse(`storage '${name}' does not support '${content}' content`)
  const here = world.firstNode.name
  return world.tasks.start({ node: here, type: 'imgcopy', id: '', user: call.user.id, fault: call.fault?.task }, async (worker) => {
    worker.log(`starting file import from: ${tmpfilename}`)
    const wanted = str(call, 'checksum')
    if (wanted !== undefined && wanted.toLowerCase() !== file.digest)
      refuse(`checksum mismatch: got '${file.digest}' != expect '${wanted}'`)
    const own = `${content}/${filename}`
    const sizeBytes = virtualBytes(filename, file)
    world.storage.mustFit(name, target, own, file.bytes)
    for (const line of [`target node: ${node}`, `target file: ${volumePath(storage, own, content)}`, `file size is: ${file.bytes}`])
      worker.log(line)
    await worker.work(world.spec.durations.configMs)
    const old = world.storage.find(`${name}:${own}`, target)
    if (old !== undefined) world.storage.remove(old)
    const volid = `${name}:${own}`
    world.storage.addFromSpec({ volid, ...(storage.shared ? {} : { node: target }), sizeBytes, usedBytes: file.bytes })
    worker.log('finished file import successfully')
  }).upid
}

export const storageUploadRoutes: readonly Route[] = [{ method: 'POST', path: '/nodes/{node}/storage/{storage}/upload', handler: upload }]
