import { spawnSync } from 'node:child_process'
import { proxmoxVMs } from '../api/meta.ts'
import type { KubeClient } from '../kube/client.ts'
import { boardRowOf } from './board.ts'

export const hasKubectl = spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).error === undefined

/** Runs kubectl as the reader would, and shows the command line above its answer. */
export function kubectl(kubeconfig: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync('kubectl', args, { encoding: 'utf8', env: { ...process.env, KUBECONFIG: kubeconfig } })
  return `$ kubectl ${args.join(' ')}\n${stdout}${stderr}`
}

/** Without kubectl: the VMs in a table of our own. */
export async function vmTable(client: KubeClient): Promise<string> {
  const rows = (await client.list(proxmoxVMs)).map(boardRowOf)
  const cells = rows.map((row) => [row.key, String(row.ready), row.localStatus, row.power, row.address, row.place])
  const table = [['NAME', 'READY', 'LOCAL-STATUS', 'POWER', 'IP', 'NODE/VMID'], ...cells]
  const widths = table[0]?.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0))) ?? []
  const lines = table.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   '))
  return `(kubectl is not in PATH; this is what it would show)\n${lines.map((line) => line.trimEnd()).join('\n')}\n`
}
