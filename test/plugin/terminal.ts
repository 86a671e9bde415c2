import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { systemClock } from '../../src/ops/clock.ts'
import { run } from '../../src/plugin/program.ts'
import type { Shell } from '../../src/plugin/shell.ts'
import { testKubeconfig } from '../support/kube.ts'

export interface Said {
  code: number
  out: string
  err: string
}

/** Someone at a terminal: each call is one `kubectl pve …`, in this process. */
export async function pve(args: readonly string[], o: Partial<Shell> = {}): Promise<Said> {
  const said = { out: '', err: '' }
  const code = await run(
    {
      out: (text) => void (said.out += text),
      err: (text) => void (said.err += text),
      isTerminal: false,
      columns: 100,
      version: '0.0.0',
      clock: systemClock,
      signal: new AbortController().signal,
      ...o,
    },
    args,
  )
  return { code, ...said }
}

const bin = join(import.meta.dirname, '../../bin/kubectl-pve')

/** The same as kubectl does it: the real program as a child process. */
export async function child(args: readonly string[]): Promise<Said> {
  const it = spawn(bin, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, KUBECONFIG: testKubeconfig(), NODE_OPTIONS: '' },
  })
  const said = { out: '', err: '' }
  it.stdout.on('data', (chunk: Buffer) => void (said.out += chunk.toString()))
  it.stderr.on('data', (chunk: Buffer) => void (said.err += chunk.toString()))
  const code = await new Promise<number>((resolve) => it.on('close', (status) => resolve(status ?? -1)))
  return { code, ...said }
}

/** The same with somebody at the terminal, who answers each question with `answer`; `asked` collects the questions. */
export const answering =
  (answer: string, asked: string[] = []) =>
  async (...args: string[]): Promise<Said> =>
    await pve([...args, '--kubeconfig', testKubeconfig()], {
      ask: (question) => {
        asked.push(question)
        return Promise.resolve(answer)
      },
    })

/** `kubectl pve … -n namespace` against the control plane of the run. */
export const at =
  (namespace: () => string) =>
  (...args: string[]): Promise<Said> =>
    pve([...args, '-n', namespace(), '--kubeconfig', testKubeconfig()])
