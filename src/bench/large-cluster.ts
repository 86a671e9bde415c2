/** A PVE cluster of 32 nodes and 5,000 guests, most of them not ours: what its listing costs the operator, in a process that does nothing else. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { requirePort } from '../local-stack/ports.ts'
import { startProgram } from '../local-stack/program.ts'
import { systemClock } from '../ops/clock.ts'
import { changedGuests, listingOf } from '../proxmox/listing.ts'
import { Pve } from '../proxmox/endpoints.ts'
import { PveClient } from '../proxmox/client.ts'
import type { Section } from './report.ts'

const nodes = 32
const guests = 5_000
const rounds = 20

const name = (at: number): string => `pve${(at % nodes) + 1}`

/** Guests as a hosting panel makes them. */
const scenario = {
  nodes: Array.from({ length: nodes }, (_, at) => ({ name: name(at), memory: '512GiB' })),
  templates: [],
  guests: Array.from({ length: guests }, (_, at) => ({
    vmid: 1_000 + at,
    node: name(at),
    running: at % 4 !== 0,
    config: {
      name: `client-${at}.example.net`,
      cores: '2',
      memory: '2048',
      tags: 'panel;client',
      net0: `virtio=BC:24:11:00:00:00,bridge=vmbr0`,
    },
  })),
}

/** Needs no control plane: only the listing is read, as it is every 5 to 7 s. */
export async function largeCluster(dir: string): Promise<Section> {
  await mkdir(dir, { recursive: true })
  const file = join(dir, 'large-cluster.json')
  await writeFile(file, JSON.stringify(scenario))
  const address = `127.0.0.1:${await requirePort()}`
  const args = ['simulate', '--listen', address, '--scenario', file]
  const simulator = startProgram({ name: 'simulator', args, logFile: join(dir, 'large-cluster.log'), readyLine: 'ready' })
  const options = {
    endpoints: [`https://${address}`],
    tokenID: 'root@pam!sim',
    tokenSecret: 'sim',
    tls: { insecureSkipVerify: true },
    requestsInFlight: 8,
  }
  const client = new PveClient(options, { clock: systemClock })
  try {
    await simulator.ready
    const rows = await new Pve(client).resources()
    const text = JSON.stringify({ data: rows })
    const parse = timed(() => JSON.parse(text) as { data: typeof rows })
    let former = listingOf(rows, 0)
    const build = timed(() => listingOf(rows, 0))
    const compare = timed(() => changedGuests(former, (former = listingOf(rows, 1))))
    const kept = heapOf(() => listingOf((JSON.parse(text) as { data: typeof rows }).data, 0))
    const ms = (value: number): string => `${value.toFixed(1)} ms`
    const all = parse + compare
    return {
      name: 'large-cluster',
      title: 'A cluster of 32 nodes and 5,000 guests',
      setting:
        'Its listing, `GET /cluster/resources`, read by the operator’s own code; the mean of 20. The operator asks for it every 7 s, every 5 s while something is under way, and keeps two.',
      command: 'make bench ONLY=large-cluster',
      figures: [
        { what: 'rows', measured: rows.length.toLocaleString('en') },
        { what: 'size', measured: `${(text.length / 1e6).toFixed(2)} MB` },
        { what: 'reading the text', measured: ms(parse) },
        { what: 'making a listing of it', measured: ms(build) },
        { what: 'the same, and comparing it with the former one', measured: ms(compare) },
        {
          what: 'of one core, at one every 5 s',
          measured: `${((all / 5_000) * 100).toFixed(2)} %`,
          budget: { text: '< 2 %', met: all / 5_000 < 0.02 },
        },
        { what: 'the event loop does nothing else for', measured: ms(all), budget: { text: '< 250 ms', met: all < 250 } },
        { what: 'memory of one listing', measured: `${(kept / 1e6).toFixed(1)} MB`, budget: { text: '< 10 MB', met: kept < 10e6 } },
      ],
      tables: [],
    }
  } finally {
    await client.close()
    await simulator.stop()
  }
}

/** Milliseconds of CPU, the mean of some rounds. */
function timed(work: () => unknown): number {
  work()
  const before = process.cpuUsage()
  for (let round = 0; round < rounds; round += 1) work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000 / rounds
}

/** Bytes that stay. */
function heapOf<T>(make: () => T): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const kept: T[] = []
  collect()
  const before = process.memoryUsage().heapUsed
  for (let at = 0; at < rounds; at += 1) kept.push(make())
  collect()
  return (process.memoryUsage().heapUsed - before) / kept.length
}
