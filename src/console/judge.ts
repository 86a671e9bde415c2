/** Judges a new console: by the object of its VM, by the guest in PVE, and by what the credentials for consoles may see. */
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { ProxmoxVMConsole } from '../api/proxmoxvmconsole.ts'
import type { ClusterDirectory } from '../cluster/directory.ts'
import type { KubeClient } from '../kube/client.ts'
import { parseMark } from '../ladder/mark.ts'
import type { Clock } from '../ops/clock.ts'
import { judge } from '../proxmox/failures.ts'
import { doorOf } from './login.ts'
import { type NoConsole, whyRefused } from './verdict.ts'

/** What is asked beside the objects themselves. */
export interface JudgeOptions {
  readonly client: KubeClient
  readonly directory: Pick<ClusterDirectory, 'get'>
  readonly clock: Clock
}

/** Undefined: it may be opened. */
export type Judgement = Pick<NoConsole, 'reason' | 'message'> | undefined

/** Throws what may pass: PVE or the API server cannot be asked now. */
export async function judgeConsole(
  viewing: ProxmoxVMConsole,
  of: { vm: ProxmoxVM | undefined; cluster: ProxmoxCluster | undefined },
  o: JudgeOptions,
): Promise<Judgement> {
  if (!of.vm) return { reason: 'VMNotFound', message: `There is no ProxmoxVM "${viewing.spec.vmRef.name}" in this namespace.` }
  const refused = whyRefused(of.vm, of.cluster)
  if (!of.cluster || (refused && !(refused.word === 'off' && (await isOn(of.vm, o))))) return refused
  return (await byGuest(viewing, of.vm, o)) ?? (await byCredentials(viewing, of.vm, of.cluster, o))
}

/** The status is some seconds behind a VM that was just started. */
async function isOn(vm: ProxmoxVM, { directory }: JudgeOptions): Promise<boolean> {
  const { vmid = 0, node = '' } = vm.status ?? {}
  const now = await directory.get(vm.spec.clusterRef.name)?.pve.statusCurrent({ vmid, node })
  return now?.status === 'running'
}

/** With the operator's own eyes: the mark as it is now, and the serial port. */
async function byGuest(viewing: ProxmoxVMConsole, vm: ProxmoxVM, { directory }: JudgeOptions): Promise<Judgement> {
  const { vmid = 0, node = '' } = vm.status ?? {}
  const pve = directory.get(vm.spec.clusterRef.name)?.pve
  if (!pve) return { reason: 'ClusterNotReady', message: 'The ProxmoxCluster is not Ready; its own conditions say why.' }
  const config = await pve.config({ vmid, node })
  const mark = parseMark(String(config['description'] ?? ''))
  if (mark?.uid !== vm.metadata.uid || mark?.vmid !== vmid) {
    return { reason: 'VMForeign', message: `The guest ${vmid} does not belong to this ProxmoxVM, so it has no console.` }
  }
  if (viewing.spec.display === 'Serial' && config['serial0'] === undefined) {
    return { reason: 'NoSerialPort', message: 'The VM has no serial port serial0; create a console with display: Screen.' }
  }
  return undefined
}

async function byCredentials(
  viewing: ProxmoxVMConsole,
  vm: ProxmoxVM,
  cluster: ProxmoxCluster,
  { client, clock }: JudgeOptions,
): Promise<Judgement> {
  const vmid = vm.status?.vmid ?? 0
  const found = await doorOf(cluster, client, clock)
  if ('problem' in found) return { reason: 'CredentialsNotFound', message: `${found.problem}; an admin must correct it.` }
  if (viewing.spec.display === 'Serial' && !found.takesSerial) {
    const message =
      'PVE does not accept API tokens for serial ports: an admin must write username and password into the Secret of spec.console.'
    return { reason: 'ConsoleDenied', message }
  }
  try {
    if (await found.door.mayLook(vmid)) return undefined
    return { reason: 'ConsoleDenied', message: `The credentials for consoles lack VM.Console on /vms/${vmid}; an admin must grant it.` }
  } catch (fault) {
    const { terminal, reason, message } = judge(fault)
    if (!terminal && reason !== 'TLSUntrusted' && reason !== 'ClusterChanged') throw fault
    return { reason, message }
  }
}
