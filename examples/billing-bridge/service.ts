/** The contract of docs/billing-bridge.md as code: what each button of the billing system writes, and what it reads back. */
import { randomUUID } from 'node:crypto'
import { type ApiServer, Refused } from './api-server.ts'
import { inClerksWords } from './clerks-words.ts'
import { type Note, terminationRecord } from './note.ts'
import { addressesByEntry, type Cluster, conditionOf, holdersOf, isHeldOff, type VM } from './vm.ts'

/** Field managers: one a subject, so that an apply of one never takes back what another wrote. */
const orderManager = 'billing-bridge'
const suspensionManager = 'billing-bridge-suspension'
const reinstallManager = 'billing-bridge-reinstall'
const lookManager = 'billing-bridge-look'

/** Our entry in spec.suspensions. The help desk's `abuse` and the operator's `traffic` are not ours to take away. */
const holder = 'billing'

/** What the billing system knows of a service. It is applied whole each time: a field left out is a field taken back. */
export interface Order {
  readonly serviceID: string
  readonly clientID: string
  /** ProxmoxVM.spec without suspensions and reinstall. */
  readonly spec: Readonly<Record<string, unknown>>
}

export interface Service {
  readonly name: string
  readonly power: string | undefined
  readonly hostname: string | undefined
  readonly addresses: Readonly<Record<string, string>>
  /** RFC 3339; written once in the life of the service: bill from here. */
  readonly firstReadyAt: string | undefined
  readonly suspendedBy: readonly string[]
  readonly login: { readonly username: string; readonly password: string } | undefined
  /** What is not as ordered although the VM is ready: a disk that would have to shrink, a change that waits for a restart. */
  readonly notes: readonly string[]
}

/** The VM cannot go on by itself. The message is for the clerk; the reason is a word of docs/reasons.md. */
export class NeedsSomebody extends Error {
  readonly reason: string
  constructor(reason: string, detail: string) {
    super(`${inClerksWords(reason)} (${reason}: ${detail})`)
    this.reason = reason
  }
}

/** Nothing is wrong, or nothing is there: call again later, or look at the order. */
export class NotNow extends Error {}

export class Services {
  readonly #api: ApiServer
  readonly #namespace: string
  readonly #collection: string
  readonly #commands: string
  readonly #secrets: string
  readonly #signal: AbortSignal

  /** `signal` ends the waiting, not the work: the same call made again waits on. */
  constructor(o: { api: ApiServer; namespace: string; signal: AbortSignal }) {
    this.#api = o.api
    this.#namespace = o.namespace
    this.#commands = `/apis/pve.hosting/v1alpha1/namespaces/${o.namespace}/proxmoxvmcommands`
    this.#collection = `/apis/pve.hosting/v1alpha1/namespaces/${o.namespace}/proxmoxvms`
    this.#secrets = `/api/v1/namespaces/${o.namespace}/secrets`
    this.#signal = o.signal
  }

  async create(order: Order): Promise<Service> {
    const vm = await this.#read(order.serviceID)
    if (vm?.metadata.deletionTimestamp) throw new NotNow(`${vm.metadata.name} is still being terminated`)
    await this.#write(order.serviceID, orderManager, fieldsOf(order), vm)
    return await this.#settled(order.serviceID)
  }

  /**
   * Upgrade, downgrade, other addresses: the whole order again. Unlike create it never makes a VM that is not there. As the button of the
   * manual does, it starts a VM that was off, once an order, unless it is suspended or Halted.
   */
  async change(order: Order): Promise<Service> {
    await this.#write(order.serviceID, orderManager, fieldsOf(order), await this.#existing(order.serviceID))
    const told = await this.#settled(order.serviceID)
    const vm = await this.#existing(order.serviceID)
    if (isHeldOff(vm) || vm.status.remoteStatus !== 'stopped') return told
    const isNew = await this.#command(vm, 'ChangePackage', `change-${vm.metadata.generation}`)
    return isNew ? await this.#settled(order.serviceID, (now) => now.status.remoteStatus === 'running') : told
  }

  /** One command of that name; false: it was given before, and is not given again. */
  async #command({ metadata: { name } }: VM, command: string, suffix: string): Promise<boolean> {
    const metadata = { name: `${name}-${suffix}` }
    const object = { apiVersion: 'pve.hosting/v1alpha1', kind: 'ProxmoxVMCommand', metadata, spec: { vmRef: { name }, command } }
    return await this.#api.create(this.#commands, object)
  }

  async suspend(serviceID: string, reason: string): Promise<Service> {
    const entry = { spec: { suspensions: [{ by: holder, reason }] } }
    await this.#write(serviceID, suspensionManager, entry, await this.#existing(serviceID))
    return await this.#settled(serviceID, (vm) => conditionOf(vm, 'Suspended')?.status === 'True')
  }

  /** The bare object: our entry goes, and nobody else's. Others may still hold the VM; `suspendedBy` names them. */
  async unsuspend(serviceID: string): Promise<Service> {
    await this.#write(serviceID, suspensionManager, {}, await this.#existing(serviceID))
    return await this.#settled(serviceID, (vm) => holdersOf(vm).length > 0 || conditionOf(vm, 'Suspended')?.status === 'False')
  }

  /** `requestID`: the billing system's own number of this wish. The same one never reinstalls twice. Deletes every disk. */
  async reinstall(serviceID: string, requestID: string, template?: string): Promise<Service> {
    const wish = { spec: { reinstall: { requestID, ...(template && { template: { name: template } }) } } }
    const vm = await this.#existing(serviceID)
    const isDone = vm.status.reinstall?.completedIDs.includes(requestID)
    if (template && !isDone) await this.#refuseUnknown(template, vm.spec.clusterRef.name)
    await this.#write(serviceID, reinstallManager, wish, vm)
    return await this.#settled(serviceID, (vm) => vm.status.reinstall?.completedIDs.includes(requestID) === true)
  }

  /**
   * Ends when VM, disks and backups are gone and the addresses are free; until then the VM still costs. Gone already is fine. Tells date and
   * addresses, as the note of the manual. An object that went without its VM (somebody removed its finalizer) still holds its addresses.
   */
  async terminate(serviceID: string): Promise<{ name: string; gone: true } & Note> {
    const name = nameOf(serviceID)
    const vm = await this.#read(serviceID)
    if (vm) await this.#end(name, serviceID, vm)
    const { note, held } = await terminationRecord(this.#api, { namespace: this.#namespace, name, serviceID })
    // Those of an object that was ordered anew meanwhile are its own.
    const uid = held.length > 0 ? (await this.#read(serviceID))?.metadata.uid : undefined
    const left = held.filter((one) => one.uid !== uid).map(({ address }) => address)
    if (left.length === 0) return { name, gone: true, ...note }
    const what = `${left.join(', ')} still ${left.length === 1 ? 'belongs' : 'belong'} to ${this.#namespace}/${name}, whose object went without its VM`
    throw new NeedsSomebody(
      'OwnedByFormerObject',
      `${what}; \`kubectl pve who ${left[0]}\` names the VM. Delete it in PVE, then the PoolAddress`,
    )
  }

  async #end(name: string, serviceID: string, vm: VM): Promise<void> {
    const isAgain = vm.metadata.deletionTimestamp !== undefined
    if (!isAgain) await this.#api.delete(`${this.#collection}/${name}`, vm.metadata.uid)
    // What stood in the way may be gone since the operator looked last: it is asked to look now, and only that look is an answer.
    const look = isAgain ? randomUUID() : undefined
    if (look) await this.#write(serviceID, lookManager, { metadata: { annotations: { 'pve.hosting/look': look } } }, vm)
    await this.#until(
      name,
      (now) => now?.metadata.uid !== vm.metadata.uid,
      (now) => look === undefined || now?.status.lookedFor === look,
    )
  }

  async show(serviceID: string): Promise<Service> {
    return await this.#told(await this.#existing(serviceID))
  }

  /** Before it is written: the operator would refuse it too, but the wish would stay in the order. Without the right to read clusters it decides alone. */
  async #refuseUnknown(template: string, clusterName: string): Promise<void> {
    let cluster: Cluster | undefined
    try {
      cluster = await this.#api.get<Cluster>(`/apis/pve.hosting/v1alpha1/proxmoxclusters/${clusterName}`)
    } catch (fault) {
      if (!(fault instanceof Refused)) throw fault
    }
    const names = [...new Set(cluster?.status?.templates?.flatMap(({ name }) => name ?? []))]
    if (names.length === 0 || names.includes(template)) return
    throw new NeedsSomebody('TemplateNotFound', `cluster ${clusterName} has no template "${template}"; there are ${names.join(', ')}`)
  }

  async #write(serviceID: string, manager: string, fields: object, vm: VM | undefined): Promise<void> {
    const { metadata, ...rest } = fields as { metadata?: object }
    // with a uid, an apply to an object that has gone meanwhile is refused; without one it would make a new VM
    const identity = { ...metadata, name: nameOf(serviceID), ...(vm && { uid: vm.metadata.uid }) }
    const object = { apiVersion: 'pve.hosting/v1alpha1', kind: 'ProxmoxVM', metadata: identity, ...rest }
    await this.#api.apply(`${this.#collection}/${nameOf(serviceID)}`, object, manager)
  }

  /** Waits for a verdict on the spec as it is now, whoever wrote it last. */
  async #settled(serviceID: string, isDone: (vm: VM) => boolean = () => true): Promise<Service> {
    const vm = await this.#until(nameOf(serviceID), (now) => {
      if (!now) throw new NotNow(`${nameOf(serviceID)} was deleted meanwhile`)
      // everything in status is about an older spec until these two are equal
      const isCurrent = now.status.observedGeneration === now.metadata.generation
      return isCurrent && conditionOf(now, 'Ready')?.status === 'True' && isDone(now)
    })
    if (!vm) throw new NotNow(`${nameOf(serviceID)} was deleted meanwhile`)
    return await this.#told(vm)
  }

  async #until(
    name: string,
    holds: (vm: VM | undefined) => boolean,
    isAnswer: (vm: VM | undefined) => boolean = () => true,
  ): Promise<VM | undefined> {
    let last: VM | undefined
    try {
      for await (const vm of this.#api.follow(this.#collection, name, this.#signal)) {
        if (holds(vm)) return vm
        if (isAnswer(vm)) throwIfStalled(vm)
        last = vm
      }
    } catch (fault) {
      const { reason = '', message = '' } = conditionOf(last, 'Ready') ?? {}
      if (!this.#signal.aborted) throw fault
      throw new NotNow(reason === '' ? `nobody has looked at ${name} yet` : `${inClerksWords(reason)} (${reason}: ${message})`)
    }
    return last
  }

  async #told(vm: VM): Promise<Service> {
    const { status } = vm
    return {
      name: vm.metadata.name,
      power: status.remoteStatus,
      hostname: status.hostname,
      addresses: addressesByEntry(vm),
      firstReadyAt: status.firstReadyAt,
      suspendedBy: holdersOf(vm),
      login: await this.#login(status.credentialsSecretRef?.name),
      notes: notesOn(vm),
    }
  }

  async #login(secret: string | undefined): Promise<Service['login']> {
    const data = secret && (await this.#api.get<{ data: { username: string; password: string } }>(`${this.#secrets}/${secret}`))?.data
    if (!data) return undefined
    const plain = (text: string) => Buffer.from(text, 'base64').toString()
    return { username: plain(data.username), password: plain(data.password) }
  }

  #read(serviceID: string): Promise<VM | undefined> {
    return this.#api.get<VM>(`${this.#collection}/${nameOf(serviceID)}`)
  }

  async #existing(serviceID: string): Promise<VM> {
    const vm = await this.#read(serviceID)
    if (!vm) throw new NotNow(`there is no ${nameOf(serviceID)}`)
    if (vm.metadata.deletionTimestamp) throw new NotNow(`${vm.metadata.name} is being terminated`)
    return vm
  }
}

/** One service, one name, for ever: what makes every call repeatable. */
export const nameOf = (serviceID: string): string => `whmcs-${serviceID}`

const fieldsOf = ({ serviceID, clientID, spec }: Order): object => ({
  metadata: { labels: { 'pve.hosting/client-id': clientID, 'pve.hosting/service-id': serviceID } },
  spec,
})

/** A verdict on an older spec is none: the edit just made, or the deletion, may be the cure. */
function throwIfStalled(vm: VM | undefined): void {
  const stalled = conditionOf(vm, 'Stalled')
  if (stalled?.status !== 'True' || vm?.status.observedGeneration !== vm?.metadata.generation) return
  throw new NeedsSomebody(stalled.reason, stalled.message)
}

/** These conditions take nothing away from Ready, so somebody has to look at them. */
function notesOn(vm: VM): string[] {
  const parts = [
    'TemplateApplied',
    'PackageApplied',
    'FirewallConfigured',
    'CloudInitConfigured',
    'DNSSynced',
    'TrafficWithinLimit',
    'RestartRequired',
  ]
  const open = parts
    .map((type) => conditionOf(vm, type))
    .filter((it) => it && it.status === (it.type === 'RestartRequired' ? 'True' : 'False'))
  return open.flatMap((it) => (it ? [`${it.reason}: ${inClerksWords(it.reason)} (${it.message})`] : []))
}
