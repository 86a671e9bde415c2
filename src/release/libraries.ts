/** The libraries Node links, for an architecture: those of this machine, or Debian's, fetched by apt with a state of its own. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Architecture, factsOf, hostArchitecture } from './architectures.ts'

export interface Library {
  /** The file on this machine. */
  readonly from: string
  /** Its place in the image, without the first slash. */
  readonly to: string
  /** Package of a distribution (`debian`, `ubuntu`) and its version; undefined where nobody knows. */
  readonly package?: { readonly vendor: string; readonly name: string; readonly version: string; readonly copyright?: string }
}

/** What Node 24 for Linux names as NEEDED, besides the loader. */
const needed = ['libdl.so.2', 'libstdc++.so.6', 'libm.so.6', 'libgcc_s.so.1', 'libpthread.so.0', 'libc.so.6']
const versionField = ['$', '{Version}\\n'].join('')
const packages = ['libc6', 'libstdc++6', 'libgcc-s1']

/** Throws a sentence when they cannot be found. `binary`: the Node of that architecture. */
export function librariesFor(architecture: Architecture, binary: string, cacheDir: string): Library[] {
  return architecture === hostArchitecture ? linkedBy(binary) : ofDebian(architecture, cacheDir)
}

/** What the dynamic loader would map, the loader itself included. */
function linkedBy(binary: string): Library[] {
  const list = execFileSync('ldd', [binary], { encoding: 'utf8' })
  return [...list.matchAll(/(?:=> )?(\/[^\s()]+) \(0x/g)].map(([, path = '']) => {
    const known = packageOf(realpathSync(path))
    return { from: path, to: path.slice(1), ...(known && { package: known }) }
  })
}

function packageOf(file: string): Library['package'] | undefined {
  // dpkg knows a file by the path its package has it under: with /usr or, from before the merge of /lib into /usr, without.
  const spellings = [file, file.replace(/^\/usr/, ''), `/usr${file}`]
  const name = spellings
    .map((path) => /^([^:\s]+)/.exec(spawnSync('dpkg', ['-S', path], { encoding: 'utf8' }).stdout ?? '')?.[1])
    .find(Boolean)
  if (!name) return undefined
  const [version = ''] = execFileSync('dpkg-query', ['-W', '-f', versionField, name], { encoding: 'utf8' }).split('\n')
  return { vendor: distribution(), name, version, copyright: `/usr/share/doc/${name}/copyright` }
}

function ofDebian(architecture: Architecture, cacheDir: string): Library[] {
  const folder = join(cacheDir, `debian-libraries-${architecture}`)
  if (!existsSync(folder)) fetchPackages(architecture, folder)
  const versions = JSON.parse(readFileSync(join(folder, 'versions.json'), 'utf8')) as Record<string, string>
  const { libraries, loader } = factsOf[architecture]
  const wanted = [...needed.map((name) => ({ name, to: `${libraries}/${name}` })), { name: loader.split('/').at(-1) ?? '', to: loader }]
  return wanted.map(({ name, to }) => {
    const owner = packages.find((each) => fileIn(join(folder, each, 'root'), name))
    const from = owner && fileIn(join(folder, owner, 'root'), name)
    if (!owner || !from) throw new Error(`Debian's packages for ${architecture} have no ${name}; delete ${folder} to fetch them again`)
    const copyright = join(folder, owner, 'root/usr/share/doc', owner, 'copyright')
    return {
      from,
      to,
      package: { vendor: 'debian', name: owner, version: versions[owner] ?? '', ...(existsSync(copyright) && { copyright }) },
    }
  })
}

function fileIn(folder: string, name: string): string | undefined {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(`/${name}`))
    .map((path) => join(folder, path))
    .find((path) => existsSync(path))
}

/** Its own lists and cache, so that neither root nor a change of this machine's package lists is needed. */
function fetchPackages(architecture: Architecture, folder: string): void {
  if (spawnSync('apt-get', ['--version']).status !== 0 || spawnSync('dpkg-deb', ['--version']).status !== 0) {
    throw new Error(
      `libraries for ${architecture} come from Debian and there is no apt here; build on Debian, or on an ${architecture} machine`,
    )
  }
  mkdirSync(join(folder, '..'), { recursive: true })
  const making = mkdtempSync(`${folder}.making-`)
  try {
    for (const path of ['state/lists/partial', 'cache/archives/partial']) mkdirSync(join(making, path), { recursive: true })
    const sources = distribution() === 'debian' ? [] : debiansSources(making)
    const own = [`APT::Architecture=${architecture}`, `APT::Architectures=${architecture}`, `APT::Architectures::=${architecture}`]
    const places = [`Dir::State=${making}/state`, `Dir::Cache=${making}/cache`, 'Dir::State::status=/dev/null', 'APT::Sandbox::User=']
    const options = [...own, ...places, ...sources].flatMap((option) => ['-o', option])
    execFileSync('apt-get', ['-qq', ...options, 'update'], { stdio: ['ignore', 'ignore', 'pipe'] })
    execFileSync('apt-get', ['-qq', ...options, 'download', ...packages], { cwd: making, stdio: ['ignore', 'ignore', 'pipe'] })
    const versions = unpack(making)
    rmSync(join(making, 'state'), { recursive: true })
    rmSync(join(making, 'cache'), { recursive: true })
    writeFileSync(join(making, 'versions.json'), JSON.stringify(versions))
    renameSync(making, folder)
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
}

/** `debian`, `ubuntu`; `linux` where the machine does not say. */
function distribution(): string {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
  return /^ID="?([a-z0-9.-]+)"?$/m.exec(text)?.[1] ?? 'linux'
}

/** Elsewhere apt's own lists name another archive, and often for this architecture alone. */
function debiansSources(folder: string): string[] {
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  if (!existsSync(keyring)) throw new Error(`the keys of Debian's archive are missing (${keyring}): apt-get install debian-archive-keyring`)
  const list = join(folder, 'sources.list')
  writeFileSync(list, `deb [signed-by=${keyring}] http://deb.debian.org/debian bookworm main\n`)
  return [`Dir::Etc::SourceList=${list}`, 'Dir::Etc::SourceParts=/dev/null']
}

/** Each .deb into PACKAGE/root; answers the versions. */
function unpack(folder: string): Record<string, string> {
  const debs = readdirSync(folder).filter((name) => name.endsWith('.deb'))
  return Object.fromEntries(
    debs.map((name) => {
      const field = (what: string): string => execFileSync('dpkg-deb', ['-f', join(folder, name), what], { encoding: 'utf8' }).trim()
      const owner = field('Package')
      const version = field('Version')
      mkdirSync(join(folder, owner))
      execFileSync('dpkg-deb', ['-x', join(folder, name), join(folder, owner, 'root')])
      rmSync(join(folder, name))
      return [owner, version]
    }),
  )
}
