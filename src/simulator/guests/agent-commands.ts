/** Commands of the guest agent that only report or do something inside; answers as QEMU's guest agent on Linux gives them. */
import { PveRefusal, refuse } from '../http/refusal.ts'
import { type Call, int, type Route, str } from '../routes.ts'
import { agentOf, agentShutdown, hostName, interfaces, osInfo, ping } from './agent.ts'
import type { Guest } from './guest.ts'
import { cpusOf, maxDiskBytes, memoryBytes } from './usage.ts'

const vm = '/nodes/{node}/qemu/{vmid}'
const names =
  'exec exec-status file-close file-flush file-open file-read file-seek file-write fsfreeze-freeze fsfreeze-freeze-list fsfreeze-status ' +
  'fsfreeze-thaw fstrim get-fsinfo get-host-name get-memory-block-info get-memory-blocks get-osinfo get-time get-timezone get-users get-vcpus ' +
  'info network-get-interfaces ping set-time set-user-password set-vcpus shutdown suspend-disk suspend-hybrid suspend-ram sync sync-delimited'

const mountpoint = '/'
const blockBytes = 128 * 1024 ** 2

type Answer = (guest: Guest, call: Call) => unknown

function fileSystems(guest: Guest): unknown[] {
  const total = maxDiskBytes(guest.config)
  return [
    {
      name: 'sda1',
      mountpoint,
      type: 'ext4',
      'total-bytes': total,
      'used-bytes': Math.min(total, 2 * 1024 ** 3),
      disk: [
        { 'bus-type': 'scsi', bus: 0, target: 0, unit: 0, 'pci-controller': { domain: 0, bus: 0, slot: 5, function: 0 }, dev: '/dev/sda1' },
      ],
    },
  ]
}

const answers: Readonly<Record<string, Answer>> = {
  info: () => ({
    version: '10.0.2',
    supported_commands: names.split(' ').map((name) => ({ name: `guest-${name}`, enabled: true, 'success-response': true })),
  }),
  // PVE thaws by itself when it freezes for a snapshot: nobody ever finds a guest frozen that nobody froze (facts 22).
  'fsfreeze-status': (guest) => (guest.process?.isFrozen ? 'frozen' : 'thawed'),
  'fsfreeze-freeze': (guest) => freeze(guest, true),
  'fsfreeze-thaw': (guest) => freeze(guest, false),
  fstrim: () => ({ paths: [{ path: mountpoint, trimmed: 0, minimum: 0 }] }),
  'set-user-password': (_, call) => {
    // encode_base64 of characters, not of their UTF-8.
    if (/[\u{100}-\u{10ffff}]/u.test(str(call, 'password') ?? ''))
      refuse('Wide character in subroutine entry at /usr/share/perl5/PVE/API2/Qemu/Agent.pm line 266.')
    return {}
  },
  'get-time': (_, { world }) => world.clock.now() * 1_000_000,
  'get-timezone': () => ({ zone: 'UTC', offset: 0 }),
  'get-users': () => [],
  'get-fsinfo': fileSystems,
  'get-vcpus': (guest) =>
    Array.from({ length: cpusOf(guest.config, Number.POSITIVE_INFINITY) }, (_, id) => ({
      'logical-id': id,
      online: true,
      'can-offline': id > 0,
    })),
  'get-memory-block-info': () => ({ size: blockBytes }),
  'get-memory-blocks': (guest) =>
    Array.from({ length: Math.ceil(memoryBytes(guest.config) / blockBytes) }, (_, index) => ({
      'phys-index': index,
      online: true,
      'can-offline': true,
    })),
}

/** How many file systems changed their state. */
function freeze(guest: Guest, isFrozen: boolean): number {
  const { process } = guest
  if (process === undefined || (process.isFrozen ?? false) === isFrozen) return 0
  process.isFrozen = isFrozen
  return 1
}

function answer(name: string): Route['handler'] {
  return async (call) => {
    const guest = await agentOf(call)
    return { result: answers[name]?.(guest, call) ?? {} }
  }
}

/** POST agent: the old way to send a command by its name. */
async function byName(call: Call): Promise<unknown> {
  const name = str(call, 'command') ?? ''
  const route = [...own, ...plain].find(({ path }) => path === `${vm}/agent/${name}`)
  return route === undefined ? refuse(`unknown agent command '${name}'`) : route.handler(call)
}

/** There is no system inside: what is run ends at once, well and without a word. */
async function exec(call: Call): Promise<unknown> {
  const guest = await agentOf(call)
  const pid = call.world.tasks.nextPid()
  if (guest.process) (guest.process.agentPids ??= new Set()).add(pid)
  return { pid }
}

async function execStatus(call: Call): Promise<unknown> {
  const guest = await agentOf(call)
  if (!guest.process?.agentPids?.delete(int(call, 'pid') ?? 0)) throw new PveRefusal(500, "Agent error: Invalid parameter 'pid'")
  return { exited: 1, exitcode: 0 }
}

/** The one file that is there is the result of cloud-init. */
async function readFile(call: Call): Promise<unknown> {
  const guest = await agentOf(call)
  const path = str(call, 'file') ?? ''
  if (path === '/run/cloud-init/result.json' && guest.process?.inside) {
    const content = JSON.stringify({
      v1: { datasource: 'DataSourceNoCloud [seed=/dev/sr0]', errors: guest.process.inside.cloudInitErrors ?? [] },
    })
    return { content, 'bytes-read': content.length }
  }
  return refuse(`Agent error: failed to open file '${path}' (mode: 'r'): No such file or directory`)
}

const agent = (name: string, method: Route['method'], handler: Route['handler']): Route => ({
  method,
  path: `${vm}/agent/${name}`,
  handler,
})

const own: readonly Route[] = [
  agent('ping', 'POST', ping),
  agent('network-get-interfaces', 'GET', interfaces),
  agent('get-host-name', 'GET', hostName),
  agent('get-osinfo', 'GET', osInfo),
  agent('shutdown', 'POST', agentShutdown),
  agent('exec', 'POST', exec),
  agent('exec-status', 'GET', execStatus),
  agent('file-read', 'GET', readFile),
  agent('file-write', 'POST', async (call) => (await agentOf(call), null)),
]

const plain: readonly Route[] = Object.keys(answers).map((name) =>
  agent(name, name.startsWith('get-') || name === 'info' ? 'GET' : 'POST', answer(name)),
)

const index =
  'exec exec-status file-read file-write fsfreeze-freeze fsfreeze-status fsfreeze-thaw fstrim get-fsinfo get-host-name get-memory-block-info ' +
  'get-memory-blocks get-osinfo get-time get-timezone get-users get-vcpus info network-get-interfaces ping set-user-password shutdown suspend-disk ' +
  'suspend-hybrid suspend-ram'

/** Everything below VM/agent. */
export const agentRoutes: readonly Route[] = [
  { method: 'GET', path: `${vm}/agent`, handler: () => index.split(' ').map((name) => ({ name })) },
  { method: 'POST', path: `${vm}/agent`, handler: byName },
  ...own,
  ...plain,
]
