import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { KubeObject } from '../../src/api/meta.ts'

export interface Health {
  readonly status: string
  readonly message: string
}

export const configMapPatch = join(import.meta.dirname, '../../deploy/argocd/argocd-cm.yaml')

/** The snippets by kind, as the ConfigMap has them when the patch is in. */
export function healthScripts(): Record<string, string> {
  const { data } = parse(readFileSync(configMapPatch, 'utf8')) as { data: Record<string, string> }
  const prefix = 'resource.customizations.health.pve.hosting_'
  return Object.fromEntries(Object.entries(data).map(([key, script]) => [key.replace(prefix, ''), script]))
}

/** Runs Lua with Argo CD's own interpreter, which is a Go library. */
export class ArgoCD {
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
  }

  /** undefined after saying why: there is no Go here. */
  static build(): ArgoCD | undefined {
    const directory = mkdtempSync(join(tmpdir(), 'argocd-lua-'))
    const o = { cwd: join(import.meta.dirname, 'argocd-lua'), env: { ...process.env, CGO_ENABLED: '0' }, encoding: 'utf8' as const }
    const { error, status, stderr } = spawnSync('go', ['build', '-o', join(directory, 'argocd-lua'), '.'], o)
    if (error && 'code' in error && error.code === 'ENOENT') {
      process.stderr.write('not tested: the health snippet of Argo CD (there is no Go on this machine to build its Lua with)\n')
      return undefined
    }
    if (status !== 0) throw new Error(`go build of argocd-lua: ${stderr}`)
    return new ArgoCD(directory)
  }

  /** An object that is being deleted never gets as far as a script (gitops-engine pkg/health GetResourceHealth). */
  healthOf(objects: readonly KubeObject[], script = healthScripts()[objects[0]?.kind ?? '']): Health[] {
    const input = JSON.stringify({ script, objects })
    const { status, stdout, stderr } = spawnSync(join(this.#directory, 'argocd-lua'), { input, encoding: 'utf8', maxBuffer: 2 ** 26 })
    if (status !== 0) throw new Error(`the snippet failed: ${stderr}`)
    const verdicts = JSON.parse(stdout) as Health[]
    return verdicts.map((verdict, i) =>
      objects[i]?.metadata.deletionTimestamp ? { status: 'Progressing', message: 'Pending deletion' } : verdict,
    )
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
