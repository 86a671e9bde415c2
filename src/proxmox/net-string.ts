import { type Options, type Property, parseProperties, printOptions, sameOptions } from './property-string.ts'

/** A network device, `virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1`. */
export interface Net {
  readonly model: string
  /** Absent only in a request: PVE then invents one, on an existing NIC too (recording 20), so we always send it. */
  readonly macAddress?: string
  readonly options: Options
}

const modelPattern =
  /^(?:virtio|e1000e?|e1000-82540em|e1000-82544gc|e1000-82545em|i82551|i82557b|i82559er|ne2k_isa|ne2k_pci|pcnet|rtl8139|vmxnet3)$/

/** Reads both spellings: `virtio=MAC,…`, as PVE prints it, and `model=virtio,macaddr=MAC,…`, as it also accepts it. */
export function parseNet(text: string): Net {
  const properties = parseProperties(text)
  const named = (key: string) => properties.find((property) => property.key === key)?.value
  const short = properties.find(({ key }) => key !== undefined && modelPattern.test(key))
  const model = short?.key ?? named('model') ?? properties.find(({ key }) => key === undefined)?.value ?? ''
  const macAddress = short?.value ?? named('macaddr')
  const rest = properties.filter((property) => property !== short && !isIdentity(property))
  const options = new Map(rest.map(({ key, value }) => [key ?? '', value] as const))
  return { model, ...(macAddress !== undefined && { macAddress }), options }
}

const isIdentity = ({ key }: Property): boolean => key === undefined || key === 'model' || key === 'macaddr'

export function printNet(net: Net): string {
  const head = net.macAddress === undefined ? net.model : `${net.model}=${net.macAddress}`
  return [head, ...printOptions(net.options)].join(',')
}

/** Equal for PVE: order, case of the MAC, spelling of booleans and numbers aside. */
export const sameNet = (a: Net, b: Net): boolean =>
  a.model === b.model && a.macAddress?.toUpperCase() === b.macAddress?.toUpperCase() && sameOptions(a.options, b.options)
