import { describe, expect, it } from '@jest/globals'
import { localStatuses } from '../../src/api/words.ts'
import type { Seen, Want } from '../../src/ladder/machine.ts'
import type { Step } from '../../src/ladder/step.ts'
import { provision, suspend } from '../../src/lifecycle.ts'
import { describe as sentenceOf, isConfigStep, mergedChange, type Values } from '../../src/ladder/config-step.ts'
import { seeing, settledValues, wanting, wantingDisk, wantingFirewall } from './seen-and-want.ts'
import { type ConfigPatch, type GuestWriter, isEmpty } from '../../src/ladder/guest-writer.ts'

const password = 'Tr0ub4dor&3'
const steps = [...provision, ...suspend].map((step) => [step.name, step] as const)
const configSteps = [...provision, ...suspend].filter(isConfigStep).map((step) => [step.name, step] as const)

/** A clone with everything a template can hand on, and a wish that changes all of it. */
const clone: Values = {
  name: 'Copy-of-VM-debian-13',
  description: 'golden',
  tags: 'debian-13',
  onboot: '0',
  protection: '1',
  cores: '8',
  vcpus: '1',
  cpu: 'host',
  cpulimit: '2',
  cpuunits: '50',
  memory: 'current=512',
  balloon: '0',
  scsi0: 'local-lvm:vm-10000-disk-0,mbps=50,size=10G,ssd=1',
  unused0: 'local-lvm:vm-10000-disk-9',
  net0: 'e1000=BC:24:11:AA:AA:AA,bridge=vmbr9,link_down=1,queues=4,rate=5,trunks=1;2',
  ciuser: 'golden',
  cipassword: '**********',
  cicustom: 'user=local:snippets/u.yml',
  sshkeys: 'ssh-ed25519%20AAAA',
  ipconfig0: 'ip=10.0.0.9/8',
  ipconfig1: 'ip=10.0.1.9/8',
  searchdomain: 'lab',
  digest: 'd1',
}
const wish = wanting({
  cpu: { cores: 2, sockets: 1, type: 'x86-64-v2-AES', limit: 1.5, units: 200 },
  memory: { sizeMiB: 8192, balloonMiB: 2048 },
  systemDisk: { key: 'scsi0', sizeMiB: 40_960, limits: { mbps_rd: 200, iops_rd: 4000, iops_rd_max: 8000 } },
  additionalDisks: [
    wantingDisk({ limits: { mbps_rd: 80 } }),
    wantingDisk({ name: 'logs', key: 'scsi2', storage: 'local', format: 'qcow2' }),
  ],
  removedDisks: [{ key: 'scsi5', volume: 'local-lvm:vm-10000-disk-9' }],
  net: { model: 'virtio', macAddress: 'BC:24:11:00:00:01', bridge: 'vmbr0', vlan: 120, rateMBps: 12.5, firewall: true },
  firewall: wantingFirewall({ options: { ...wantingFirewall().options, enable: '1' }, ipfilter: ['203.0.113.10'] }),
  cloudInit: { ...wanting().cloudInit, ciuser: 'admin', cipassword: password, nameserver: '203.0.113.2 203.0.113.3' },
  passwordVersion: 'secret/1',
})
const looks: readonly Seen[] = [seeing(clone), seeing(settledValues), { guest: 'absent' }, seeing(clone, { power: 'running' })]

const frozen = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen)
  return value
}

/** What PVE's configuration holds after the request, as far as steps can tell: new disks have a volume, a password is masked. */
function applied(values: Values, { set, remove }: ConfigPatch): Values {
  const kept = Object.entries(values).filter(([key]) => !remove.includes(key))
  const sent = Object.entries(set).map(([key, value]) => [key, key === 'cipassword' ? '**********' : stored(value)] as const)
  return Object.fromEntries([...kept, ...sent])
}
const stored = (value: string) =>
  value.replace(/^([\w-]+):([\d.]+)(?=,|$)/, (_, storage: string) => `${storage}:vm-10000-disk-1,size=100G`).replace(',format=qcow2', '')
const sentOnce = (want: Want): Want => ({ ...want, ...(want.passwordVersion !== undefined && { passwordInForce: want.passwordVersion }) })

/** A writer that notes what it is asked for; everything is taken. */
function noting(): { writer: GuestWriter; writes: string[] } {
  const writes: string[] = []
  const task = (name: string) => () => {
    writes.push(name)
    return Promise.resolve('UPID:pve1:00000001:00000001:65930000:task:10000:op@pve!k8s:')
  }
  return {
    writes,
    writer: {
      resize: task('resize'),
      start: task('start'),
      shutdown: task('shutdown'),
      writeConfig: () => task('config')().then(() => undefined),
      putBack: (entry) => task(`put back ${entry.put}`)().then(() => undefined),
      writeFirewall: (write) => task(`firewall ${write.do}`)().then(() => undefined),
    },
  }
}

describe.each(steps)('doing %s', (_name, step: Step) => {
  it('makes one write at the most, and only where looking missed something', async () => {
    const halted = { ...wish, power: 'stopped' as const, mayStop: true }
    for (const want of [wish, halted])
      for (const seen of looks.filter((look) => look.config && step.check(look, want).is === 'missing')) {
        const { writer, writes } = noting()

        const outcome = await step.apply({ writer, seen: frozen(seen), want: frozen(want) })

        expect(writes).toHaveLength(1)
        expect(['done', 'wait']).toContain(outcome.is)
      }
  })
})

/** What an admin or another tool has set: no field of ours, so no step touches it. */
const theirs: Values = {
  hookscript: 'local:snippets/h.pl',
  startup: 'order=3',
  hostpci0: '0000:01:00.0',
  scsi7: 'local-lvm:vm-10000-disk-7,size=1G',
  net1: 'virtio=BC:24:11:AA:AA:AB,bridge=vmbr7',
  args: '-no-hpet',
}

describe.each(configSteps)('doing %s', (_name, step) => {
  it('names no key that is not ours', () => {
    const { set, remove } = step.change({ ...settledValues, ...theirs }, { ...wish, fresh: false })

    expect([...Object.keys(set), ...remove].filter((key) => key in theirs)).toEqual([])
  })

  it('keeps the options of a drive and of a network card that are not ours', () => {
    const values = {
      ...settledValues,
      scsi0: 'local-lvm:vm-10000-disk-0,aio=native,serial=abc,size=10G,wwn=0x5000000000000001',
      net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr9,queues=4',
    }
    const { set } = step.change(values, { ...wish, fresh: false })

    expect(set.scsi0 ?? values.scsi0).toMatch(/aio=native.*serial=abc.*wwn=0x5000000000000001/)
    expect(set.net0 ?? values.net0).toContain('queues=4')
    expect(Object.keys(set).every((key) => (values as Values)[key] !== set[key])).toBe(true)
  })
})

describe.each(steps)('%s', (_name, step: Step) => {
  it('looks without touching what it sees', () => {
    for (const seen of looks) expect(() => step.check(frozen(seen), frozen(wish))).not.toThrow()
  })

  it('says the same of the same', () => {
    for (const seen of looks) expect(step.check(seen, wish)).toEqual(step.check(structuredClone(seen), structuredClone(wish)))
  })

  it('never tells the password', () => {
    for (const seen of looks) expect(JSON.stringify(step.check(seen, wish))).not.toContain(password)
  })

  it('belongs to a rung of the manual', () => expect(localStatuses).toContain(step.rung))
})

describe.each(configSteps)('%s', (_name, step) => {
  it('is satisfied once its own change is applied', () => {
    const after = applied(clone, step.change(clone, wish))

    expect(step.change(after, sentOnce(wish))).toEqual({ set: {}, remove: [] })
    expect(step.check(seeing(after), sentOnce(wish))).toEqual({ is: 'satisfied' })
  })

  it('answers both questions from one difference', () => {
    for (const values of [clone, settledValues])
      expect(step.check(seeing(values), wish).is === 'satisfied').toBe(isEmpty(step.change(values, wish)))
  })

  it('touches only what differs', () => {
    const { set, remove } = step.change(clone, wish)

    for (const [key, value] of Object.entries(set)) expect(clone[key]).not.toBe(value)
    for (const key of remove) expect(clone).toHaveProperty(key)
  })
})

describe('the ladder', () => {
  it('is climbed in the order of the manual', () => {
    const rungs = provision.map((step) => localStatuses.indexOf(step.rung))

    expect(rungs).toEqual(rungs.toSorted((a, b) => a - b))
  })

  it('leaves no rung after the creation without a step', () => {
    expect([...new Set(provision.map((step) => step.rung))]).toEqual(localStatuses.slice(1))
  })

  it('finds a VM that is not there unfinished', () => {
    expect(provision.map((step) => step.check({ guest: 'absent' }, wish).is).filter((is) => is === 'refused')).toEqual([])
    expect(provision[0]?.check({ guest: 'absent' }, wish)).toEqual({ is: 'missing', message: 'the VM does not exist yet' })
  })

  it('settles every configuration key with one request', () => {
    const patch = mergedChange(provision.filter(isConfigStep), clone, wish)
    const after = applied(clone, patch)

    expect(mergedChange(provision.filter(isConfigStep), after, sentOnce(wish))).toEqual({ set: {}, remove: [] })
  })

  it('never sets and removes the same key, which PVE refuses', () => {
    const { set, remove } = mergedChange(provision.filter(isConfigStep), clone, wish)

    expect(Object.keys(set).filter((key) => remove.includes(key))).toEqual([])
  })
})

describe('the sentence of a change', () => {
  it('shows what was and what will be, never a secret, and no more than a line of it', () => {
    const patch: ConfigPatch = {
      set: { cores: '2', cipassword: password, description: `a\n${'x'.repeat(200)}` },
      remove: ['balloon', 'cipassword'],
    }

    expect(sentenceOf({ cipassword: '**********', balloon: '0' }, patch)).toBe(
      `cores unset → 2, cipassword (secret) → (secret), description unset → a ${'x'.repeat(115)}…, balloon 0 → unset, cipassword (secret) → unset`,
    )
  })
})
