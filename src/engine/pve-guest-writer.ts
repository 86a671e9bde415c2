import { parseDurationSeconds } from '../api/size.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import { ipfilterSet, needsRulesDigest } from '../steps/set-firewall.ts'
import type { NewRule } from '../proxmox/vm-firewall.ts'
import type { NetworkCard, RuleOptions } from '../ladder/machine.ts'
import { judge } from '../proxmox/failures.ts'
import { parseNet } from '../proxmox/net-string.ts'
import { described as describedPutBack } from '../steps/put-back-firewall.ts'
import { withoutPossession } from '../want/foreign-firewall.ts'
import type { Look } from './look.ts'
import type { Clock } from '../ops/clock.ts'
import { noted } from './status.ts'
import { nowIso } from './dependencies.ts'
import type { VMStatusDraft } from './status-draft.ts'
import type { ConfigPatch, FirewallWrite, GuestWriter, PutBack } from '../ladder/guest-writer.ts'
import { type Outcome, waitForTask } from '../ladder/outcome.ts'

/** PVE answers a configuration task itself if it ends within this time, which saves looking at the task. */
const configDelaySeconds = 20

/** One VM in one PVE cluster. Refuses to write once this process may no longer act (leadership lost). */
export class PveGuestWriter implements GuestWriter {
  readonly #cluster: PveCluster
  readonly #look: Look
  readonly #draft: VMStatusDraft
  readonly #mayAct: () => void
  readonly #clock: Clock
  readonly #stepMs: number

  /** `stepMs`: how long the step in status has been under way. */
  constructor(o: { cluster: PveCluster; look: Look; draft: VMStatusDraft; mayAct: () => void; clock: Clock; stepMs: number }) {
    this.#cluster = o.cluster
    this.#look = o.look
    this.#draft = o.draft
    this.#mayAct = o.mayAct
    this.#clock = o.clock
    this.#stepMs = o.stepMs
  }

  /**
   * PUT where nothing takes long; POST where a disk is allocated or the VM runs, because hotplug and allocation may take longer than
   * the 30 s after which PVE's proxy gives up on an answer (pve-http-server, 596).
   */
  async writeConfig(patch: ConfigPatch, digest: string): Promise<Outcome | undefined> {
    this.#mayAct()
    const change = { set: patch.set, remove: patch.remove, digest }
    const slow = allocates(patch) || this.#draft.status.remoteStatus === 'running'
    this.#look.configWritten()
    const task = slow
      ? await this.#cluster.pve.updateConfigTask(this.#look.at, change, configDelaySeconds)
      : await this.#cluster.pve.updateConfig(this.#look.at, change)
    return task ? waitForTask(task, 'PVE changes the configuration of the VM.') : undefined
  }

  async resize({ key, sizeMiB, digest }: { key: string; sizeMiB: number; digest: string }): Promise<string> {
    this.#mayAct()
    this.#look.configWritten()
    return await this.#cluster.pve.resize(this.#look.at, { disk: key, sizeMiB, digest })
  }

  async start(): Promise<string> {
    this.#mayAct()
    this.#look.powerAsked()
    return await this.#cluster.pve.start(this.#look.at)
  }

  async shutdown(): Promise<string> {
    this.#mayAct()
    // PVE refuses the option for VMs that HA manages.
    const isHaManaged = this.#look.seen.isHaManaged === true
    this.#look.powerAsked()
    const timeoutSeconds = Math.max(1, Math.round(parseDurationSeconds(this.#draft.vm.spec.shutdownTimeout ?? '60s')))
    if (this.#isOverdue(timeoutSeconds)) return await this.#cluster.pve.stop(this.#look.at, { overruleShutdown: !isHaManaged })
    return await this.#cluster.pve.shutdown(this.#look.at, { timeoutSeconds, forceStop: true })
  }

  /** A suspended VM has had its time to shut down, and something else, such as a shutdown by command, has held it ever since. */
  #isOverdue(timeoutSeconds: number): boolean {
    return this.#draft.status.step?.name === 'power_off' && this.#stepMs > timeoutSeconds * 1000
  }

  async writeFirewall(write: FirewallWrite): Promise<void> {
    this.#mayAct()
    const { firewall } = this.#look.seen
    if (needsRulesDigest(write) && firewall?.rulesDigest === undefined) return this.#look.firewallStale()
    await this.#sendFirewall(write, firewall?.rulesDigest ?? '', firewall?.options.digest)
    this.#look.firewallWritten(write)
  }

  async putBack(entry: PutBack): Promise<void> {
    this.#mayAct()
    this.#look.firewallStale()
    const why = entry.put === 'network card' ? await this.#bridgeAway(entry.card) : undefined
    if (why !== undefined) return this.#giveUp(entry, why)
    try {
      await this.#sendBack(entry)
    } catch (fault) {
      const { terminal, message } = judge(fault)
      if (!terminal) throw fault
      this.#giveUp(entry, `PVE refuses to restore it: ${message}`)
    }
  }

  #giveUp(entry: PutBack, why: string): void {
    const step = entry.put === 'network card' ? 'put_back_network' : 'put_back_firewall'
    const told = `${describedPutBack(entry)}, and ${why}`
    this.#draft.change(withoutPossession(entry), noted(step, nowIso(this.#clock), 'NotPutBack', told))
  }

  /** The new VM may be on another node, and would not start there. */
  async #bridgeAway({ value }: NetworkCard): Promise<string | undefined> {
    const { node } = this.#look.at
    const bridge = parseNet(value).options.get('bridge')
    const has = await this.#cluster.bridges.of(node)
    const isGranted = bridge !== undefined && this.#cluster.facts()?.grantedBridges.has(bridge) === true
    if (bridge === undefined || has === undefined || has.has(bridge) || isGranted) return undefined
    return `node ${node} has no bridge ${bridge} that the token may use`
  }

  async #sendBack(entry: PutBack): Promise<void> {
    const firewall = this.#cluster.pve.firewall(this.#look.at)
    switch (entry.put) {
      case 'alias':
        return await firewall.addAlias(entry.alias)
      case 'set':
        return await firewall.createIpset(entry.name, entry.comment)
      case 'entry':
        return await firewall.addToIpset(entry.set, entry.entry)
      case 'rule':
        return await firewall.addRule(newRule(entry.rule))
      case 'network card':
        return await this.#addCard(entry.card)
    }
  }

  async #addCard({ key, value }: NetworkCard): Promise<void> {
    const digest = this.#look.seen.config?.digest ?? ''
    this.#look.configWritten()
    await this.#cluster.pve.updateConfig(this.#look.at, { set: { [key]: value }, remove: [], digest })
  }

  async #sendFirewall(write: FirewallWrite, rulesDigest: string, optionsDigest: string | undefined): Promise<void> {
    const firewall = this.#cluster.pve.firewall(this.#look.at)
    switch (write.do) {
      case 'create-set':
        return await firewall.createIpset(ipfilterSet)
      case 'delete-set':
        return await firewall.deleteIpset(ipfilterSet)
      case 'add-entry':
        return await firewall.addToIpset(ipfilterSet, { cidr: write.address })
      case 'remove-entry':
        return await firewall.removeFromIpset(ipfilterSet, write.entry)
      case 'add-rule':
        return await firewall.addRule(newRule(write.rule))
      case 'move-rule':
        return await firewall.moveRule(write.from, write.to, rulesDigest)
      case 'delete-rule':
        return await firewall.deleteRule(write.pos, rulesDigest)
      case 'set-options':
        return await firewall.setOptions(write.options, optionsDigest ? { digest: optionsDigest } : {})
    }
  }
}

function newRule({ type, action, enable, ...rest }: RuleOptions): NewRule {
  return { type: type === 'out' || type === 'group' ? type : 'in', action: action ?? '', enable: enable === '1' ? 1 : 0, ...rest }
}

/** `STORAGE:SIZE` in a drive string allocates a volume (qemu-server `NEW_DISK_RE`). */
const allocates = (patch: ConfigPatch) => Object.values(patch.set).some((value) => /^[^:,=\s]+:\d+(\.\d+)?(,|$)/.test(value))
