// Where a history plays: one world with two pools, and what everybody in it shares.
import { proxmoxVMCommands, proxmoxVMs } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { ProxmoxVMCommand } from '../../src/api/proxmoxvmcommand.ts'
import { TestWorld } from '../support/world.ts'
import { Ledger } from './ledger.ts'

/** Simulated time passes so many times faster in PVE's tasks. */
const speed = 20
const vmids = { from: 10_000, to: 10_999 }
/** Real time after which a request that PVE began late is done. */
const lateForMs = 12_000
/** Looks before all looks: of what was there first, and of what nothing of ours can have been meant for. */
export const fromTheStart = -1000
export const knownAtOnce = -900
/** Guests that are nobody's from the start; more may be planted. */
const strangers = [10_002, 10_005, 300]

/** Of former holders of our VMIDs, a year old. */
export const oldBackups: readonly string[] = [300, 10_000, 10_001, 10_003, 10_004, 10_006].map(
  (vmid) => `local:backup/vzdump-qemu-${vmid}-2025_01_02-03_04_05.vma.zst`,
)
const everyVmid = [300, ...Array.from({ length: 1000 }, (_, index) => vmids.from + index)]
/** Somebody's backup job that names every VMID here. */
export const peoplesJob = 'everybody'
/** A pool of PVE into which people put VMs. */
export const peoplesPool = 'customers'

export const tokenID = 'root@pam!sim'
export const nameOf = (vm: number): string => `vm-${vm}`

export interface Scene {
  readonly world: TestWorld
  readonly ledger: Ledger
  readonly pools: readonly [string, string]
  /** VMIDs of guests that are not ours → since which look at the objects. */
  readonly strangers: Map<number, number>
  /** What happened, for people; newest last. */
  readonly story: string[]
  tell: (line: string) => void
  /** A request of the operator may still take effect in PVE on this VMID, whoever has it then. */
  mayComeLate(vmid: number): boolean
  /** Undefined: on any VMID. */
  comesLate(vmid: number | undefined): void
  /** A number that is new each time. */
  number(): number
  /** Work of people that goes on beside the history. */
  beside(what: string, work: Promise<unknown>): void
  settled(): Promise<void>
}

export async function openScene(listen?: (line: string) => void): Promise<Scene> {
  const world = await TestWorld.start({ speed, operator: false, vmids, limits: { limits: { deletions: { max: 1000 } } } })
  // Addresses come back at once: what is given away too early is seen at once.
  const pool = (third: number) =>
    world.pool({
      ranges: [`198.51.${third}.10-198.51.${third}.49`],
      prefixLength: 24,
      gateway: `198.51.${third}.1`,
      network: { bridge: 'vmbr0' },
      reuseAfter: '0s',
      pick: 'Sequential',
    })
  const pools = [await pool(100), await pool(101)] as const
  for (const vmid of strangers) world.addGuest(vmid, `pve${(vmid % 3) + 1}`)
  for (const vmid of [300, 10_000, 10_001, 10_003, 10_004, 10_006]) world.addBackup(vmid, Date.parse('2025-01-02T03:04:05Z'))
  world.simulator.world.backupJobs.set(peoplesJob, { all: 0, vmid: everyVmid.join(','), storage: 'local', schedule: '03:00', enabled: 0 })
  world.simulator.world.access.pools.set(peoplesPool, { poolid: peoplesPool, comment: undefined, vms: new Set(), storages: new Set() })
  const startedMs = performance.now()
  const story: string[] = []
  const open = new Set<Promise<unknown>>()
  let count = 0
  const lateUntilMs = new Map<number | undefined, number>()
  const tell = (line: string): void => {
    const told = `${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${line}`
    story.push(told)
    listen?.(told)
  }
  return {
    world,
    ledger: new Ledger(() => world.clock.monotonicMs()),
    pools,
    strangers: new Map(strangers.map((vmid) => [vmid, fromTheStart])),
    mayComeLate: (vmid) => [vmid, undefined].some((of) => performance.now() < (lateUntilMs.get(of) ?? 0)),
    comesLate: (vmid) => void lateUntilMs.set(vmid, performance.now() + lateForMs),
    story,
    tell,
    number: () => ++count,
    beside(what, work) {
      const watched: Promise<unknown> = work
        .catch((fault: unknown) => tell(`  ${what}: ${fault instanceof Error ? fault.message.split('\n')[0] : String(fault)}`))
        .finally(() => open.delete(watched))
      open.add(watched)
    },
    settled: async () => void (await Promise.all(open)),
  }
}

/** Whether PVE has that file on any node. */
export const hasFile = ({ world }: Scene, volid: string): boolean =>
  [...world.simulator.world.storage.all()].some(({ storage, name }) => `${storage}:${name}` === volid)

export const vmsOf = async ({ world }: Scene): Promise<ProxmoxVM[]> =>
  (await world.client.list(proxmoxVMs)).filter(({ metadata }) => metadata.namespace === world.namespace)

export const commandsOf = async ({ world }: Scene): Promise<ProxmoxVMCommand[]> =>
  (await world.client.list(proxmoxVMCommands)).filter(({ metadata }) => metadata.namespace === world.namespace)
