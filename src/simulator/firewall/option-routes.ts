import { paramError } from '../http/refusal.ts'
import { Envelope, type Call, type Route } from '../routes.ts'
import { assertUnmodified, objectDigest } from './digest.ts'
import { emptyFirewall, type FirewallFile } from './file.ts'
import { datacenterPlace, guestPlace, listOf, loadFile, plainText, saveFile, type Place } from './place.ts'

type Options = FirewallFile['options']

const guestOptions = 'enable macfilter dhcp ndp radv ipfilter policy_in policy_out log_level_in log_level_out'.split(' ')
const datacenterOptions = 'enable ebtables policy_in policy_out policy_forward log_ratelimit'.split(' ')
const hostOptions = (
  'enable log_level_in log_level_out log_level_forward tcp_flags_log_level smurf_log_level nosmurfs tcpflags nf_conntrack_max ' +
  'nf_conntrack_tcp_timeout_established nf_conntrack_tcp_timeout_syn_recv ndp nf_conntrack_allow_invalid nf_conntrack_helpers ' +
  'protection_synflood protection_synflood_rate protection_synflood_burst log_nf_conntrack nftables'
).split(' ')

function changed(options: Options, names: readonly string[], call: Call): Options {
  assertUnmodified(objectDigest(options), call.params['digest'])
  const next = { ...options }
  for (const name of listOf(call.params['delete'])) {
    if (!names.includes(name)) throw paramError({ delete: `no such option '${name}'` })
    delete next[name]
  }
  for (const name of names) {
    const value = call.params[name]
    if (value !== undefined) next[name] = typeof value === 'number' ? value : plainText(value)
  }
  return next
}

function shown(options: Options): Record<string, string | number> {
  return { ...options, digest: objectDigest(options) }
}

/** `enable` above 1 is a moment in seconds: it holds for 60 s, PVE's guard against locking oneself out. */
function datacenterShown(options: Options, nowSeconds: number): Options {
  const enable = Number(options['enable'] ?? 0)
  return enable > 1 && nowSeconds - enable > 60 ? { ...options, enable: 0 } : options
}

const secondsOf = (call: Call): number => Math.floor(call.world.clock.now() / 1000)

function optionRoutes(place: Place, names: readonly string[]): Route[] {
  const read = (call: Call): Options => {
    const { options } = loadFile(place, call)
    return place.env === 'cluster' ? datacenterShown(options, secondsOf(call)) : options
  }
  return [
    { method: 'GET', path: `${place.prefix}/options`, handler: (call) => shown(read(call)) },
    {
      method: 'PUT',
      path: `${place.prefix}/options`,
      handler: (call) => {
        const options = changed(read(call), names, call)
        if (place.env === 'cluster' && Number(call.params['enable'] ?? 0) > 1) options['enable'] = secondsOf(call)
        saveFile(place, call, { ...loadFile(place, call), options })
        return null
      },
    },
  ]
}

const hostKey = (call: Call): string => `node/${call.node}`

const hostRoutes: Route[] = [
  {
    method: 'GET',
    path: '/nodes/{node}/firewall/options',
    handler: (call) => shown(call.world.firewall.get(hostKey(call))?.options ?? {}),
  },
  {
    method: 'PUT',
    path: '/nodes/{node}/firewall/options',
    handler: (call) => {
      const file = call.world.firewall.get(hostKey(call)) ?? emptyFirewall()
      call.world.firewall.set(hostKey(call), { ...file, options: changed(file.options, hostOptions, call) })
      return null
    },
  },
]

const names = (list: string): { name: string }[] => list.split(' ').map((name) => ({ name }))

const indexRoutes: Route[] = [
  { method: 'GET', path: guestPlace.prefix, handler: () => names('rules aliases ipset refs options') },
  { method: 'GET', path: datacenterPlace.prefix, handler: () => names('aliases rules options groups ipset macros refs') },
  {
    method: 'GET',
    path: `${guestPlace.prefix}/log`,
    handler: () => new Envelope([{ n: 1, t: 'unable to open file - No such file or directory' }], { total: 1 }),
  },
]

export const firewallOptionRoutes: readonly Route[] = [
  ...optionRoutes(guestPlace, guestOptions),
  ...optionRoutes(datacenterPlace, datacenterOptions),
  ...hostRoutes,
  ...indexRoutes,
]
