import { type Call, str } from '../routes.ts'
import { checkSnippets, cloudInitKey, isOnDrive, regenerate } from './cloudinit.ts'
import { checkLock, flockPath, loadGuest } from './find.ts'
import type { Guest } from './guest.ts'
import { apiValue } from './view.ts'

/** Options the view lists one by one; of the name, the NICs and their addresses only what was added or deleted shows (recording 23). */
const listed = 'cicustom cipassword citype ciuser ciupgrade nameserver searchdomain sshkeys'.split(' ')

/** GET cloudinit: what the drive says against what the config says (PVE::API2::Qemu cloudinit_pending). */
export function cloudInitView(call: Call): Record<string, unknown>[] {
  const { config, generated } = loadGuest(call.world, call.node, call.vmid)
  const onDrive = [...config.keys()].filter(isOnDrive)
  // A password that is new since then is not recorded as added.
  const added = generated === undefined ? [] : onDrive.filter((key) => !generated.has(key) && key !== 'cipassword')
  const deleted = generated === undefined ? [] : [...generated.keys()].filter((key) => !config.has(key))
  const kept = listed.filter((key) => config.has(key) && !added.includes(key))
  return [
    ...added.map((key) => ({ key, pending: apiValue(key, config.get(key) ?? '') })),
    ...kept.map((key) => {
      const wanted = config.get(key) ?? ''
      const value = generated?.get(key) ?? wanted
      return { key, value: apiValue(key, value), ...(value === wanted ? {} : { pending: apiValue(key, wanted) }) }
    }),
    ...deleted.map((key) => ({ key, delete: 1 })),
  ]
}

/** PUT cloudinit: the medium is written anew and swapped. */
export async function putCloudInit(call: Call): Promise<null> {
  const release = await call.world.flocks.take(flockPath(call.vmid), 10_000)
  try {
    const guest = loadGuest(call.world, call.node, call.vmid)
    checkLock(guest)
    if (cloudInitKey(guest.config) !== undefined) {
      checkSnippets(call.world, call.node, guest)
      regenerate(guest)
    }
    return null
  } finally {
    release()
  }
}

/** GET cloudinit/dump. */
export function dumpCloudInit(call: Call): string {
  const guest = loadGuest(call.world, call.node, call.vmid)
  const type = str(call, 'type')
  if (type === 'user') return userData(call, guest)
  return type === 'meta' ? metaData(call, guest) : networkData(guest)
}

function userData(call: Call, guest: Guest): string {
  const { config } = guest
  const fqdn = config.get('name') ?? `VM${guest.vmid}`
  const [host = fqdn] = fqdn.split('.')
  const domain = config.get('searchdomain')
  const lines = [
    '#cloud-config',
    `hostname: ${host}`,
    'manage_etc_hosts: true',
    `fqdn: ${fqdn.includes('.') || domain === undefined ? fqdn : `${fqdn}.${domain}`}`,
  ]
  if (config.has('ciuser')) lines.push(`user: ${config.get('ciuser')}`)
  if (config.has('cipassword'))
    lines.push(
      `password: ${call.world.access.has(call.user, `/vms/${guest.vmid}`, 'VM.Config.Cloudinit') ? config.get('cipassword') : '**********'}`,
    )
  if (config.has('sshkeys')) {
    lines.push('ssh_authorized_keys:')
    for (const key of decodeURIComponent(config.get('sshkeys') ?? '')
      .split('\n')
      .filter(Boolean))
      lines.push(`  - ${key}`)
  }
  lines.push('chpasswd:', '  expire: False')
  if (!config.has('ciuser')) lines.push('users:', '  - default')
  if (config.get('ciupgrade') !== '0') lines.push('package_upgrade: true')
  return `${lines.join('\n')}\n`
}

function metaData(call: Call, guest: Guest): string {
  return `instance-id: ${hash(userData(call, guest) + networkData(guest))}\n`
}

function hash(text: string): string {
  let a = 0x811c9dc5
  let out = ''
  for (let round = 0; out.length < 40; round++) {
    for (const char of text + round) a = Math.imul(a ^ char.charCodeAt(0), 0x01000193) >>> 0
    out += a.toString(16).padStart(8, '0')
  }
  return out
}

function networkData(guest: Guest): string {
  const lines = ['version: 1', 'config:']
  for (const [key, text] of guest.config) {
    const index = /^ipconfig(\d+)$/.exec(key)?.[1]
    const mac = /=([0-9A-Fa-f:]{17})/.exec(guest.config.get(`net${index}`) ?? '')?.[1]
    if (index === undefined || mac === undefined) continue
    lines.push('    - type: physical', `      name: eth${index}`, `      mac_address: '${mac.toLowerCase()}'`, '      subnets:')
    const part = (name: string) => new RegExp(`(?:^|,)${name}=([^,]+)`).exec(text)?.[1]
    for (const [ip, gw] of [
      [part('ip'), part('gw')],
      [part('ip6'), part('gw6')],
    ] as const) {
      if (ip === undefined) continue
      if (!ip.includes('/')) lines.push(`      - type: ${ip === 'auto' ? 'ipv6_slaac' : 'dhcp4'}`)
      else lines.push('      - type: static', `        address: '${ip}'`, ...(gw === undefined ? [] : [`        gateway: '${gw}'`]))
    }
  }
  lines.push(
    '    - type: nameserver',
    '      address:',
    ...(guest.config.get('nameserver') ?? '')
      .split(/[ ,;]+/)
      .filter(Boolean)
      .map((a) => `      - '${a}'`),
  )
  return `${lines.join('\n')}\n`
}
