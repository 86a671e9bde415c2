/** `make whmcs`: dist/pveoperator-whmcs.zip, to be unpacked in the folder of WHMCS. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { whmcsFiles } from './whmcs-files.ts'
import { zipOf } from './zip.ts'

const dist = join(import.meta.dirname, '../../dist')
const { version } = JSON.parse(readFileSync(join(dist, '../package.json'), 'utf8')) as { version: string }
const archive = join(dist, `pveoperator-whmcs-${version}.zip`)
mkdirSync(dist, { recursive: true })
writeFileSync(archive, zipOf(whmcsFiles()))
process.stdout.write(`${archive}: unpack it in the folder of WHMCS (docs/whmcs.md)\n`)
