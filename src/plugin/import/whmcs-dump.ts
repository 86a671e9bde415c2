/**
 * Services in a mysqldump of a WHMCS database: `tblhosting` and `tblproducts`, whose columns WHMCS documents. Where PUQ's module keeps VMID and
 * MAC address its public manual does not say (its code is encrypted), so such services are told by address and name (pure).
 */
import { canonical, parseAddress } from '../../ipam/address.ts'
import { servicesOf, type PanelService } from './panel-list.ts'

type Row = Readonly<Record<string, string>>

/** PUQ's module by both of its spellings. */
const moduleName = /^puqproxmoxkvm$/i

/** Throws a sentence that says what is missing. */
export function servicesOfDump(text: string): PanelService[] {
  const hosting = rowsOfTable(text, 'tblhosting')
  const products = rowsOfTable(text, 'tblproducts')
  if (hosting.length === 0) throw new Error('the dump has no INSERT INTO `tblhosting`; make it with mysqldump --complete-insert')
  if (products.length === 0) throw new Error('the dump has no INSERT INTO `tblproducts`; make it with mysqldump --complete-insert')
  const ours = new Map(products.filter(({ servertype = '' }) => moduleName.test(servertype)).map((row) => [row['id'] ?? '', row]))
  if (ours.size === 0) throw new Error('no product of the dump has the module puqProxmoxKVM (tblproducts.servertype)')
  const rows = hosting.filter(({ packageid = '' }) => ours.has(packageid))
  return servicesOf(rows.map((row, at) => ({ line: at + 1, cells: cellsOf(row, ours.get(row['packageid'] ?? '')) })))
}

function cellsOf(row: Row, product: Row | undefined): Row {
  const addresses = [row['dedicatedip'] ?? '', ...(row['assignedips'] ?? '').split(/[\s,;|]+/)].filter(
    (text) => parseAddress(text) !== undefined,
  )
  return {
    service_id: row['id'] ?? '',
    client_id: row['userid'] ?? '',
    status: row['domainstatus'] ?? '',
    addresses: [...new Set(addresses.map(canonical))].join(' '),
    hostname: row['domain'] ?? '',
    package: (product?.['name'] ?? '')
      .trim()
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, ''),
  }
}

/** Rows of `INSERT INTO table (columns) VALUES (…),(…);`, with or without the columns if CREATE TABLE has them. */
export function rowsOfTable(text: string, name: string): Row[] {
  const rows: Row[] = []
  const insert = new RegExp(`INSERT INTO \`${name}\`\\s*(\\([^)]*\\))?\\s*VALUES\\s*`, 'g')
  for (let found = insert.exec(text); found; found = insert.exec(text)) {
    const columns = found[1] === undefined ? columnsOf(text, name) : namesIn(found[1])
    for (const values of tuplesFrom(text, insert.lastIndex))
      rows.push(Object.fromEntries(columns.map((column, at) => [column, values[at] ?? ''])))
  }
  return rows
}

const namesIn = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].flatMap(([, name]) => name ?? [])

function columnsOf(text: string, name: string): string[] {
  const body = new RegExp(`CREATE TABLE \`${name}\` \\(\\n([\\s\\S]*?)\\n\\)`).exec(text)?.[1]
  if (body === undefined) throw new Error(`the dump does not say the columns of ${name}; make it with mysqldump --complete-insert`)
  return body.split('\n').flatMap((line) => /^\s*`([^`]+)`/.exec(line)?.[1] ?? [])
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0', Z: '\u001A' }

/** Values of each tuple; NULL is the empty text. */
function* tuplesFrom(text: string, start: number): Generator<string[]> {
  let values: string[] = []
  let value = ''
  let isQuoted = false
  let isInside = false
  for (let at = start; at < text.length; at++) {
    const letter = text.charAt(at)
    if (isQuoted) {
      if (letter === '\\') {
        const next = text.charAt(++at)
        value += escapes[next] ?? next
      } else if (letter === "'" && text[at + 1] === "'") value += text.charAt(++at)
      else if (letter === "'") isQuoted = false
      else value += letter
    } else if (letter === "'") isQuoted = true
    else if (letter === '(' && !isInside) isInside = true
    else if (letter === ',' && isInside) {
      values.push(value)
      value = ''
    } else if (letter === ')' && isInside) {
      yield [...values, value].map((one) => (one === 'NULL' ? '' : one))
      values = []
      value = ''
      isInside = false
    } else if (letter === ';' && !isInside) return
    else if (isInside && letter.trim() !== '') value += letter
  }
}
