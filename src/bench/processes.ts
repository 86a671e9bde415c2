/** The processes of a local stack, and what each of them uses of the machine. */
import { readdirSync, readFileSync } from 'node:fs'
import type { LocalStack } from '../local-stack/local-stack.ts'
import { loadOf } from './counts.ts'

/** The kernel keeps 15 characters of a name. */
const servers = new Set(['kube-apiserver', 'etcd'])

/** CPU seconds by the name of the process. */
export type CpuSeconds = Readonly<Record<string, number>>

/** Of kube-apiserver and etcd (children of the control plane), the simulator, this program, and the operator. */
export function cpuOf(stack: LocalStack, operatorPid: number): CpuSeconds {
  const found = descendantsOf(stack.controlPlane.pid).filter(({ name }) => servers.has(name))
  return {
    operator: loadOf(operatorPid).cpuSeconds,
    ...Object.fromEntries(found.map(({ pid, name }) => [name, loadOf(pid).cpuSeconds])),
    simulator: loadOf(stack.simulator.program.pid).cpuSeconds,
    bench: process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
  }
}

export const cpuBetween = (before: CpuSeconds, after: CpuSeconds): CpuSeconds =>
  Object.fromEntries(Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)]))

/** Its children and theirs, from Linux's /proc. */
function descendantsOf(ancestor: number): { pid: number; name: string }[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const all = pids.flatMap((pid) => {
    const [, name = '', parent] = /^\d+ \((.*)\) \S (\d+)/s.exec(statOf(pid)) ?? []
    return parent === undefined ? [] : [{ pid: Number(pid), name, parent: Number(parent) }]
  })
  const below = (pid: number): typeof all => all.filter(({ parent }) => parent === pid).flatMap((one) => [one, ...below(one.pid)])
  return below(ancestor)
}

/** It may have ended meanwhile. */
function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return ''
  }
}
