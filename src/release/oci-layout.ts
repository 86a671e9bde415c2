/** Image archives without a registry: one an architecture, which docker loads too, and one with all of them behind an index. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, createReadStream, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Architecture } from './architectures.ts'

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

export interface Image {
  readonly architecture: Architecture
  readonly config: Descriptor
  readonly layer: Descriptor
  readonly manifest: Descriptor
}

export interface ImageName {
  /** `pve-operator:0.1.0` */
  readonly reference: string
  readonly version: string
}

const indexType = 'application/vnd.oci.image.index.v1+json'

/** The same bytes for the same files; `madeAt` (seconds since 1970) is the time of every file in it. */
export function tar(from: string, to: string, madeAt: number): void {
  const steady = ['--sort=name', `--mtime=@${madeAt}`, '--owner=0', '--group=0', '--numeric-owner', '--format=gnu']
  execFileSync('tar', [...steady, '-C', from, '-cf', to, '.'])
}

/** Adds the image whose files are in `root` to the layout: its layer, its configuration and its manifest. */
export async function addImage(
  layout: string,
  root: string,
  o: { architecture: Architecture; config: object; madeAt: number },
): Promise<Image> {
  const blobs = join(layout, 'blobs/sha256')
  mkdirSync(blobs, { recursive: true })
  const layerFile = join(layout, 'layer.tar')
  tar(root, layerFile, o.madeAt)
  const digest = await digestOf(layerFile)
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${digest}`, size: statSync(layerFile).size }
  renameSync(layerFile, join(blobs, digest))
  const created = new Date(o.madeAt * 1000).toISOString()
  const config = put(layout, 'application/vnd.oci.image.config.v1+json', {
    architecture: o.architecture,
    os: 'linux',
    created,
    config: o.config,
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    history: [{ created, created_by: 'make image' }],
  })
  const manifestType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = put(layout, manifestType, { schemaVersion: 2, mediaType: manifestType, config, layers: [layer] })
  return { architecture: o.architecture, config, layer, manifest }
}

/** An archive of one image: an OCI layout and a docker archive in one. */
export function archiveOne(layout: string, image: Image, archive: string, o: ImageName & { madeAt: number }): void {
  const alone = `${layout}-${image.architecture}`
  const blobs = join(alone, 'blobs/sha256')
  mkdirSync(blobs, { recursive: true })
  for (const { digest } of [image.config, image.layer, image.manifest]) {
    cpSync(join(layout, 'blobs/sha256', hexOf(digest)), join(blobs, hexOf(digest)))
  }
  writeIndex(alone, { ...image.manifest, ...named(o) })
  const forDocker = {
    Config: `blobs/sha256/${hexOf(image.config.digest)}`,
    RepoTags: [o.reference],
    Layers: [`blobs/sha256/${hexOf(image.layer.digest)}`],
  }
  writeFileSync(join(alone, 'manifest.json'), JSON.stringify([forDocker]))
  tar(alone, archive, o.madeAt)
  rmSync(alone, { recursive: true })
}

/** An archive of all images behind one name, for `skopeo copy --all oci-archive:…` and others that know indexes. */
export function archiveAll(layout: string, images: readonly Image[], archive: string, o: ImageName & { madeAt: number }): void {
  const manifests = images.map(({ manifest, architecture }) => ({ ...manifest, platform: { architecture, os: 'linux' } }))
  writeIndex(layout, { ...put(layout, indexType, { schemaVersion: 2, mediaType: indexType, manifests }), ...named(o) })
  tar(layout, archive, o.madeAt)
}

function writeIndex(layout: string, entry: object): void {
  writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }))
}

const named = ({ reference, version }: ImageName) => ({
  annotations: { 'org.opencontainers.image.ref.name': version, 'io.containerd.image.name': `docker.io/library/${reference}` },
})

const hexOf = (digest: string): string => digest.slice('sha256:'.length)

function put(layout: string, mediaType: string, content: object): Descriptor {
  const text = JSON.stringify(content)
  const digest = createHash('sha256').update(text).digest('hex')
  writeFileSync(join(layout, 'blobs/sha256', digest), text)
  return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
