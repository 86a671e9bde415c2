/** The real helm, as a person runs it: with a home of its own, against one control plane. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

export interface HelmRun {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** true: the machine has a helm (HELM) or the Go that builds it. Else the reason is printed. */
export function helmIsHere(): boolean {
  if (process.env.HELM || spawnSync('go', ['version']).status === 0) return true
  process.stderr.write('test/deploy/chart*.test.ts skip: there is neither HELM nor Go on this machine\n')
  return false
}

export class Helm {
  readonly #program: string
  readonly #environment: NodeJS.ProcessEnv

  /** `home`: a folder for its caches. */
  constructor(o: { program: string; home: string; kubeconfig: string }) {
    this.#program = o.program
    this.#environment = {
      PATH: process.env.PATH,
      HOME: o.home,
      KUBECONFIG: o.kubeconfig,
      HELM_CACHE_HOME: join(o.home, 'cache'),
      HELM_CONFIG_HOME: join(o.home, 'config'),
      HELM_DATA_HOME: join(o.home, 'data'),
    }
  }

  run(...words: string[]): HelmRun {
    const { status, stdout, stderr } = spawnSync(this.#program, words, {
      env: this.#environment,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    })
    return { status, stdout, stderr }
  }

  /** Standard output; throws when helm refuses. */
  do(...words: string[]): string {
    const { status, stdout, stderr } = this.run(...words)
    if (status !== 0) throw new Error(`helm ${words.join(' ')}: ${stderr}`)
    return stdout
  }
}
