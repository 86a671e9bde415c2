/**
 * `make image`: images without a base and without a registry, for amd64 and arm64 (ARCH=arm64 makes one of them).
 *   dist/pve-operator-image-amd64.tar, -arm64.tar   for `docker load`, `podman load`, `kind load image-archive`
 *   dist/pve-operator-image.tar                     the one of this machine, under the name it always had
 *   dist/pve-operator-image-all.tar                 all behind one name, for `skopeo copy --all oci-archive:… docker://…`
 *   dist/pve-operator-VERSION-amd64.spdx.json …     what is in each
 * Another folder than dist/ may be named. The same commit gives the same bytes.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Architecture, architectures, hostArchitecture } from './architectures.ts'
import { fillImage, user } from './image-root.ts'
import { originOf } from './made-at.ts'
import { addImage, archiveAll, archiveOne, type Image } from './oci-layout.ts'

const home = join(import.meta.dirname, '../..')
const dist = process.argv[2] ?? join(home, 'dist')
const cacheDir = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'pve-operator')
const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }
const name = { reference: `pve-operator:${version}`, version }
const { madeAt, revision } = originOf(home)

const config = {
  User: `${user}:${user}`,
  Entrypoint: ['/usr/local/bin/node', '/app/dist/main.mjs'],
  Cmd: ['run'],
  WorkingDir: '/app',
  Env: ['PATH=/usr/local/bin', 'NODE_ENV=production'],
  Labels: {
    'org.opencontainers.image.title': 'pve-operator',
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.created': new Date(madeAt * 1000).toISOString(),
    ...(revision && { 'org.opencontainers.image.revision': revision }),
    'org.opencontainers.image.licenses': 'GPL-3.0-or-later',
    'org.opencontainers.image.description': 'A Kubernetes controller with which hosting providers run virtual servers on Proxmox VE',
  },
}

/** ARCH: one or some, with commas. Absent: all, and what cannot be made here is told and left out. */
function wanted(): { names: readonly Architecture[]; isAsked: boolean } {
  const { ARCH } = process.env
  if (!ARCH) return { names: architectures, isAsked: false }
  const names = architectures.filter((each) => ARCH.split(',').includes(each))
  if (names.length !== ARCH.split(',').length) throw new Error(`ARCH=${ARCH}: there are images for ${architectures.join(', ')}`)
  return { names, isAsked: true }
}

async function make(architecture: Architecture, layout: string): Promise<Image> {
  const root = join(dist, `image-root-${architecture}`)
  rmSync(root, { recursive: true, force: true })
  mkdirSync(root, { recursive: true })
  try {
    const sbom = await fillImage(root, architecture, { home, cacheDir, version, madeAt })
    const image = await addImage(layout, root, { architecture, config, madeAt })
    const archive = join(dist, `pve-operator-image-${architecture}.tar`)
    archiveOne(layout, image, archive, { ...name, madeAt })
    writeFileSync(join(dist, `pve-operator-${version}-${architecture}.spdx.json`), sbom)
    process.stdout.write(`${archive}: ${name.reference} for ${architecture}, ${Math.round(statSync(archive).size / 1e6)} MB\n`)
    return image
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

const layout = join(dist, 'image-layout')
rmSync(layout, { recursive: true, force: true })
mkdirSync(layout, { recursive: true })
const { names, isAsked } = wanted()
const images: Image[] = []
for (const architecture of names) {
  try {
    images.push(await make(architecture, layout))
  } catch (fault) {
    if (isAsked || architecture === hostArchitecture) throw fault
    process.stderr.write(`left out: ${architecture}: ${fault instanceof Error ? fault.message : String(fault)}\n`)
  }
}
archiveAll(layout, images, join(dist, 'pve-operator-image-all.tar'), { ...name, madeAt })
rmSync(layout, { recursive: true, force: true })

const own = images.find(({ architecture }) => architecture === hostArchitecture)
// A folder of one's own is to look into; what is to be loaded is in dist/.
if (own && !process.argv[2]) {
  const archive = join(dist, 'pve-operator-image.tar')
  copyFileSync(join(dist, `pve-operator-image-${own.architecture}.tar`), archive)
  const loaded = spawnSync('docker', ['load', '-i', archive], { encoding: 'utf8' })
  const hint = existsSync('/var/run/docker.sock') ? loaded.stderr.trim() : 'no docker runs here; load it elsewhere with: docker load -i'
  process.stdout.write(loaded.status === 0 ? loaded.stdout : `${hint} ${archive}\n`)
}
